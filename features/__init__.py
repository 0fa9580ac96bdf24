"""What is known about a lead at an instant: tables in, numbers out, nothing from the future."""
