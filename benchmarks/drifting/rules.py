"""Streams made of rules: what decides the class are thresholds and combinations, not sums.

SEA, STAGGER, LED and the loans have the rules of the papers named beside them; rows are drawn here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.drifting.stream import N_ROWS, Floats, Labels, Stream, one_hot, phases, relabelled


def sea(seed: int) -> Stream:
    """Three values, of which the sum of two passes a threshold that jumps; 10 % wrong labels.

    Street and Kim 2001.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, (N_ROWS, 3))
    threshold = np.array([8.0, 9.0, 7.0, 9.5])[phases(N_ROWS, 4)]
    y = (x[:, 0] + x[:, 1] <= threshold).astype(np.int64)
    return Stream(x, relabelled(y, 0.1, 2, rng))


def loans(seed: int) -> Stream:
    """Who gets a loan: money beside small numbers, one-hot columns, and three rules in turn.

    After Agrawal, Imielinski and Swami 1993. The rules come back, and 5 % of labels are wrong.
    """
    rng = np.random.default_rng(seed)
    salary, age = rng.uniform(20_000, 150_000, N_ROWS), rng.integers(20, 81, N_ROWS)
    commission = np.where(salary >= 75_000, 0, rng.uniform(10_000, 75_000, N_ROWS))
    education, car, area = (rng.integers(0, n, N_ROWS) for n in (5, 20, 9))
    house = (9 - area) * 100_000 * rng.uniform(0.5, 1.5, N_ROWS)
    years, loan = rng.integers(1, 31, N_ROWS), rng.uniform(0, 500_000, N_ROWS)
    old, middle = age >= 60, (age >= 40) & (age < 60)
    rules = [
        ~(middle),
        np.where(
            old,
            (salary >= 25_000) & (salary <= 75_000),
            np.where(middle, salary >= 75_000, salary <= 100_000),
        ),
        0.67 * (salary + commission) - 5_000 * education - 0.2 * loan + 10_000 > 0,
    ]
    which = np.array([0, 1, 2, 0, 1, 2])[phases(N_ROWS, 6)]
    y = np.choose(which, rules).astype(np.int64)
    numbers = np.column_stack([salary, commission, age, house, years, loan]).astype(np.float64)
    categories = [one_hot(education, 5), one_hot(car, 20), one_hot(area, 9)]
    return Stream(np.hstack([numbers, *categories]), relabelled(y, 0.05, 2, rng))


def stagger(seed: int) -> Stream:
    """Size, colour and shape, one-hot, and three concepts that come back: Schlimmer 1986."""
    rng = np.random.default_rng(seed)
    size, colour, shape = (rng.integers(0, 3, N_ROWS) for _ in range(3))
    concepts = [
        (size == 0) & (colour == 0),
        (colour == 1) | (shape == 0),
        (size == 1) | (size == 2),
    ]
    which = np.array([0, 1, 2, 0, 2, 1])[phases(N_ROWS, 6)]
    y = np.choose(which, concepts).astype(np.int64)
    return Stream(np.hstack([one_hot(part, 3) for part in (size, colour, shape)]), y)


#: Segments of the digits 0 to 9 on a display of seven.
SEGMENTS = np.array([
    [1, 1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1, 0], [1, 0, 1, 1, 1, 0, 1], [1, 0, 1, 1, 0, 1, 1],
    [0, 1, 1, 1, 0, 1, 0], [1, 1, 0, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1, 1], [1, 0, 1, 0, 0, 1, 0],
    [1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 1, 1],
])  # fmt: skip


def display(seed: int) -> Stream:
    """Seven segments with 10 % of them wrong among 17 that mean nothing; wires change places.

    LED with drift, Breiman and others 1984.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 10, N_ROWS)
    lit = SEGMENTS[y] ^ (rng.random((N_ROWS, 7)) < 0.1)
    x = np.hstack([lit, rng.integers(0, 2, (N_ROWS, 17))])
    wires, moved = np.arange(24), np.empty_like(x)
    for phase in range(4):
        here = phases(N_ROWS, 4) == phase
        moved[here] = x[here][:, wires]
        for a in rng.choice(7, 3, replace=False):
            b = int(rng.integers(7, 24))
            wires[[a, b]] = wires[[b, a]]
    return Stream(moved.astype(np.float64), y)


def board(seed: int) -> Stream:
    """A board of four by four squares that turns by a quarter, black against white."""
    rng = np.random.default_rng(seed)
    x, angle = rng.uniform(-1, 1, (N_ROWS, 2)), np.linspace(0, np.pi / 2, N_ROWS)
    turned = np.column_stack([
        np.cos(angle) * x[:, 0] - np.sin(angle) * x[:, 1],
        np.sin(angle) * x[:, 0] + np.cos(angle) * x[:, 1],
    ])  # fmt: skip
    return Stream(x, np.floor(2 * turned).astype(np.int64).sum(axis=1) % 2)


def mixed(seed: int) -> Stream:
    """Two switches and two numbers under a sine, two of three say yes; yes and no change places.

    Gama and others 2004.
    """
    rng = np.random.default_rng(seed)
    v, w = rng.random(N_ROWS) < 0.5, rng.random(N_ROWS) < 0.5
    x = rng.uniform(0, 1, (N_ROWS, 2))
    below = x[:, 1] < 0.5 + 0.3 * np.sin(3 * np.pi * x[:, 0])
    y = (v.astype(np.int64) + w + below >= 2).astype(np.int64)
    y = np.where(phases(N_ROWS, 4) % 2 == 1, 1 - y, y)
    return Stream(np.column_stack([v, w, x]).astype(np.float64), y)


def tree(seed: int) -> Stream:
    """A tree of random questions to five numbers and three one-hot columns; nothing drifts."""
    rng = np.random.default_rng(seed)
    categories = [one_hot(rng.integers(0, 4, N_ROWS), 4) for _ in range(3)]
    x = np.hstack([rng.uniform(0, 1, (N_ROWS, 5)), *categories])
    y = np.zeros(N_ROWS, dtype=np.int64)
    _grow(x, y, np.arange(N_ROWS), 6, rng)
    return Stream(x, y)


def _grow(
    x: Floats, y: Labels, rows: NDArray[np.int64], depth: int, rng: np.random.Generator
) -> None:
    """Ask rows a random question, and so on; a leaf draws their class of four."""
    if depth == 0:
        y[rows] = rng.integers(0, 4)
        return
    column = int(rng.integers(0, x.shape[1]))
    yes = x[rows, column] > rng.uniform(0.3, 0.7)
    for part in (rows[yes], rows[~yes]):
        _grow(x, y, part, depth - 1, rng)
