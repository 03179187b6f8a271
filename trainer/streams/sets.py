"""Streams of several data sets, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.images import check_images, enlargement, pad
from metabit.trainer.streams.stream import Source, Stream, Task

_MARGIN = 1 / 7
"""Width of the empty border of MNIST's images: digits fill the middle 20 of 28 pixels."""


def set_tasks(datasets: Sequence[DataSet]) -> Stream:
    """One task per set, each with the labels 0, 1, ... of its set and a bank of its own.

    Raises:
        InputError: the samples differ in shape or type, so that one network cannot read all.
    """
    first = datasets[0]
    for other in datasets[1:]:
        kinds = [(d.input_shape, d.dtype, d.zero_point) for d in (first, other)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{other.name} after {first.name}: samples of shape {other.input_shape} "
                f"({other.dtype}) and {first.input_shape} ({first.dtype}); one network needs one "
                "shape",
                code="E-STREAM",
            )
    titles = _different([dataset.name for dataset in datasets])
    tasks = tuple(
        Task(title, k, (Source(dataset.train),), Source(dataset.test))
        for k, (title, dataset) in enumerate(zip(titles, datasets, strict=True))
    )
    n_classes = max(dataset.n_classes for dataset in datasets)
    return Stream("sets", ", then ".join(titles), tasks, n_classes)


def _different(titles: list[str]) -> list[str]:
    """The same titles, with a number where a title is repeated."""
    return [
        title if title not in titles[:k] else f"{title} ({titles[: k + 1].count(title)})"
        for k, title in enumerate(titles)
    ]


def fitted(dataset: DataSet, first: DataSet) -> DataSet:
    """Adapt a set so that it can follow `first`: smaller images are enlarged and get a border.

    The border is as wide as MNIST's. Values are converted from the scale of one set to the scale of
    the other. A set that already fits, or that cannot be made to fit, stays as it is.
    """
    shape, wanted = dataset.input_shape, first.input_shape
    if len(shape) != 2 or len(wanted) != 2 or dataset.dtype != first.dtype:
        return dataset
    if wanted[0] != wanted[1] or shape[0] != shape[1] or shape[0] >= wanted[0]:
        return dataset
    check_images(dataset, 'stream = "sets"')
    margin = round(wanted[0] * _MARGIN)
    inner = wanted[0] - 2 * margin
    resample = enlargement((shape[0], shape[1]), (inner, inner))
    factor = dataset.scale / first.scale

    def enlarged(split: Split) -> Split:
        # Convert before interpolating: rounding to 17 levels afterwards would lose most of it.
        stretched = np.rint(split.x * factor).clip(0, 255).astype(np.uint8)
        return replace(split, x=pad(resample(stretched), margin))

    return replace(
        dataset,
        train=enlarged(dataset.train),
        test=enlarged(dataset.test),
        scale=first.scale,
    )
