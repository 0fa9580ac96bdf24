"""Registered bundles: record, compare, promote, roll back."""
