"""Training again: as on past days, and with other settings."""
