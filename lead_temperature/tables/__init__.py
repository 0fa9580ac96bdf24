"""What the command shows in the terminal."""
