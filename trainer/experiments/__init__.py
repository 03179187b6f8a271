"""Experiments that are no training runs of a recipe: each file has `run(seed, scale)`."""
