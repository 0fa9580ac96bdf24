"""The executor: a lead's history and an instant in, exact numbers out."""
