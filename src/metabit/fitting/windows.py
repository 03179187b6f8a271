"""Windows for recordings of which nobody said how to cut them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from metabit.trainer.data.own import folders
from metabit.trainer.data.own.recordings import read_recording
from metabit.trainer.recipe.data import DataRecipe

LONGEST_SECONDS = 1.0
"""Of a sound."""
LONGEST_ROWS = 144
"""Of a time series in CSV files, whose rows come more slowly."""
PARTS = 48
"""A window is a multiple of this, so that it divides into 8, 12 or 16 parts."""


def with_window(recipe: DataRecipe) -> DataRecipe:
    """The table with a window, if it names a folder of recordings and says none.

    A window holds nine of ten recordings whole, up to a second of sound or `LONGEST_ROWS` rows of a
    CSV file. Sounds that are shorter get silence after them.
    """
    own = recipe.own
    if own is None or own.window is not None or not folders.is_folder(Path(own.path)):
        return recipe
    lengths, longest = [], float(LONGEST_ROWS)
    for found in folders.files_in(Path(own.path), own.pattern):
        name = found.name.lower()
        if name.endswith(folders.PICTURES):
            return recipe
        made = read_recording(own, found)
        lengths.append(len(made.values))
        if name.endswith(folders.SOUNDS) and made.rate is not None:
            longest = LONGEST_SECONDS * made.rate
    usual = min(float(np.quantile(lengths, 0.9)), longest)
    if usual < PARTS:  # rows that stand for themselves
        return recipe
    window = max(1, round(usual / PARTS)) * PARTS
    is_sound = longest != LONGEST_ROWS
    return replace(recipe, window=window, hop=recipe.hop or (window if is_sound else window // 2))
