"""The day's work: whom to contact, by whom, why and by when. No HTTP, no clock, no laboratory."""
