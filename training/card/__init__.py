"""The model card: every figure of a training, as values."""
