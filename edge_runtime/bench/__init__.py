"""How fast a packed model runs here, and what else would run a network of its shape how fast."""
