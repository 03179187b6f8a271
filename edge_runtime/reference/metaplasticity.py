"""The heart of the method, on a device: how hard it is to move a hidden weight towards zero.

`trainer/metaplasticity.py` and `src/metaplasticity.[ch]` have the same functions in the same order.
The trainer shortens a step by f_meta. A device, whose hidden weights are whole levels, lets a move
by one level happen with the probability f_meta instead: on average that is the same. Moves that let
a hidden weight grow happen always at first, and more seldom when the layer's hidden weights have
become large.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metabit.edge_runtime.reference.arith import exp
from metabit.export.spec import BoolArray, Float32Array, Int8Array, Int64Array

F = np.float32

#: The probability 1, in tables and in draws. Tables go up to ONE - 1.
ONE = 1 << 16
#: A weight that takes less than 2 % of a shrinking step is consolidated.
CONSOLIDATED = ONE * 2 // 100
#: k = 1: the growth of hidden weights is damped in full.
GROWTH_ONE = 64


def f_meta(share: Float32Array, m: float) -> Float32Array:
    """Share of shrinking moves that a hidden weight still takes: 1 - tanh(m * share) ** 2.

    Args:
        share: sizes of hidden weights as shares of the range, any shape, float32.
        m: metaplasticity at the end of the range, m >= 0; m = 0 gives 1 everywhere.

    Returns:
        values in [0, 1], same shape as `share`.
    """
    e = exp(F(-2) * (F(m) * share))
    return ((F(4) * e) / ((F(1) + e) * (F(1) + e))).astype(F)


def table(m: float, bits: int) -> Int64Array:
    """Probability of a shrinking move by the size of a level, in 1/65536: f_meta, but at least 1,
    so that no weight freezes for good.

    Args:
        m: metaplasticity at the end of the range.
        bits: bits per hidden weight.

    Returns:
        shape (2**(bits - 1),), values in 1...65535.
    """
    n = 1 << (bits - 1)
    f = f_meta((np.arange(n, dtype=F) + F(0.5)) / F(n), m)
    return np.clip((f * F(ONE) + F(0.5)).astype(np.int64), 1, ONE - 1)


def grow(shrinking: Int64Array, k: int) -> Int64Array:
    """Probability of a growing move by size, in 1/65536: 1 - k + k (1 - 1/16) f_meta, and 0 at the
    end of the range.

    Args:
        shrinking: f_meta by size, of `table`.
        k: in 64ths, 0 to GROWTH_ONE; `src/rule/growth.h` says what it follows.

    Returns:
        shape of `shrinking`.
    """
    damped = shrinking - shrinking // 16
    shares: Int64Array = ONE - 1 - (ONE - 1 - damped) * k // GROWTH_ONE
    shares[-1] = 0
    return shares


def try_move(
    levels: Int8Array,
    rises: BoolArray,
    chance: Int64Array,
    shrinking: Int64Array,
    growing: Int64Array,
) -> Int8Array:
    """Levels after one try each to move by one, with the probability of its size and direction.

    Args:
        levels: hidden weights, any shape.
        rises: whether each is to move up; the others move down.
        chance: 16 uniform bits for each.
        shrinking, growing: probability of a move by size, of `table` and of `grow`.

    Returns:
        new levels, same shape; the inputs are not changed.
    """
    size = _size(levels)
    share = np.where(rises == (levels < 0), shrinking[size], growing[size])
    moved = levels.astype(np.int64) + np.where(rises, 1, -1)
    return np.where(chance < share, moved, levels).astype(np.int8)


def consolidated(levels: Int8Array, shares: Int64Array) -> BoolArray:
    """Which hidden weights take less than 2 % of a shrinking step, shape of `levels`."""
    below: BoolArray = shares[_size(levels)] <= CONSOLIDATED
    return below


def plasticity(levels: Sequence[Int8Array], shares: Sequence[Int64Array]) -> float:
    """The share of a shrinking step that the hidden weights of several layers still take, on
    average: the mean of f_meta. 1 of no layers. In 1/65535, as the C core gives it."""
    total = sum(int(table[_size(q)].sum()) for q, table in zip(levels, shares, strict=True))
    n = sum(layer.size for layer in levels)
    return int(F(total) / F(n) + F(0.5)) / (ONE - 1) if n else 1.0


def _size(levels: Int8Array) -> Int8Array:
    """The distance from zero: 0 for the levels 0 and -1, which lie symmetrically around zero."""
    return np.where(levels < 0, ~levels, levels)
