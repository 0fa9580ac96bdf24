"""How boosters, linear models and points cards are fitted, and the bundle of them."""
