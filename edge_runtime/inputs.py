"""Samples and labels as people pass them, checked and brought into the form the core reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.errors import InputError
from metabit.export.plain_array import plain_array
from metabit.export.spec import InputSpec

Samples = NDArray[np.uint8] | NDArray[np.int8]


MANY = 20
"""Where one value in so many does not fit, floats are no samples of a front end, which all fit."""


def quantize_input(x: NDArray[np.floating], spec: InputSpec, where: str) -> Samples:
    """Float samples to integers: round(x / scale) + zero_point, saturated.

    Args:
        x: any shape, finite.
        spec: scale, zero point and dtype.
        where: name of the model, for messages.

    Raises:
        InputError: NaN or infinity; says which sample (E-NOT-FINITE).
    """
    bad = ~np.isfinite(x)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{where}: sample value {x[at]} at {list(at)}: NaN and infinity cannot be used; clean "
            "the data first",
            code="E-NOT-FINITE",
        )
    info = np.iinfo(spec.dtype)
    levels = np.rint(x.astype(np.float64) / spec.scale) + spec.zero_point
    return _as_input(np.clip(levels, info.min, info.max), spec)


def _as_input(values: NDArray[Any], spec: InputSpec) -> Samples:
    """`values`, all in range, as a contiguous array of the input's dtype."""
    if spec.dtype == "int8":
        return np.ascontiguousarray(values, dtype=np.int8)
    return np.ascontiguousarray(values, dtype=np.uint8)


def check_samples(
    x: ArrayLike, spec: InputSpec, where: str, has_front_end: bool = False
) -> Samples:
    """Samples as a contiguous integer array of shape (n, n_inputs).

    Accepts shape (n, *spec.shape) or (n, n_inputs), the input's own dtype or floats. Integers of
    another dtype are refused: a silent cast would change them. So are floats of which many do not
    fit, where a front end makes the samples: they are rows of a sensor.

    Raises:
        InputError: wrong shape or dtype, NaN or infinity.
    """
    array = plain_array(x, where)
    as_read = array.dtype == spec.dtype and array.shape[1:] == (spec.n_inputs,)
    if as_read and array.flags.c_contiguous:  # a call of one sample is to cost little
        return array
    if array.ndim < 2 or (array.shape[1:] not in (spec.shape, (spec.n_inputs,))):
        channels_first = (*spec.shape[-1:], *spec.shape[:-1])
        hint = "; pictures have their channels last: x.transpose(0, 2, 3, 1)"
        raise InputError(
            f"{where}: samples have shape {array.shape}, expected (n, "
            f"{', '.join(str(n) for n in spec.shape)})"
            f"{hint if array.ndim == 4 and array.shape[1:] == channels_first else ''}",
            code="E-SHAPE",
        )
    flat = array.reshape(len(array), spec.n_inputs)
    if np.issubdtype(array.dtype, np.floating):
        if has_front_end:
            _refuse_rows(flat, spec, where)
        return quantize_input(flat, spec, where)
    if array.dtype == np.dtype(spec.dtype):
        return _as_input(flat, spec)
    raise InputError(
        f"{where}: samples are {array.dtype}, expected {spec.dtype} or float", code="E-DTYPE"
    )


def _refuse_rows(flat: NDArray[np.floating], spec: InputSpec, where: str) -> None:
    info = np.iinfo(spec.dtype)
    low, high = ((end - spec.zero_point) * spec.scale for end in (info.min, info.max))
    n_out = int(((flat < low) | (flat > high)).sum())
    if n_out * MANY > flat.size:
        raise InputError(
            f"{where}: {n_out:,} of {flat.size:,} values are not from {low:g} to {high:g}, as what "
            "its front end makes is; rows of the sensor go through push(), which returns samples",
            code="E-DTYPE",
        )


def check_labels(y: ArrayLike, n: int, n_outputs: int, where: str) -> NDArray[np.int32]:
    """Labels as int32, shape (n,), each in [0, n_outputs).

    Raises:
        InputError: wrong shape or dtype, or a label out of range (the first one is named).
    """
    array = plain_array(y, where)
    if array.shape != (n,):
        raise InputError(
            f"{where}: labels have shape {array.shape}, expected ({n},), one per sample",
            code="E-SHAPE",
        )
    if n and not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{where}: labels are {array.dtype}, expected integers", code="E-DTYPE")
    bad = (array < 0) | (array >= n_outputs) if n else np.zeros(0, dtype=bool)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            f"{where}: label {int(array[first])} of sample {first} is outside 0...{n_outputs - 1}",
            code="E-LABEL",
        )
    return np.ascontiguousarray(array, dtype=np.int32)
