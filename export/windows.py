"""What the front end of a model makes of raw frames, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.errors import InputError
from metabit.export.plain_array import plain_array
from metabit.export.spec import FrontEnd
from metabit.trainer.data.windows import samples_of_windows
from metabit.trainer.frontend import samples_of, to_counts

OF_THE_GRAPH = "front_end_of_the_graph"
"""Entry in META: the ONNX file of which the model was made does itself what the front end does, and
so takes other samples than the network does."""


def counts_of(frames: ArrayLike, front_end: FrontEnd, where: str) -> NDArray[np.int16]:
    """Frames as the counts that a device reads.

    Args:
        frames: shape (n, n_channels); integers are counts, floats are real values in the units of
            their channels, limited to what a count can hold.
        front_end: of the model.
        where: name of the data, for messages.

    Raises:
        InputError: another shape or type (E-SHAPE, E-DTYPE), integers beyond int16 (E-DATA-RANGE),
            NaN or infinity (E-NOT-FINITE).
    """
    array = plain_array(frames, where)
    n_channels = front_end.does.n_channels
    if array.ndim != 2 or array.shape[1] != n_channels:
        raise InputError(
            f"{where}: frames have shape {array.shape}, expected (n, {n_channels}): one value per "
            "channel",
            code="E-SHAPE",
        )
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            at = np.argwhere(~np.isfinite(array))[0].tolist()
            raise InputError(f"{where}: the value at {at} is not finite", code="E-NOT-FINITE")
        return to_counts(array, front_end.unit)[0]
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{where}: frames are {array.dtype}, expected numbers", code="E-DTYPE")
    if array.size and (array.min() < -32_768 or array.max() > 32_767):
        raise InputError(
            f"{where}: counts from {array.min()} to {array.max()}; a device reads -32768 to 32767",
            code="E-DATA-RANGE",
        )
    return np.ascontiguousarray(array, dtype=np.int16)


def samples_of_raw(x: NDArray[np.integer], front_end: FrontEnd, where: str) -> NDArray[np.int8]:
    """The samples of a network, (n, n_inputs), of raw windows, each as long as a sample needs.

    Args:
        x: counts, shape (n, n_channels, n_frames).
        front_end: of the model.
        where: name of the data, for messages.

    Raises:
        InputError: samples of another shape (E-SHAPE).
    """
    does = front_end.does
    wanted = (does.n_channels, does.n_frames)
    if x.shape[1:] != wanted:
        raise InputError(
            f"{where}: samples have shape {x.shape[1:]}; the front end of the model makes samples "
            f"of {wanted[0]} channels and {wanted[1]} frames",
            code="E-SHAPE",
        )
    return samples_of_windows(x, front_end)


def samples_of_recording(
    frames: ArrayLike, front_end: FrontEnd, where: str = "frames"
) -> NDArray[np.int8]:
    """The samples that one recording becomes, shape (n, n_inputs); see `counts_of` for errors."""
    return samples_of(counts_of(frames, front_end, where), front_end)
