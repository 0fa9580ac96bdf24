"""What a feature is, and its words."""
