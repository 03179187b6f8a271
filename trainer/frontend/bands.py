"""Where the bands of a spectrum lie, as rising bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

SPACINGS = ("log", "linear", "mel")


def edges(
    spacing: str,
    n_bands: int,
    n_transform: int,
    sample_rate: float | None = None,
    lowest: float | None = None,
    highest: float | None = None,
) -> tuple[int, ...]:
    """First bin of each band, and one more for the end of the last.

    Args:
        spacing: "log" for bands that widen from the first period upward, which suits motion and
            vibration; "linear" for bands of equal width; "mel" for the scale of hearing.
        n_bands: number of bands; 0 for no spectrum.
        n_transform: points of the transform.
        sample_rate: frames per second; frequencies need it, and "mel" does.
        lowest, highest: frequencies in Hz between which bands lie. Default: the first bin above 0,
            and half the sample rate.

    Raises:
        InputError: there are fewer bins than bands, or the sample rate is missing (E-FRONTEND).
    """
    if n_bands == 0:
        return ()
    if sample_rate is None and (spacing == "mel" or lowest is not None or highest is not None):
        raise InputError(
            "front end: bands in Hz need the sample rate: set [data] sample_rate", code="E-FRONTEND"
        )
    per_bin = 1.0 if sample_rate is None else sample_rate / n_transform
    low = per_bin if lowest is None else lowest
    high = per_bin * n_transform / 2 if highest is None else highest
    first, last = max(0, round(low / per_bin)), round(high / per_bin) + 1
    if last > n_transform // 2 + 1 or last - first < n_bands:
        raise InputError(
            f"front end: {n_bands} bands from bin {first} to {last}: a window has bins 0 to "
            f"{n_transform // 2}, and each band needs one; use fewer bands or longer windows",
            code="E-FRONTEND",
        )
    return _rising(_spread(spacing, n_bands, first, last, per_bin), first, last)


def _spread(
    spacing: str, n_bands: int, first: int, last: int, per_bin: float
) -> NDArray[np.float64]:
    if spacing == "linear":
        return np.linspace(first, last, n_bands + 1)
    if spacing == "log":
        return np.geomspace(max(first, 1), last, n_bands + 1)
    low, high = (2595 * np.log10(1 + bin * per_bin / 700) for bin in (first, last))
    mel = np.linspace(low, high, n_bands + 1)
    return np.asarray(700 * (10 ** (mel / 2595) - 1) / per_bin)


def _rising(wanted: NDArray[np.float64], first: int, last: int) -> tuple[int, ...]:
    """The nearest bins, moved apart so that no band is empty."""
    n = len(wanted) - 1
    bins = np.rint(wanted).astype(int)
    bins[0] = first
    for i in range(1, n + 1):
        bins[i] = max(bins[i], bins[i - 1] + 1)
    bins[n] = last
    for i in range(n - 1, 0, -1):
        bins[i] = min(bins[i], bins[i + 1] - 1)
    return tuple(int(b) for b in bins)
