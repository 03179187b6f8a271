"""Windows for recordings of which nobody said how to cut them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from metabit.trainer.data.own import folders
from metabit.trainer.recipe.data import DataRecipe

LONGEST_SECONDS = 1.0
PARTS = 48
"""A window is a multiple of this, so that it divides into 8, 12 or 16 parts."""


def with_window(recipe: DataRecipe) -> DataRecipe:
    """The table with a window, if it names a folder of sounds and says none.

    A window holds nine of ten recordings whole, up to a second; shorter ones get silence after
    them.
    """
    path = Path(recipe.path or "")
    if recipe.path is None or recipe.window is not None or not folders.is_folder(path):
        return recipe
    lengths, rate = [], 1
    for found in folders.files_in(path, recipe.pattern):
        if not found.name.lower().endswith(folders.SOUNDS):
            return recipe
        values, rate = folders.sound(found)
        lengths.append(len(values))
    longest = min(float(np.quantile(lengths, 0.9)), LONGEST_SECONDS * rate)
    window = max(1, round(longest / PARTS)) * PARTS
    return replace(recipe, window=window, hop=recipe.hop or window)
