"""Streams made of clouds, planes and curves that move."""

from __future__ import annotations

import numpy as np

from benchmarks.drifting.stream import N_ROWS, Floats, Stream, phases, relabelled


def hyperplane(seed: int) -> Stream:
    """Ten values on two sides of a plane that turns slowly; 5 % wrong labels: Hulten 2001."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (N_ROWS, 10))
    turn = np.cumsum(rng.normal(0, 0.01, (N_ROWS, 10)) * (np.arange(10) < 6), axis=0)
    weights = rng.uniform(0, 1, 10) + turn
    y = ((x * weights).sum(axis=1) >= weights.sum(axis=1) / 2).astype(np.int64)
    return Stream(x, relabelled(y, 0.05, 2, rng))


def hundred(seed: int) -> Stream:
    """A hundred values, of which twelve decide, and four of these are others after each third."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (N_ROWS, 100)) * rng.uniform(0.1, 50, 100) + rng.normal(0, 20, 100)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    weights = np.zeros((3, 100))
    for phase in range(3):
        weights[phase, 4 * phase : 4 * phase + 12] = rng.choice([-1.0, 1.0], 12)
    value = (scaled * weights[phases(N_ROWS, 3)]).sum(axis=1) + rng.normal(0, 1, N_ROWS)
    return Stream(x, (value > 0).astype(np.int64))


def clouds(seed: int) -> Stream:
    """Forty clouds of five classes in ten dimensions, and each moves: random RBF with drift."""
    rng = np.random.default_rng(seed)
    centres, of_class = rng.uniform(0, 1, (40, 10)), rng.integers(0, 5, 40)
    spread, which = rng.uniform(0.02, 0.12, 40), rng.integers(0, 40, N_ROWS)
    way = rng.normal(0, 1, (40, 10))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    moved = centres[which] + np.linspace(0, 0.8, N_ROWS)[:, np.newaxis] * way[which]
    x = moved + rng.normal(0, 1, (N_ROWS, 10)) * spread[which, np.newaxis]
    return Stream(x, of_class[which])


def waves(seed: int) -> Stream:
    """Three mixtures of triangular waves, 21 values and 19 of noise; values change places.

    Breiman and others 1984.
    """
    rng = np.random.default_rng(seed)
    at = np.arange(21)
    triangles = np.stack([np.maximum(6 - np.abs(at - top), 0) for top in (6, 14, 10)])
    y, share = rng.integers(0, 3, N_ROWS), rng.uniform(0, 1, (N_ROWS, 1))
    pairs = np.array([[0, 1], [0, 2], [1, 2]])[y]
    clean = share * triangles[pairs[:, 0]] + (1 - share) * triangles[pairs[:, 1]]
    x = np.hstack([clean, np.zeros((N_ROWS, 19))]) + rng.normal(0, 1, (N_ROWS, 40))
    for phase in (1, 2):
        here = phases(N_ROWS, 3) >= phase
        order = np.arange(40)
        some = rng.choice(40, 10, replace=False)
        order[some] = rng.permutation(some)
        x[here] = x[here][:, order]
    return Stream(x, y)


def spectra(seed: int) -> Stream:
    """Spectra of 120 channels: six classes by where their three peaks lie, and peaks wander."""
    rng = np.random.default_rng(seed)
    at, y = np.arange(120), rng.integers(0, 6, N_ROWS)
    place, walk = rng.uniform(10, 110, (6, 3)), rng.normal(0, 12, (6, 3))
    when = np.linspace(0, 1, N_ROWS)[:, np.newaxis]
    peaks = place[y] + when * walk[y] + rng.normal(0, 1.5, (N_ROWS, 3))
    height = rng.uniform(0.2, 1.2, (N_ROWS, 3))
    x = np.zeros((N_ROWS, 120))
    for peak in range(3):
        off = (at - peaks[:, peak : peak + 1]) / 3
        x += height[:, peak : peak + 1] * np.exp(-0.5 * off**2)
    return Stream(1000 * (x + rng.normal(0, 0.15, x.shape)), y)


def wrong_labels(seed: int) -> Stream:
    """Four clouds in eight dimensions change classes one pair after another; 20 % wrong labels."""
    rng = np.random.default_rng(seed)
    centres, which = rng.normal(0, 1.1, (4, 8)), rng.integers(0, 4, N_ROWS)
    x = centres[which] + rng.normal(0, 1, (N_ROWS, 8))
    meaning = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [1, 0, 3, 2], [3, 0, 1, 2]])
    return Stream(x, relabelled(meaning[phases(N_ROWS, 4), which], 0.2, 4, rng))


def one_in_thirty(seed: int) -> Stream:
    """Alarms, one in thirty rows, far out in a direction that turns among twelve values."""
    rng = np.random.default_rng(seed)
    y = (rng.random(N_ROWS) < 1 / 30).astype(np.int64)
    x = rng.normal(0, 1, (N_ROWS, 12)) @ rng.normal(0, 0.6, (12, 12))
    x += y[:, np.newaxis] * _turning(rng, 12, 1.5) * 4
    return Stream(x, y)


def thirty_classes(seed: int) -> Stream:
    """Thirty classes in sixteen dimensions that arrive one after another and drift."""
    rng = np.random.default_rng(seed)
    there = 5 + np.arange(N_ROWS) * 30 // N_ROWS
    y = (rng.random(N_ROWS) * np.minimum(there, 30)).astype(np.int64)
    centres, walk = rng.normal(0, 1, (30, 16)), rng.normal(0, 0.6, (30, 16))
    x = (
        centres[y]
        + np.linspace(0, 1, N_ROWS)[:, np.newaxis] * walk[y]
        + rng.normal(0, 0.6, (N_ROWS, 16))
    )
    return Stream(x, y)


def _turning(rng: np.random.Generator, d: int, angle: float) -> Floats:
    """Directions that turn from one to another by an angle in all: shape (N_ROWS, d)."""
    first, second = np.linalg.qr(rng.normal(0, 1, (d, 2)))[0].T
    turn = np.linspace(0, angle, N_ROWS)[:, np.newaxis]
    way: Floats = np.cos(turn) * first + np.sin(turn) * second
    return way
