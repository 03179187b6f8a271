"""Thermometer code: an 8-bit value as k bits, so that the first layer reads bits too.

A value x becomes k activations, one per threshold: +1 where x >= threshold, -1 elsewhere. With
thresholds in rising order the code resembles the column of a thermometer: +1 up to a height, and -1
above it. The code is exact, because integers are compared and nothing is rounded, and monotone: a
larger value never loses a +1.

A network reads encoded samples as it reads any int8 data, with zero point 0. NumPy only.

Reference:
    Buckman, Roy, Raffel and Goodfellow 2018, "Thermometer encoding: one hot way to resist
    adversarial examples".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

LOWEST, HIGHEST = -128, 255
"""The values of 8-bit integers, signed and unsigned together."""


def _refuse(message: str) -> InputError:
    return InputError(f"thermometer: {message}", code="E-NETWORK")


def _check_samples(x: NDArray[Any]) -> None:
    if x.dtype not in (np.uint8, np.int8):
        raise InputError(
            f"samples of type {x.dtype}: the thermometer reads uint8 or int8", code="E-DTYPE"
        )


@dataclass(frozen=True)
class Thermometer:
    """An encoder with the same thresholds for all values of a sample.

    Attributes:
        thresholds: strictly rising integers. They are compared with the stored integers q of the
            samples, not with scale * (q - zero_point).

    Raises:
        InputError: there is no threshold, or they are not strictly rising 8-bit integers.
    """

    thresholds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise _refuse("no thresholds: give at least one")
        if any(low >= high for low, high in pairwise(self.thresholds)):
            raise _refuse(f"thresholds {self.thresholds}: must be strictly rising")
        if self.thresholds[0] < LOWEST or self.thresholds[-1] > HIGHEST:
            raise _refuse(f"thresholds {self.thresholds}: must lie in {LOWEST} to {HIGHEST}")

    @property
    def n_bits(self) -> int:
        """Number of activations that one value becomes."""
        return len(self.thresholds)

    def encode(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """Samples for a multilayer perceptron.

        Args:
            x: uint8 or int8, any shape.

        Returns:
            -1 and +1, int8, shape (*x.shape, n_bits).

        Raises:
            InputError: another type.
        """
        _check_samples(x)
        # int16 can represent both kinds of 8-bit integers, so no comparison wraps around.
        reached = x[..., np.newaxis] >= np.array(self.thresholds, dtype=np.int16)
        return np.where(reached, np.int8(1), np.int8(-1))

    def encode_maps(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """Samples for a convolutional network.

        Args:
            x: uint8 or int8, shape (n, channels, rows, columns).

        Returns:
            -1 and +1, int8, shape (n, channels * n_bits, rows, columns); the bits of a channel are
            next to each other.

        Raises:
            InputError: another type or number of axes.
        """
        if x.ndim != 4:
            raise InputError(
                f"samples of shape {x.shape}: need (n, channels, rows, columns)", code="E-SHAPE"
            )
        n, n_channels, rows, columns = x.shape
        bits = np.moveaxis(self.encode(x), -1, 2)
        return np.ascontiguousarray(bits).reshape(n, n_channels * self.n_bits, rows, columns)


def uniform(n_bits: int, lowest: int = 0, highest: int = 255) -> Thermometer:
    """Thresholds that divide lowest..highest into n_bits + 1 ranges of nearly the same size.

    Args:
        n_bits: number of thresholds.
        lowest, highest: the smallest and the largest value: 0 and 255 for uint8, -128 and 127 for
            int8.

    Raises:
        InputError: the range has fewer than n_bits + 1 values.
    """
    n_values = highest - lowest + 1
    if not 1 <= n_bits < n_values:
        raise _refuse(
            f"n_bits = {n_bits}: must be 1 to {n_values - 1} for values {lowest} to {highest}"
        )
    # The ceiling is computed with whole numbers, so that all machines agree.
    cuts = (lowest - (-number * n_values // (n_bits + 1)) for number in range(1, n_bits + 1))
    return Thermometer(tuple(cuts))


def quantiles(x: NDArray[Any], n_bits: int) -> Thermometer:
    """Thresholds that divide the values of `x` into n_bits + 1 ranges with equal shares of them.

    A very common value, such as the black of an image, would fill several quantiles alone, and the
    bits between them would never change. Therefore a range ends at the first value with which it
    has its share of the data that remain, and the ranges above it share what then remains. All
    thresholds differ, and each of them divides the data. The result depends only on the counts of
    the values and is computed with whole numbers, so the order of the data and the machine do not
    matter.

    Args:
        x: training samples, uint8 or int8, any shape.
        n_bits: number of thresholds.

    Raises:
        InputError: another type, or fewer than n_bits + 1 different values.
    """
    _check_samples(x)
    values, counts = np.unique(x, return_counts=True)
    if len(values) < 2:
        raise _refuse("data with fewer than two different values has no thresholds")
    if not 1 <= n_bits < len(values):
        raise _refuse(
            f"n_bits = {n_bits}: must be 1 to {len(values) - 1} for data with {len(values)} "
            "different values"
        )
    below = np.cumsum(counts)  # below[i]: how many values are below a threshold at values[i + 1]
    n_all = int(below[-1])
    thresholds: list[int] = []
    n_used = 0
    for n_left in range(n_bits, 0, -1):
        has_its_share = (below - n_used) * (n_left + 1) >= n_all - n_used
        end = min(
            int(np.argmax(has_its_share)), len(values) - 1 - n_left
        )  # one value per further range
        thresholds.append(int(values[end + 1]))
        n_used = int(below[end])
    return Thermometer(tuple(thresholds))
