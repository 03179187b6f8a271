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


def with_front_end(dataset: DataSet, does: Operations) -> DataSet:
    """The set as its network sees it, with scales chosen from the training split.

    Args:
        dataset: samples of shape (n_channels, n_frames).
        does: windows that fill the samples.
    """
    windows = _windows(dataset.train.x, does).reshape(-1, does.length, does.n_channels)
    unit = np.full(does.n_channels, dataset.scale, dtype=np.float32)
    front_end = fit(windows, does, unit if dataset.units is None else dataset.units)

    def seen(split: Split) -> Split:
        return replace(split, x=samples_of_windows(split.x, front_end))

    return replace(
        dataset, train=seen(dataset.train), test=seen(dataset.test), dtype="int8",
        scale=1 / FEATURE_UNIT, zero_point=0, front_end=front_end,
    )  # fmt: skip


def samples_of_windows(x: NDArray[np.integer], front_end: FrontEnd) -> NDArray[np.int8]:
    """Samples of a network, (n, n_inputs), of raw ones, (n, n_channels, n_frames)."""
    does = front_end.does
    windows = _windows(x, does)
    rows = rows_of(windows.reshape(-1, does.length, does.n_channels), front_end)
    return rows.reshape(len(x), does.n_inputs)


def _windows(x: NDArray[np.integer], does: Operations) -> NDArray[np.integer]:
    """Windows of samples: (n, n_channels, n_frames) to (n, stack, length, n_channels)."""
    starts = np.arange(does.stack)[:, np.newaxis] * does.hop
    return x.transpose(0, 2, 1)[:, starts + np.arange(does.length)]
