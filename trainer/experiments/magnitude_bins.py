"""Whether the magnitude of a hidden weight tells how much its sign matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_BINS = 15
"""Number of bins, as in the figures of Laborieux et al. 2021."""


def magnitude_bins(hidden: NDArray[np.floating], n_bins: int = N_BINS) -> NDArray[np.int64]:
    """The bin of each hidden weight, from 0. Bins divide 0 to the largest |hidden| evenly.

    Args:
        hidden: hidden weights, any shape, not all zero.
        n_bins: number of bins.

    Returns:
        same shape as `hidden`.
    """
    magnitude = np.abs(hidden.astype(np.float64))
    bins: NDArray[np.int64] = (n_bins * magnitude / magnitude.max()).astype(np.int64)
    return bins.clip(max=n_bins - 1)


def bin_means(hidden: Floats, costs: Floats, n_bins: int = N_BINS) -> tuple[Floats, Floats]:
    """The mean cost of the weights in each bin; empty bins are left out.

    Args:
        hidden: hidden weights, shape (n,).
        costs: cost of flipping each weight, shape (n,).
        n_bins: number of bins.

    Returns:
        numbers and mean costs of the bins that are not empty, in two arrays of the same shape.
    """
    bins = magnitude_bins(hidden, n_bins)
    counts = np.bincount(bins, minlength=n_bins)
    used = np.flatnonzero(counts)
    sums = np.bincount(bins, weights=costs, minlength=n_bins)
    return used.astype(np.float64), sums[used] / counts[used]


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation of two arrays; equal numbers share their mean rank."""
    x, y = (_ranks(values) - (len(values) - 1) / 2 for values in (a, b))
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; equal values share the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = last - (counts + 1) / 2
    return means[which]
