"""Recipes: TOML files that say what to train on what. The keys of each table are in a file each."""

from __future__ import annotations

from metabit.trainer.recipe.recipe import Recipe, load_recipe, recipe_from_dict

__all__ = ["Recipe", "load_recipe", "recipe_from_dict"]
