"""Pages for people that the server gives."""
