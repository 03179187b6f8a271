"""Tables whose rows follow each other in time: whether they do, and how long a window of them is.

One row of a sensor says little about what happens there; a stretch of rows does. A table is taken
for a time series where rows of one class follow each other for long, and either times are given or
each row resembles the one before and every class comes back. A table that is only sorted by class
has no such likeness; in a table that is sorted by all of its columns most rows are equal to the one
before, as no signal is.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from metabit.errors import InputError
from metabit.fitting import fronts
from metabit.fitting.material import divided
from metabit.trainer.data.own import arrays, folders
from metabit.trainer.data.own.frames import Frames, stretches_in, without_missing
from metabit.trainer.data.own.load import frames_of_table, set_of_frames
from metabit.trainer.data.own.what import OwnData
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe

LENGTHS = (48, 96, 192, 384, 768)
"""Rows of a window; each divides into four parts of front ends."""
SHORTEST = (32,)
"""Where classes change too often for the others."""
NEAR = 0.02
"""A shorter window answers sooner, and is taken where a longer one is no better than this."""
LEAST_PER_CLASS = 20
"""Windows of the shortest length without which rows are left to stand for themselves."""
LIKENESS = 0.1
"""Least correlation of neighbouring rows, or against it, for which rows are a series."""
MOVING = 0.5
"""Least share of rows that differ from the one before, for which rows are a series."""
SHARE_OF_RAM = 4
"""The buffers of a window take no more than this part of the RAM."""
LOOKED_AT = 5000
"""Windows, at most, that lengths are compared with."""
FRONT = "statistics and 8 bands"
"""What lengths are compared with."""


def window_of(recipe: DataRecipe, ram_bytes: int | None, seed: int) -> int | None:
    """Rows per window for a table that is a time series; None for other data.

    Args:
        recipe: a path, and no window.
        ram_bytes: of the device, part of which a window may take; None for no limit.
        seed: of what is held out to compare lengths with.

    Raises:
        InputError, FormatError: the table cannot be read.
    """
    own = recipe.own
    path = None if own is None else Path(own.path)
    if own is None or path is None or own.window is not None or not path.is_file():
        return None
    if folders.is_folder(path) or path.suffix.lower() in arrays.SUFFIXES:
        return None
    frames = without_missing(frames_of_table(own, path), own.missing)
    usual = _usual_stretch(frames)
    lengths = LENGTHS if 2 * LENGTHS[0] <= usual else SHORTEST
    possible = [length for length in lengths if 2 * length <= usual]
    n_needed = LEAST_PER_CLASS * len(frames.class_names)
    if not possible or len(frames.values) < n_needed * possible[0] // 2 or not _is_series(frames):
        return None
    n_channels = len(frames.channels)
    room = np.inf if ram_bytes is None else ram_bytes / SHARE_OF_RAM
    small = [length for length in possible if _buffer_bytes(length, n_channels) <= room]
    return _chosen(recipe, own, frames, small or possible[:1], seed)


def _usual_stretch(frames: Frames) -> int:
    """Nine of ten rows lie in stretches of one class and recording that are at least so long."""
    lengths = np.sort(np.diff(stretches_in(frames)))
    before = np.cumsum(lengths) - lengths
    return int(lengths[np.searchsorted(before, 0.1 * lengths.sum(), side="right") - 1])


def _is_series(frames: Frames) -> bool:
    """Whether times are given, or neighbouring rows are alike in most channels, but not equal."""
    if frames.time is not None:
        return True
    bounds = stretches_in(frames)
    n_stretches = np.bincount(frames.label[bounds[:-1]], minlength=len(frames.class_names))
    moves = (frames.values[1:] != frames.values[:-1]).any(axis=1)
    if n_stretches.min() < 2 or moves.mean() < MOVING:
        return False
    values = frames.values.copy()
    for start, end in pairwise(bounds.tolist()):
        values[start:end] -= values[start:end].mean(axis=0)
    inside = np.ones(len(values) - 1, dtype=bool)
    inside[bounds[1:-1] - 1] = False
    products = (values[1:] * values[:-1])[inside].mean(axis=0)
    squares = np.maximum(np.square(values).mean(axis=0), 1e-30)
    least = max(LIKENESS, 4 / np.sqrt(len(values)))
    return bool(np.median(np.abs(products / squares)) > least)


def _buffer_bytes(length: int, n_channels: int) -> int:
    """Of a window and of its transform, see docs/FRONTEND.md."""
    return 2 * length * n_channels + 8 * (1 << (length - 1).bit_length())


def _chosen(recipe: DataRecipe, own: OwnData, frames: Frames, lengths: list[int], seed: int) -> int:
    """The shortest of these lengths that a linear classifier is nearly as good with as with any."""
    found: dict[int, float] = {}
    for length in lengths:
        hop = max(length // 2, len(frames.values) // LOOKED_AT)
        try:
            seen = set_of_frames(
                replace(own, window=length, hop=hop), frames, None, own.sample_rate
            )
            material = divided(seen, replace(recipe, window=length, hop=hop), seed)
        except InputError:  # too few windows of this length to compare; `read` says what is wrong
            continue
        found[length] = fronts.looked_at(material, {FRONT: FrontEndRecipe(bands=8)}, seed)[FRONT]
    if not found:
        return lengths[0]
    best = max(found.values())
    return min(length for length, accuracy in found.items() if accuracy >= best - NEAR)


def words_for(window: int) -> str:
    """What a person is told about it."""
    return (
        "taken for a time series, because rows of one class follow each other; a sample is a "
        f"window of {window} rows"
    )
