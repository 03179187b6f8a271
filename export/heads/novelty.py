"""How far samples are from what a counting head knows: the limit that it leaves home with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.export.head_spec import CountingHead
from metabit.export.spec import Int8Array

HOME_SHARE = 0.995
"""Share of the samples at home that keep the limit. Samples of new people lie further out."""
STEPS = 16
"""Of conjugate gradients, as on the device, whose distances fall a little short of exact ones."""
SOLVED = 1e-12
"""A solution is done when its squared residual, divided by the diagonal, is not above this."""


def distances(head: CountingHead, f: Int8Array) -> NDArray[np.float64]:
    """Squared distances from the mean of the class that the head says, shape (n,).

    Args:
        head: what it knows from home.
        f: features of samples, shape (n, n_features).
    """
    n, known = head.n_features, np.flatnonzero(head.counts)
    upper = np.zeros((n, n))
    upper[np.triu_indices(n)] = head.products
    covariance = (upper + np.triu(upper, 1).T) / max(head.n_products, 1)
    matrix = covariance + head.ridge * covariance.diagonal().mean() * np.eye(n)
    means = head.means[known] / 128
    weights = head.weights[known] * head.scale
    bias = -0.5 * (weights * means).sum(axis=1) + head.prior * np.log(head.counts[known])
    bias += 0 if head.bonus is None else head.bonus[known]
    off = f - means[(f @ weights.T + bias).argmax(axis=1)]
    found: NDArray[np.float64] = (off * _solved(matrix, off.T).T).sum(axis=1)
    return found


def limit_of(head: CountingHead, f: Int8Array) -> float:
    """The distance that `HOME_SHARE` of the samples at home keep, as a file can hold it."""
    if not head.n_products or not head.products.any():
        return 0.0
    limit = np.quantile(distances(head, f), HOME_SHARE)
    return float(np.float32(np.clip(limit, 1e-3, 1e12)))


def _solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solutions of matrix x = right, one per column, by conjugate gradients from 0."""
    own = matrix.diagonal()[:, None]
    x, r = np.zeros_like(right), right.copy()
    p = r / own
    rz = (r * p).sum(axis=0)
    for _ in range(STEPS):
        q = matrix @ p
        along = np.where(rz > SOLVED, rz / np.maximum((p * q).sum(axis=0), 1e-30), 0.0)
        x, r = x + along * p, r - along * q
        after = (r * (r / own)).sum(axis=0)
        p, rz = r / own + after / np.maximum(rz, 1e-30) * p, after
    return x
