"""Shifts, roots, logarithms and sines of integers, exactly as a device computes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

TURN = 1024
"""Steps of a whole turn in the table of sines."""
ONE = 16_384
"""What 1 is in the table."""


def _table() -> Int64:
    angle = 2 * np.pi * np.arange(TURN // 4 + 1) / TURN
    table: Int64 = np.rint(ONE * np.sin(angle)).astype(np.int64)
    return table


QUARTER = _table()
"""round(16384 sin(2 pi k / 1024)) for k = 0 to 256; the device has the same numbers as a table."""


def sine(k: Int64) -> Int64:
    """16384 sin(2 pi k / 1024), for any k, by the symmetries of the table."""
    k = k % TURN
    half = k % (TURN // 2)
    size = QUARTER[np.minimum(half, TURN // 2 - half)]
    return np.where(k < TURN // 2, size, -size)


def cosine(k: Int64) -> Int64:
    """16384 cos(2 pi k / 1024)."""
    return sine(k + TURN // 4)


def shifted(values: Int64, shift: int | NDArray[np.integer]) -> Int64:
    """values / 2**shift, rounded to the nearest integer, halves upward."""
    half = (np.int64(1) << np.asarray(shift, dtype=np.int64)) >> 1
    return (values + half) >> shift


def root(values: NDArray[np.uint64]) -> Int64:
    """The square root, rounded down, of integers below 2**62."""
    guess = np.sqrt(values.astype(np.float64)).astype(np.int64)
    exact = values.astype(np.int64)
    guess -= guess * guess > exact
    guess += (guess + 1) * (guess + 1) <= exact
    return guess


def log2(values: Int64) -> Int64:
    """log2(1 + |value|) in steps of 1/256, off by at most 0.012, of values below 2**30 in size.

    The fraction f between two powers of two becomes f + 0.3466 f (1 - f).
    """
    n = 1 + np.abs(values)
    exponent = np.frexp(n.astype(np.float64))[1].astype(np.int64) - 1
    fraction = ((n << (31 - exponent)) & 0x7FFFFFFF) >> 15
    bend = (fraction * (65_536 - fraction)) >> 16
    return exponent * 256 + ((fraction + ((bend * 22_713) >> 16)) >> 8)
