"""Samples of a run, kept in its folder, so that an export can count and guard what is known.

RUN/home.safetensors has up to 1,000 training samples of each class as the network read them, with
the labels that it was told: a head that learns on a device starts from them. It also has up to 400
test samples, which a guard asks whether learning does harm. Needs no PyTorch.
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
MOST_BYTES = 15 * 2**20
"""Of all training samples; fewer per class are kept where they are large or classes many."""
MOST_TESTS, MOST_TEST_BYTES = 400, 2**20
"""Of all test samples."""


@dataclass(frozen=True, eq=False)
class HomeSamples:
    """Samples with their labels.

    Attributes:
        x: training samples, uint8 or int8, shape (n, *sample shape).
        y: the labels that the network was told, int64, shape (n,).
        test_x, test_y: the same of test samples.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    test_x: NDArray[Any]
    test_y: NDArray[np.int64]


def home_of(
    stream: Stream, seed: int, *, per_class: int = MOST_PER_CLASS, n_bytes: int = MOST_BYTES
) -> HomeSamples:
    """Training samples of all tasks of a stream, about as many of every class.

    Only the samples that are drawn are made.

    Args:
        stream: what the network was trained on.
        seed: of the draw.
        per_class: samples of a class at most.
        n_bytes: size of all training samples at most; one of each class is kept in any case.
    """
    generator = np.random.default_rng(seed)
    x, y = _drawn([s for task in stream for s in task.train_source], per_class, n_bytes, generator)
    tested = list({id(task.test_source): task.test_source for task in stream}.values())
    n_classes = len(set().union(*(source.classes() for source in tested)))
    some = max(1, MOST_TESTS // n_classes)
    return HomeSamples(x, y, *_drawn(tested, some, MOST_TEST_BYTES, generator))


def _drawn(
    sources: Sequence[Source], per_class: int, n_bytes: int, generator: np.random.Generator
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Samples and labels, about as many of every class."""
    told = np.concatenate([source.told().astype(np.int64) for source in sources])
    classes = np.unique(told)
    sample_bytes = sources[0].split.x[0].nbytes
    most = max(1, min(per_class, n_bytes // (sample_bytes * len(classes))))
    drawn = [_some(np.flatnonzero(told == label), most, generator) for label in classes]
    return _made(sources, np.sort(np.concatenate(drawn)))


def _some(
    places: NDArray[np.int64], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    return places if len(places) <= most else generator.choice(places, most, replace=False)


def _made(
    sources: Sequence[Source], places: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
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
    return np.ascontiguousarray(np.concatenate(x)), np.concatenate(y)


def write_home(path: Path, home: HomeSamples) -> None:
    """Write RUN/home.safetensors.

    Raises:
        StorageError: the file cannot be written.
    """
    write_arrays(path, vars(home), {"schema": SCHEMA, "version": VERSION})


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
    try:
        home = HomeSamples(**arrays)
    except TypeError as error:
        raise CorruptError(f"{path}: not the home samples of a run", code="E-MODEL") from error
    for x, y in ((home.x, home.y), (home.test_x, home.test_y)):
        if y.shape != x.shape[:1] or y.dtype != np.int64 or not len(y):
            raise CorruptError(f"{path}: samples and labels do not fit", code="E-MODEL")
    return home
