"""Experiments that are no training runs of a recipe.

Each file has `run(seed, scale)`, which gives an `Outcome`.
"""
