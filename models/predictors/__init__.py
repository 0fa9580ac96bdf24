"""What gives a margin: boosters, linear models, points cards, and blends of them."""
