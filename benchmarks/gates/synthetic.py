"""Gates made of random numbers: classes that wander, a meaning that turns, gravity on one axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.problem import HeldOut, Home, Labels, Phase, Problem, Samples, pieces
from benchmarks.gates.streams import as_stream
from metabit.export.spec import InputSpec

Floats = NDArray[np.float64]


def drift(seed: int, divisor: int, *, stream: int = 12_000, n_pieces: int = 6) -> Problem:
    """Six classes of 32 values whose centres walk as far as they lie apart.

    Where a class was, no other class comes: what was known at first can be known to the end.
    """
    rng, k, d = np.random.default_rng(seed), 6, 32
    spec = InputSpec("int8", (d,), 1 / 16, 0)
    start_at, walk = rng.normal(0, 0.6, (k, d)), rng.normal(0, 0.85, (k, d))

    def draw(n: int, begin: float, end: float) -> tuple[Samples, Labels]:
        y, when = rng.integers(0, k, n), np.sort(rng.uniform(begin, end, n))
        x = start_at[y] + when[:, None] * walk[y] + rng.normal(0, 1, (n, d))
        return np.clip(np.round(16 * x), -128, 127).astype(np.int8), y

    phases, parts = [], []
    for index, part in enumerate(pieces(stream // divisor, n_pieces)):
        name, span = f"{index + 1} of {n_pieces}", (index / n_pieces, (index + 1) / n_pieces)
        phases.append(Phase(name, *draw(part.stop - part.start, *span), (name,)))
        parts.append(HeldOut(name, *draw(500, *span)))
    return Problem("", seed, spec, k, phases[0].x[:200], None, tuple(phases), tuple(parts))


def turning(seed: int, divisor: int) -> Problem:
    """Eight sensors that wander, and two unequal classes whose meaning turns by 69 degrees."""
    rng, n = np.random.default_rng(seed), 12_200
    wander = np.cumsum(rng.normal(0, 0.015, (n, 8)), axis=0)
    noise = rng.normal(0, 1, (n, 8)) * np.array([1, 2, 0.5, 1, 3, 1, 0.2, 1])
    angle = np.linspace(0, 1.2, n)[:, None]
    meaning = (
        np.cos(angle) * np.array([1, 0.5, 0, -1, 0.3, 0, 0, 1])
        + np.sin(angle) * np.array([0, 0.5, 2, 0, 0.3, -1, 0, 0])
    )  # fmt: skip
    value = (noise * meaning).sum(1) + 0.5 * np.abs(noise[:, 7]) + rng.normal(0, 3, n)
    return as_stream(seed, wander + noise, (value > np.quantile(value, 0.69)).astype(np.int64))


def accelerometer(seed: int, divisor: int, *, stream: int = 3000) -> Problem:
    """Four movements on three axes, gravity on one of them: more of what was trained on at home.

    Inputs are far from centred, as a sensor gives them: the third axis is near 60 of 127.
    """
    rng = np.random.default_rng(seed)
    x, y = _movements(rng, 900)
    x_new, y_new = _movements(rng, stream)
    taught = ("windows",)
    phases = tuple(
        Phase(f"{index + 1} of 6", x_new[part], y_new[part], taught)
        for index, part in enumerate(pieces(stream, 6))
    )
    return Problem(
        "", seed, InputSpec("int8", (150,)), 4, x[:200], Home(x, y, taught, 20), phases,
        (HeldOut("windows", *_movements(rng, 1000)),), hidden=(256, 256),
    )  # fmt: skip


def _movements(rng: np.random.Generator, n: int) -> tuple[Samples, Labels]:
    """Windows of 50 readings of three axes: lying, walking, running, shaking."""
    y = rng.integers(0, 4, n)
    size = np.array([1, 10, 25, 18])[y] * rng.uniform(0.7, 1.3, n)
    pace = np.array([1, 3, 5, 12])[y] * rng.uniform(0.85, 1.15, n)
    seconds = np.arange(50) / 50
    phase = 2 * np.pi * pace[:, None] * seconds + rng.uniform(0, 1.5, (n, 1))
    share = np.array([[0.4, 0.3, 1], [0.5, 0.2, 1], [1, 0.4, 0.8], [0.9, 1, 0.3]])[y]
    x = (size[:, None] * np.sin(phase))[:, :, None] * share[:, None, :]
    x += rng.normal(0, 3, (n, 50, 3)) + rng.normal([5, -8, 60], 3, (n, 1, 3))
    return np.clip(np.round(x), -128, 127).astype(np.int8).reshape(n, 150), y
