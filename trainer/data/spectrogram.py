"""Pictures of sounds: loudness over time and frequency, as grey pixels. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME = 256
"""Values of the window of a column, 32 ms at 8,000 per second."""

LOWEST_HZ, HIGHEST_HZ = 80.0, 3800.0
RANGE_DB = 60.0
"""Black is this much quieter than the loudest pixel."""


def spectrogram(values: NDArray[np.float64], rate: float, side: int) -> NDArray[np.uint8]:
    """A recording as a picture, low frequencies at the bottom.

    Columns lie evenly over the recording, however long it is. Rows are bands of equal width on the
    mel scale; a pixel is the logarithm of the power in its band.

    Args:
        values: the sound, shape (n,); a shorter one than a window gets zeros at its end.
        rate: values per second.
        side: rows and columns of the picture.

    Returns:
        shape (side, side).

    Reference:
        Stevens, Volkmann and Newman 1937, "A scale for the measurement of the psychological
        magnitude pitch".
    """
    padded = np.pad(values, (0, max(0, FRAME - len(values))))
    starts = np.rint(np.linspace(0, len(padded) - FRAME, side)).astype(np.int64)
    frames = padded[starts[:, np.newaxis] + np.arange(FRAME)]
    power = np.abs(np.fft.rfft((frames - frames.mean(1, keepdims=True)) * np.hanning(FRAME))) ** 2
    bands = power @ _bands(rate, side)
    decibels = 10 * np.log10(np.maximum(bands / max(float(bands.max()), 1e-30), 1e-30))
    shades = np.rint(255 * (1 + decibels / RANGE_DB)).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(shades.T[::-1])


def _bands(rate: float, n: int) -> NDArray[np.float64]:
    """Weights of each frequency in overlapping triangular bands, shape (FRAME // 2 + 1, n)."""
    lowest, highest = (1127 * float(np.log1p(hz / 700)) for hz in (LOWEST_HZ, HIGHEST_HZ))
    mel = np.linspace(lowest, highest, n + 2)
    edges = 700 * np.expm1(mel / 1127)
    # Low bands are narrower than a step between frequencies: each reaches one step at least.
    step = rate / FRAME
    hz = np.arange(FRAME // 2 + 1)[:, np.newaxis] * step
    below = np.maximum(edges[1:-1] - edges[:-2], step)
    above = np.maximum(edges[2:] - edges[1:-1], step)
    rising, falling = 1 - (edges[1:-1] - hz) / below, 1 - (hz - edges[1:-1]) / above
    weights: NDArray[np.float64] = np.minimum(rising, falling).clip(0)
    return weights
