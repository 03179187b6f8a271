"""Real values as the counts of a device: int16 with a unit per channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_AMPLITUDE = 8192.0
"""Counts of the 99.9th percentile of a channel of real values; four times as much fits."""


def units_of(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """What one count of each channel stands for; 1 where all values are counts already.

    Args:
        values: training rows, shape (n, n_channels), finite.
    """
    whole = ((values == np.rint(values)) & (values >= -32_768) & (values <= 32_767)).all(axis=0)
    amplitude = np.quantile(np.abs(values), 0.999, axis=0)
    real = np.where(amplitude > 0, amplitude, 1.0) / _AMPLITUDE
    units: NDArray[np.float32] = np.clip(np.where(whole, 1.0, real), 1e-30, 1e30).astype(np.float32)
    return units
