"""Folders and zips of recordings or pictures, read as a model was trained on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metabit.export.shapes import map_samples
from metabit.export.spec import Model
from metabit.export.windows import counts_of, samples_of_raw
from metabit.readers.named_sets import trained_on
from metabit.readers.samples import Array, ReadSamples

if TYPE_CHECKING:
    from metabit.trainer.data.dataset import DataSet


def is_folder(data: str) -> bool:
    """Whether DATA of the command line is a folder, or a zip of files."""
    return data.lower().endswith(".zip") or Path(data).is_dir()


def from_folder(data: str, model: Model, split: str) -> ReadSamples:
    """Samples of a folder or zip, with the names of their classes.

    The names of files are read, and recordings are cut, as they were in training.

    Args:
        data: the path.
        model: the model that will see the samples.
        split: "test" or "train" where the model was trained on this path; all samples of another,
            whose files need not say a class.

    Raises:
        InputError, FormatError, CorruptError: see `metabit.trainer.data.own.load_own`.
    """
    from metabit.trainer.data.own import OwnData, load_new, load_own

    recipe = trained_on(model)
    own = OwnData(data) if recipe is None or recipe.own is None else recipe.own
    if recipe is not None and Path(own.path).resolve() == Path(data).resolve():
        found = load_own(replace(own, path=data))
        part, where = found.test if split == "test" else found.train, f"{data}, {split} samples"
    else:
        found = load_new(replace(own, path=data))
        part, where = found.train, data
    names = None if found.class_names == ("",) else np.array(found.class_names)[part.y]
    seen, recordings = _as_seen(part.x, found, model, where)
    return ReadSamples(seen, names, where, recordings=recordings)


def _as_seen(
    x: Array, found: DataSet, model: Model, where: str
) -> tuple[Array, tuple[Array, ...] | None]:
    """Samples as the model reads them, flat pictures or through its front end; and the frames of
    each in that case."""
    if model.front_end is None or found.units is None:
        maps = map_samples(x)
        return (maps if model.input.shape == maps.shape[1:] else x).reshape(len(x), -1), None
    frames = x.transpose(0, 2, 1).reshape(-1, x.shape[1]) * found.units
    counts = counts_of(frames, model.front_end, where)
    windows = counts.reshape(len(x), -1, x.shape[1]).transpose(0, 2, 1)
    samples = samples_of_raw(windows, model.front_end, where)
    return samples, tuple(window.T for window in windows)
