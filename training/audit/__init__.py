"""Which columns and interactions know the future."""
