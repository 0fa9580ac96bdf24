"""From margins to probabilities that hold."""
