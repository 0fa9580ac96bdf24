"""A first configuration for exports that nobody has described: what is there, what it means."""
