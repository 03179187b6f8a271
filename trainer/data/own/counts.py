"""Real values as the counts of a device: int16 with a unit per channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.frontend import to_counts

_PART = 2**16
"""Rows."""
_AMPLITUDE = 8192.0
"""Counts of the 99.9th percentile of a channel of real values; four times as much fits."""


def units_of(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """What one count of each channel stands for; 1 where all values are counts already.

    Args:
        values: training rows, shape (n, n_channels), finite.
    """
    units = [_unit_of(values[:, channel]) for channel in range(values.shape[1])]
    return np.array(units, dtype=np.float32)


def _unit_of(values: NDArray[np.float64]) -> float:
    whole = (values == np.rint(values)) & (values >= -32_768) & (values <= 32_767)
    if whole.all():
        return 1.0
    amplitude = float(np.quantile(np.abs(values), 0.999))
    return float(np.clip((amplitude if amplitude > 0 else 1.0) / _AMPLITUDE, 1e-30, 1e30))


def counts_in(values: NDArray[np.float64], units: NDArray[np.float32]) -> NDArray[np.int16]:
    """Real values, shape (n, n_channels), as counts; a part at a time, to save memory."""
    parts = np.split(values, range(_PART, len(values), _PART))
    return np.concatenate([to_counts(part, units)[0] for part in parts])
