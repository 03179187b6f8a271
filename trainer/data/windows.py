"""A data set of raw windows through a front end: what the network then sees. NumPy only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.frontend import FrontEnd, Operations, fit
from metabit.trainer.frontend.features import rows_of
from metabit.trainer.frontend.front_end import FEATURE_UNIT


def frames_and_channels(dataset: DataSet) -> tuple[int, int]:
    """Frames and channels of a sample.

    Raises:
        InputError: the samples are not windows of channels (E-FRONTEND).
    """
    if len(dataset.input_shape) != 2 or dataset.dtype == "uint8":
        shape = "x".join(map(str, dataset.input_shape))
        raise InputError(
            f"[frontend] needs windows of sensor values, and {dataset.name} has samples of {shape} "
            f"{dataset.dtype}",
            code="E-FRONTEND",
        )
    n_channels, n_frames = dataset.input_shape
    return n_frames, n_channels


def with_front_end(dataset: DataSet, shape: Operations) -> DataSet:
    """The set as its network sees it, with scales chosen from the training split.

    Args:
        dataset: samples of shape (n_channels, n_frames).
        shape: windows that fill the samples.
    """
    windows = _windows(dataset.train.x, shape).reshape(-1, shape.length, shape.n_channels)
    unit = np.full(shape.n_channels, dataset.scale, dtype=np.float32)
    front_end = fit(windows, shape, unit if dataset.units is None else dataset.units)

    def seen(split: Split) -> Split:
        return replace(split, x=samples_of_windows(split.x, front_end))

    return replace(
        dataset, train=seen(dataset.train), test=seen(dataset.test), dtype="int8",
        scale=1 / FEATURE_UNIT, zero_point=0, front_end=front_end,
    )  # fmt: skip


def samples_of_windows(x: NDArray[np.integer], front_end: FrontEnd) -> NDArray[np.int8]:
    """Samples of a network, (n, n_inputs), of raw ones, (n, n_channels, n_frames)."""
    shape = front_end.shape
    windows = _windows(x, shape)
    rows = rows_of(windows.reshape(-1, shape.length, shape.n_channels), front_end)
    return rows.reshape(len(x), shape.n_inputs)


def _windows(x: NDArray[np.integer], shape: Operations) -> NDArray[np.integer]:
    """Windows of samples: (n, n_channels, n_frames) to (n, stack, length, n_channels)."""
    starts = np.arange(shape.stack)[:, np.newaxis] * shape.hop
    return x.transpose(0, 2, 1)[:, starts + np.arange(shape.length)]
