"""How good a bundle is on looks that it has not learned from."""
