"""Many leads scored at once, from files, by the same code as the server's answers."""
