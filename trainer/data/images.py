"""Pads, enlarges and rotates images. NumPy only.

All sums are sums of whole numbers, so every machine gives the same pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet

FRACTION_BITS = 8
"""The position of a new pixel between two old ones is rounded to 1/256 of their distance."""

_CHUNK = 256  # images at a time: one row holds the same pixel of all, and all rows fit the cache


def check_images(dataset: DataSet, what: str) -> None:
    """Raise InputError unless the samples are grey images of 8 bits; `what` begins its message."""
    if dataset.dtype != "uint8" or len(dataset.input_shape) != 2:
        shape = "x".join(map(str, dataset.input_shape))
        raise InputError(
            f"{what}: needs images, and {dataset.name} has {shape} {dataset.dtype} samples",
            code="E-STREAM",
        )


def pad(x: NDArray[Any], margin: int) -> NDArray[Any]:
    """Images, shape (n, height, width), with `margin` pixels of zeros on each side."""
    return np.pad(x, ((0, 0), (margin, margin), (margin, margin)))


def padded(dataset: DataSet, margin: int) -> DataSet:
    """A set whose images have `margin` pixels of zeros on each side; InputError if it has none."""
    check_images(dataset, f"pad = {margin}")
    train, test = (replace(s, x=pad(s.x, margin)) for s in (dataset.train, dataset.test))
    return replace(dataset, train=train, test=test)


@dataclass(frozen=True, eq=False)
class Resampling:
    """Bilinear interpolation at fixed positions; it is called with images.

    Attributes:
        where: index of the four neighbours of each position in a flat image, int64, shape
            (4, n_out).
        weights: weight of each neighbour in units of 1/65536, 0 if it is outside of the image,
            int32, shape (4, n_out).
        shape: (height, width) of the result.
    """

    where: NDArray[np.int64]
    weights: NDArray[np.int32]
    shape: tuple[int, int]

    def __call__(self, x: NDArray[Any]) -> NDArray[np.uint8]:
        """Resample images `x`, uint8, (n, height, width); returns uint8, (n, *self.shape)."""
        flat = x.reshape(len(x), -1)
        out = np.empty((len(x), self.where.shape[1]), np.uint8)
        for start in range(0, len(x), _CHUNK):
            pixels = np.ascontiguousarray(flat[start : start + _CHUNK].T).astype(np.int32)
            sums = np.full((out.shape[1], pixels.shape[1]), 1 << (2 * FRACTION_BITS - 1), np.int32)
            for where, weights in zip(self.where, self.weights, strict=True):
                sums += pixels[where] * weights[:, np.newaxis]
            out[start : start + _CHUNK] = (sums >> (2 * FRACTION_BITS)).T
        return out.reshape(len(x), *self.shape)


def rotation(shape: tuple[int, int], angle: float) -> Resampling:
    """Counter-clockwise rotation about the middle; pixels from outside of the image are 0.

    Args:
        shape: (height, width) of the images.
        angle: angle in degrees.
    """
    height, width = shape
    row, column = np.mgrid[:height, :width].astype(np.float64)
    row, column = row - (height - 1) / 2, column - (width - 1) / 2
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    source_row = cosine * row + sine * column + (height - 1) / 2
    source_column = cosine * column - sine * row + (width - 1) / 2
    return _bilinear(source_row, source_column, shape)


def enlargement(shape: tuple[int, int], to: tuple[int, int]) -> Resampling:
    """Enlarges images of `shape` (height, width) to size `to`; border pixels are repeated."""
    places = [
        np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        for old, new in zip(shape, to, strict=True)
    ]
    row, column = np.meshgrid(*places, indexing="ij")
    return _bilinear(row, column, shape)


def _bilinear(
    row: NDArray[np.float64], column: NDArray[np.float64], shape: tuple[int, int]
) -> Resampling:
    """Interpolation at real positions (row, column), each (height, width), in images of `shape`."""
    one = 1 << FRACTION_BITS
    in_steps = [np.rint(place.ravel() * one).astype(np.int64) for place in (row, column)]
    (r, r_part), (c, c_part) = (np.divmod(steps, one) for steps in in_steps)
    where, weights = [], []
    for down in (0, 1):
        for right in (0, 1):
            inside = (r + down >= 0) & (r + down < shape[0])
            inside &= (c + right >= 0) & (c + right < shape[1])
            weight = np.abs(one - down * one - r_part) * np.abs(one - right * one - c_part)
            where.append(np.where(inside, (r + down) * shape[1] + c + right, 0))
            weights.append(np.where(inside, weight, 0).astype(np.int32))
    height, width = row.shape
    return Resampling(np.stack(where), np.stack(weights), (height, width))
