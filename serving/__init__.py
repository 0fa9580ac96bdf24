"""How a model answers: a small HTTP server around one bundle."""
