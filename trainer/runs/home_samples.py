"""Samples of a run's training, kept in its folder, so that an export can count what is known.

RUN/home.safetensors has up to 1,000 training samples of each class as the network read them, with
the labels that it was told. A head that learns on a device starts from them. Needs no
PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, FormatError
from metabit.trainer.files import read_arrays, write_arrays
from metabit.trainer.streams.stream import Source, Stream

SCHEMA = "metabit.home"
VERSION = 1
HOME = "home.safetensors"

MOST_PER_CLASS = 1000
MOST_BYTES = 16 * 2**20
"""Of all samples together; fewer per class are kept where they are large or classes many."""


@dataclass(frozen=True, eq=False)
class HomeSamples:
    """Training samples with their labels.

    Attributes:
        x: uint8 or int8, shape (n, *sample shape).
        y: the labels that the network was told, int64, shape (n,).
    """

    x: NDArray[Any]
    y: NDArray[np.int64]


def home_of(
    stream: Stream, seed: int, *, per_class: int = MOST_PER_CLASS, n_bytes: int = MOST_BYTES
) -> HomeSamples:
    """Training samples of all tasks of a stream, about as many of every class.

    Only the samples that are drawn are made.

    Args:
        stream: what the network was trained on.
        seed: of the draw.
        per_class: samples of a class at most.
        n_bytes: size of all samples at most; one sample of each class is kept in any case.
    """
    sources = [source for task in stream for source in task.train_source]
    told = np.concatenate([source.told().astype(np.int64) for source in sources])
    classes = np.unique(told)
    sample_bytes = sources[0].split.x[0].nbytes
    most = max(1, min(per_class, n_bytes // (sample_bytes * len(classes))))
    generator = np.random.default_rng(seed)
    drawn = [_some(np.flatnonzero(told == label), most, generator) for label in classes]
    return _made(sources, np.sort(np.concatenate(drawn)))


def _some(
    places: NDArray[np.int64], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    return places if len(places) <= most else generator.choice(places, most, replace=False)


def _made(sources: Sequence[Source], places: NDArray[np.int64]) -> HomeSamples:
    """The samples at these places of all sources in a row, in rising order."""
    x, y, begin = [], [], 0
    for source in sources:
        inside = places[(places >= begin) & (places < begin + len(source))] - begin
        begin += len(source)
        if len(inside):
            which = inside if source.which is None else source.which[inside]
            made = replace(source, which=which).made()
            x.append(made.x)
            y.append(made.y.astype(np.int64))
    return HomeSamples(np.ascontiguousarray(np.concatenate(x)), np.concatenate(y))


def write_home(path: Path, home: HomeSamples) -> None:
    """Write RUN/home.safetensors.

    Raises:
        StorageError: the file cannot be written.
    """
    write_arrays(path, {"x": home.x, "y": home.y}, {"schema": SCHEMA, "version": VERSION})


def read_home(path: Path) -> HomeSamples:
    """What `write_home` wrote.

    Raises:
        StorageError: the file cannot be read.
        FormatError: not the home samples of a run, or of a version that this metabit does not know.
        CorruptError: truncated or damaged.
    """
    arrays, content = read_arrays(path)
    if (content.get("schema"), content.get("version")) != (SCHEMA, VERSION):
        raise FormatError(f"{path}: does not hold {SCHEMA} version {VERSION}", code="E-SCHEMA")
    x, y = arrays.get("x"), arrays.get("y")
    if x is None or y is None or y.shape != x.shape[:1] or y.dtype != np.int64:
        raise CorruptError(f"{path}: not the home samples of a run", code="E-MODEL")
    return HomeSamples(x, y)
