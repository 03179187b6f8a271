"""Where moves are tried, and in which order: parts of `src/learn/dense_moves.c` and of
`src/learn/moves.c`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabit.edge_runtime.reference import arith, metaplasticity
from metabit.edge_runtime.reference.parts import LayerState
from metabit.export.spec import BoolArray, Int32Array, Int64Array

F = np.float32


def slots(x: Int64Array, counter: arith.Counter | None) -> Int64Array:
    """The column of each slot, shape of x: shared out in proportion to |x|, from a random start if
    there is a counter; if not, |x| is 1. Positive x come first, the others follow backwards."""
    n, total = x.size, int(np.abs(x).sum())
    start = (counter.next() * total) >> 32 if counter is not None else 0
    passed = (start + np.cumsum(np.abs(x)) * n) // total
    columns = np.repeat(np.arange(n), np.diff(passed, prepend=0).astype(np.intp))
    return np.concatenate([columns[x[columns] > 0], columns[x[columns] <= 0][::-1]])


@dataclass
class MoveTries:
    """Weights to try to move, in order, shape (n,) each: see `try_moves`."""

    rows: Int64Array
    columns: Int64Array
    rises: BoolArray
    chance: Int64Array


def spread(
    x: Int64Array, d: Int32Array, rate: np.float32, sees_bytes: bool, counter: arith.Counter
) -> MoveTries:
    """Dense, one sample: candidates of each row, spread over slots of the columns.

    Args:
        x: what the layer saw, shape (n_in,), not all 0.
        d: errors, shape (n_out,).
        rate: levels per unit of d and of x.
        sees_bytes: whether it is the first layer.
        counter: of the layer in this step.
    """
    total = int(np.abs(x).sum())
    columns = slots(x, counter if sees_bytes else None)
    wanted = min((rate * F(total)) * F(65536), F(1e30))
    most = (F(total) / F(np.abs(x).max())) * F(32768)
    # Candidates of each row, in 1/65536; what is left of one candidate goes to the next row.
    shares = np.minimum(wanted * np.abs(d).astype(F), most) + F(0.5)
    ends = (counter.next() >> 16) + np.cumsum(shares.astype(np.int64))
    n = np.diff(ends >> 16, prepend=0).astype(np.intp)  # 32 bits on a 32-bit processor
    rows = np.repeat(np.arange(d.size), n)
    # A row's slots are cut into as many stretches as it has candidates.
    stretch = ((x.size << 15) // np.maximum(n, 1).astype(np.int64))[rows]  # in 2**-15 slots
    number = np.arange(rows.size) - np.repeat(np.cumsum(n) - n, n)
    draws = counter.ahead(rows.size)
    i = columns[(number * stretch + ((draws * stretch) >> 32)) >> 15]
    return MoveTries(rows, i, (x[i] > 0) != (d[rows] > 0), draws & 0xFFFF)


def along(gradient: Int64Array, j: int, p: np.float32, counter: arith.Counter) -> MoveTries | None:
    """Convolutions and batches: candidates of row j, whose largest gradient is expected to move by
    `p` levels. Along the sum of |gradient| one lies in each stretch of equal length, somewhere.
    None where p is too small for any."""
    if p < F(2**-17):
        return None
    sizes = np.abs(gradient)
    stretch = int(F(sizes.max()) / min(p, F(0.5)))
    ends = np.cumsum(sizes)
    n_at_most = int(ends[-1]) // stretch + 2  # the last of them lies beyond the row
    draws = counter.ahead(n_at_most)
    at = np.arange(n_at_most, dtype=np.int64) * stretch + (((draws >> 16) * stretch) >> 16)
    n = int(np.argmax(at >= ends[-1]))
    counter.skip(n + 1)
    i = np.searchsorted(ends, at[:n], side="right")
    return MoveTries(np.full(n, j), i, gradient[i] < 0, draws[:n] & 0xFFFF)


def try_moves(state: LayerState, tries: MoveTries) -> Int64Array:
    """Try to move weights in their order: a weight that is drawn twice is tried twice.

    Args:
        state: the layer, whose levels change.
        tries: rows and columns of the weights, whether each is to move up, 16 uniform bits for
            each.

    Returns:
        which of the tries changed the sign of a weight, in order.
    """
    rows, columns = tries.rows, tries.columns
    weights, left = rows * state.levels.shape[1] + columns, np.arange(rows.size)
    flips = np.zeros(rows.size, dtype=bool)
    while left.size:
        _, firsts = np.unique(weights[left], return_index=True)
        now = left[firsts]
        at = rows[now], columns[now]
        before = state.levels[at]
        state.levels[at] = metaplasticity.try_move(
            before, tries.rises[now], tries.chance[now], state.shrinking, state.growing
        )
        flips[now] = (before < 0) != (state.levels[at] < 0)
        left = np.delete(left, firsts)
    return np.flatnonzero(flips)
