"""One lead over time: how its temperature came about and where it goes without news."""
