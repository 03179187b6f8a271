"""What a front end is: a few numbers that say which integer operations are done on a window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Log = Literal["none", "also", "only"]

STATISTICS = ("mean", "deviation", "minimum", "maximum", "change")
"""Statistics of one channel, in the order in which they stand in a row."""
LOGS: tuple[Log, ...] = ("none", "also", "only")

MAX_CHANNELS = 256
MAX_LENGTH = 4096
MAX_SPECTRUM_LENGTH = 1024
MAX_HOP = 65_536
MAX_BANDS = 64
MAX_STACK = 256
MAX_SAMPLE = 65_536
MAX_SHIFT = 15
"""Of a channel: the product before the shift fits 32 bits."""
MAX_FEATURE_SHIFT = 40
COUNT_LIMIT = 32_767
"""Scaled values lie between minus and plus this."""
FEATURE_LIMIT = 127
FEATURE_UNIT = 32
"""Steps of a feature per deviation of what it is made of in training."""


@dataclass(frozen=True)
class Operations:
    """The operations of a front end without their scales.

    Attributes:
        n_channels: values per frame.
        length: frames per window.
        hop: frames from the start of a window to the start of the next.
        statistics: some of `STATISTICS`, in their order.
        edges: first bin of each band of the spectrum, and one more for the end of the last; empty
            for no spectrum. Bin k is k periods per transform, which has the smallest power of two
            that holds a window.
        log: whether the logarithm of each value is there too ("also"), or in its place ("only").
        stack: rows per sample, the newest last.
    """

    n_channels: int
    length: int
    hop: int
    statistics: tuple[str, ...] = STATISTICS
    edges: tuple[int, ...] = ()
    log: Log = "also"
    stack: int = 1

    @property
    def n_bands(self) -> int:
        """Bands of the spectrum."""
        return max(len(self.edges) - 1, 0)

    @property
    def n_values(self) -> int:
        """Statistics and bands of all channels of one window."""
        return self.n_channels * (len(self.statistics) + self.n_bands)

    @property
    def n_features(self) -> int:
        """Features per row, which is what one window becomes."""
        return self.n_values * (2 if self.log == "also" else 1)

    @property
    def n_inputs(self) -> int:
        """Values per sample."""
        return self.n_features * self.stack

    @property
    def n_frames(self) -> int:
        """Frames per sample."""
        return self.length + (self.stack - 1) * self.hop

    @property
    def n_transform(self) -> int:
        """Points of the transform."""
        return 1 << max(self.length - 1, 1).bit_length()

    def problem(self) -> str | None:
        """What breaks a limit, or None."""
        known = [name for name in STATISTICS if name in self.statistics]
        if not 1 <= self.n_channels <= MAX_CHANNELS:
            return f"{self.n_channels} channels; 1 to {MAX_CHANNELS} are possible"
        if not (1 <= self.length <= MAX_LENGTH and 1 <= self.hop <= MAX_HOP):
            return (
                f"windows of {self.length} frames every {self.hop}; 1 to {MAX_LENGTH} frames "
                f"every 1 to {MAX_HOP} are possible"
            )
        if list(self.statistics) != known:
            return f"statistics {list(self.statistics)}; {', '.join(STATISTICS)} in this order"
        if self.log not in LOGS or not 1 <= self.stack <= MAX_STACK:
            return f"log {self.log!r} and {self.stack} rows per sample; 1 to {MAX_STACK} rows"
        if self.length == 1 and ("change" in self.statistics or self.edges):
            return "change and a spectrum need windows of two frames or more"
        return self._spectrum_problem() or self._size_problem()

    def _spectrum_problem(self) -> str | None:
        if not self.edges:
            return None
        last = self.n_transform // 2 + 1
        if self.length > MAX_SPECTRUM_LENGTH:
            return (
                f"the spectrum of {self.length} frames; up to {MAX_SPECTRUM_LENGTH} are possible, "
                "shorter windows can be stacked"
            )
        rising = all(low < high for low, high in pairwise(self.edges))
        if not (rising and 1 <= self.n_bands <= MAX_BANDS):
            return f"{self.n_bands} bands; 1 to {MAX_BANDS} of at least one bin are possible"
        if self.edges[0] < 0 or self.edges[-1] > last:
            return f"bands from bin {self.edges[0]} to {self.edges[-1]}; there are bins 0 to {last}"
        return None

    def _size_problem(self) -> str | None:
        if self.n_features == 0:
            return "neither statistics nor a spectrum"
        if self.n_inputs > MAX_SAMPLE:
            return f"{self.n_inputs} values per sample; up to {MAX_SAMPLE} are possible"
        return None


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """A front end with its scales.

    Attributes:
        does: its operations.
        offset, multiplier, shift: of each channel, int32, shape (n_channels,): a value x becomes
            (x - offset) * multiplier / 2**shift, rounded and limited.
        unit: of each channel, float32, shape (n_channels,): what one count stands for where values
            come as real numbers.
        centre, gain, gain_shift: of each feature, int32, shape (n_features,): a value v becomes
            (v - centre) * gain / 2**gain_shift, rounded and limited.
    """

    does: Operations
    offset: NDArray[np.int32]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]
    unit: NDArray[np.float32]
    centre: NDArray[np.int32]
    gain: NDArray[np.int32]
    gain_shift: NDArray[np.int32]

    def problem(self) -> str | None:
        """What breaks a limit, or None."""
        problem = self.does.problem()
        if problem:
            return problem
        channels = (self.offset, self.multiplier, self.shift, self.unit)
        features = (self.centre, self.gain, self.gain_shift)
        if any(len(a) != self.does.n_channels for a in channels) or any(
            len(a) != self.does.n_features for a in features
        ):
            return "scales of another number of channels or features"
        if not (
            _within(self.offset, -32_768, COUNT_LIMIT)
            and _within(self.multiplier, 1, COUNT_LIMIT)
            and _within(self.shift, 0, MAX_SHIFT)
            and _within(self.unit, 1e-30, 1e30)
        ):
            return "a scale of a channel is out of range"
        if not (
            _within(self.centre, -(2**27), 2**27)
            and _within(self.gain, 0, 65_535)
            and _within(self.gain_shift, 0, MAX_FEATURE_SHIFT)
        ):
            return "a scale of a feature is out of range"
        return None


def _within(values: NDArray[np.integer] | NDArray[np.float32], low: float, high: float) -> bool:
    return bool(np.all((values >= low) & (values <= high)))
