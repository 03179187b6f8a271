"""The twin of `src/arith.c`: float32 and integer arithmetic with the same bits everywhere."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import Float32Array, Int32Array, Int64Array

IntOrArray = TypeVar("IntOrArray", int, Int64Array)

F = np.float32
_MASK = 0xFFFFFFFF
_STEP = 0x9E3779B9  # of the counter
MOST = F(1e15)  # of a running value
_EXP2_SERIES = [
    F(1.54035304e-4), F(1.33335581e-3), F(9.61812911e-3), F(5.55041087e-2), F(2.40226507e-1),
    F(6.93147181e-1), F(1.0),
]  # fmt: skip
_LOG_SERIES = [F(0.222222222), F(0.285714286), F(0.4), F(0.666666667), F(2.0)]


def exp(x: Float32Array) -> Float32Array:
    """exp(x) for x <= 0; exactly 0 below -69.

    Args:
        x: any shape, float32.
    """
    inside = np.maximum(x, F(-69))
    t = inside * F(1.44269504)
    n = (t - F(0.5)).astype(np.int32)  # truncates, like the conversion in C
    f = t - n.astype(F)
    y = np.full_like(f, _EXP2_SERIES[0])
    for coefficient in _EXP2_SERIES[1:]:
        y = y * f + coefficient
    result: Float32Array = np.where(x < F(-69), F(0), y * pow2(n))
    return result


def pow2(n: NDArray[np.int32]) -> Float32Array:
    """2**n for -126 <= n <= 127, float32."""
    return ((n.astype(np.int32) + 127) << 23).astype(np.int32).view(np.float32)


def log(x: Float32Array) -> Float32Array:
    """ln(x) for x from the smallest normal number to 2**126, any shape, float32."""
    n = (x.view(np.int32) >> 23) - 127
    m = x * pow2(-n)
    upper = m >= F(1.5)
    m, n = np.where(upper, m * F(0.5), m).astype(F), n + upper
    s = (m - F(1)) / (m + F(1))
    square = s * s
    y = np.full_like(s, _LOG_SERIES[0])
    for coefficient in _LOG_SERIES[1:]:
        y = y * square + coefficient
    result: Float32Array = n.astype(F) * F(0.693147181) + y * s
    return result


def softmax(logits: Float32Array) -> Float32Array:
    """Probabilities, shape (n_outputs,); the sum runs in index order."""
    e = exp(logits - logits.max())
    total = F(0)
    for value in e:
        total = total + value
    result: Float32Array = e / total
    return result


def settled(x: Float32Array) -> Float32Array:
    """Running values within their range; not a number becomes -MOST, and what is tiny zero."""
    x = np.where(x >= -MOST, x, -MOST)
    x = np.where(x <= MOST, x, MOST)
    return np.where(np.abs(x) < F(1e-30), F(0), x).astype(F)


def running_mean(old: Float32Array, value: Float32Array, rate: np.float32) -> Float32Array:
    """old + rate * (value - old), settled."""
    return settled(old + rate * (value - old))


def fade_shift(n: int, slowest: int) -> int:
    """Weight 2**-shift of the nth sample in a mean that is plain at first, but for rounding, and
    fades over 2**slowest samples later."""
    return min((n - 1).bit_length(), slowest)


def fade(mean: IntOrArray, value: IntOrArray, shift: int) -> IntOrArray:
    """That mean after a sample, rounded."""
    return mean + ((value - mean + ((1 << shift) >> 1)) >> shift)


def mean_square(x: NDArray[np.int64], is_input: bool) -> np.float32:
    """Mean of x**2, shape (n_in,); 1 for binary activations."""
    if not is_input:
        return F(1)
    return F(np.uint64(np.sum(x**2))) / F(x.size)


def mean_in_order(values: Float32Array) -> Float32Array:
    """Mean over the first axis, added up in its order; shape of one row, float32."""
    total = np.zeros_like(values[0])
    for row in values:
        total = total + row
    result: Float32Array = total * (F(1) / F(len(values)))
    return result


def quantize_errors(error: Float32Array, bits: int) -> tuple[Int32Array, np.float32]:
    """Errors as int16 values d and a power of two `unit`: error is about d * unit.

    Returns:
        d of the shape of `error` with the largest |d| in [2**(bits - 1), 2**bits), and unit; zeros
        and 0 when there is nothing to send back.
    """
    largest = np.abs(error).max()
    if not (F(1e-30) <= largest <= F(1e30)):
        return np.zeros(error.shape, dtype=np.int32), F(0)
    most = F(2**bits - 1)
    exponent = bits - 1 - (int(np.array(largest, dtype=F).view(np.int32)) >> 23) + 127
    scaled = error * pow2(np.array([exponent], dtype=np.int32))[0]
    scaled = np.clip(scaled, -most, most)
    d = np.where(scaled < 0, scaled - F(0.5), scaled + F(0.5)).astype(np.int32)
    return d, pow2(np.array([-exponent], dtype=np.int32))[0]


def align_errors(d: Int32Array, units: list[np.float32]) -> tuple[Int32Array, np.float32]:
    """Errors of several samples in one unit, the largest of theirs.

    Args:
        d: (n, ...), errors as `quantize_errors` gives them.
        units: (n), theirs.
    """
    largest = max(units)
    ratios = [float(largest) / float(unit) if unit else 1.0 for unit in units]
    shifts = np.array([min(int(np.log2(ratio)), 16) for ratio in ratios])
    shifts = shifts.reshape((-1,) + (1,) * (d.ndim - 1))
    sizes = (np.abs(d) + ((1 << shifts) >> 1)) >> shifts
    return (np.sign(d) * sizes).astype(np.int32), largest


class Xoshiro:
    """xoshiro128++ (Blackman and Vigna 2019), seeded through a counter."""

    def __init__(self, seed: int) -> None:
        counter = Counter(seed)
        self.state = [counter.next() for _ in range(4)]

    def next(self) -> int:
        """32 uniform bits."""
        s = self.state
        total = (s[0] + s[3]) & _MASK
        result = (_rotate_left(total, 7) + s[0]) & _MASK
        t = (s[1] << 9) & _MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotate_left(s[3], 11)
        return result


class Counter:
    """Random numbers by counting on and mixing (MurmurHash3's finalizer): each by itself."""

    def __init__(self, start: int) -> None:
        self.at = start & _MASK

    def next(self) -> int:
        """32 uniform bits."""
        number = int(self.ahead(1)[0])
        self.skip(1)
        return number

    def ahead(self, n: int) -> NDArray[np.int64]:
        """The next `n` numbers, shape (n,), which `skip` then counts as taken."""
        z = (self.at + np.arange(1, n + 1) * _STEP).astype(np.uint32)
        z = (z ^ (z >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        z = (z ^ (z >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return (z ^ (z >> np.uint32(16))).astype(np.int64)

    def skip(self, n: int) -> None:
        """Take `n` numbers."""
        self.at = (self.at + n * _STEP) & _MASK


def _rotate_left(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & _MASK
