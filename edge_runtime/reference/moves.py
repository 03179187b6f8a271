"""Where moves are tried, and in which order: parts of `src/learn/dense_moves.c` and of
`src/learn/moves.c`."""

from __future__ import annotations

import numpy as np

from metabit.edge_runtime.reference import arith, metaplasticity
from metabit.edge_runtime.reference.parts import LayerState
from metabit.export.spec import BoolArray, Int64Array


def slots(x: Int64Array, counter: arith.Counter | None) -> Int64Array:
    """The column of each slot, shape of x: shared out in proportion to |x|, from a random start if
    there is a counter; if not, |x| is 1. Positive x come first, the others follow backwards."""
    n, total = x.size, int(np.abs(x).sum())
    start = (counter.next() * total) >> 32 if counter is not None else 0
    passed = (start + np.cumsum(np.abs(x)) * n) // total
    columns = np.repeat(np.arange(n), np.diff(passed, prepend=0))
    return np.concatenate([columns[x[columns] > 0], columns[x[columns] <= 0][::-1]])


def try_moves(
    state: LayerState, rows: Int64Array, columns: Int64Array, rises: BoolArray, chance: Int64Array
) -> Int64Array:
    """Try to move weights in the order given: a weight that is drawn twice is tried twice.

    Args:
        state: the layer, whose levels change.
        rows, columns: the weights, shape (n,).
        rises: whether each is to move up.
        chance: 16 uniform bits for each.

    Returns:
        which of the tries changed the sign of a weight, in order.
    """
    weights, left = rows * state.levels.shape[1] + columns, np.arange(rows.size)
    flips = np.zeros(rows.size, dtype=bool)
    while left.size:
        _, firsts = np.unique(weights[left], return_index=True)
        now = left[firsts]
        at = rows[now], columns[now]
        before = state.levels[at]
        state.levels[at] = metaplasticity.try_move(
            before, rises[now], chance[now], state.shrinking, state.growing
        )
        flips[now] = (before < 0) != (state.levels[at] < 0)
        left = np.delete(left, firsts)
    return np.flatnonzero(flips)
