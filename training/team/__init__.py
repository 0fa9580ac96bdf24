"""How the team sells, counted from an export alone."""
