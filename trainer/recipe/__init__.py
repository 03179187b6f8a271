"""Recipes: TOML files that say what to train on what.

recipe.py          a whole recipe as a dataclass
tables.py          strict tables: a wrong key is refused and the nearest right one named
data.py            the keys of [data]
frontend.py        the keys of [frontend]
network.py         the keys of [network]
method.py          the keys of [method]
train.py           the keys of [train]
learn.py           the keys of [learn]
registry.py        the methods that a recipe may name
method_options.py  the options of each method
dgm_options.py     the options of dgm, which has the most
"""

from __future__ import annotations

from metabit.trainer.recipe.recipe import Recipe, load_recipe, recipe_from_dict

__all__ = ["Recipe", "load_recipe", "recipe_from_dict"]
