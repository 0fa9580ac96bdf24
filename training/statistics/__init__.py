"""Figures and intervals, counted in leads."""
