"""How fast a model runs here, and what else would run a network of its shape: on a desk only."""
