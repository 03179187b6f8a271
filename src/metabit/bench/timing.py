"""Times that are worth comparing on a machine whose clock changes and which is shared.

Contestants take turns in short windows: whatever slows the machine slows all of them. Beside each
window a loop of dependent additions, one clock cycle each, tells how fast the clock ran just then,
so that a time can also be given in cycles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native

#: Additions of one look at the clock: about 10 µs.
SPIN = 32_768
#: Cycles are taken from this share of the windows, the quickest: the others were disturbed.
QUIET = 0.25


@dataclass(frozen=True)
class Contestant:
    """Something to time.

    Attributes:
        name: for people.
        run: does the work n times and nothing else.
    """

    name: str
    run: Callable[[int], object]


@dataclass(frozen=True)
class Limits:
    """How long to measure.

    Attributes:
        num_runs: windows per contestant.
        warmup_runs: windows before them that are not counted.
        max_seconds: no new round of windows is begun after this; at least three are made.
        window_us: a window is filled with as many calls as fit into this, at least one.
    """

    num_runs: int = 100
    warmup_runs: int = 3
    max_seconds: float = 10.0
    window_us: float = 250.0


@dataclass(frozen=True)
class Times:
    """What the windows of one contestant took.

    Attributes:
        us: mean time of a call in each window, shape (n_windows,), microseconds.
        mhz: the clock beside each window, shape (n_windows,).
        calls: calls per window.
    """

    us: NDArray[np.float64]
    mhz: NDArray[np.float64]
    calls: int

    @property
    def min_us(self) -> float:
        """The quickest window."""
        return float(self.us.min())

    @property
    def median_us(self) -> float:
        """The window in the middle."""
        return float(np.median(self.us))

    @property
    def p99_us(self) -> float:
        """Ninety-nine of a hundred windows were quicker."""
        return float(np.quantile(self.us, 0.99))

    @property
    def cycles(self) -> float:
        """Clock cycles per call: the median over the quickest quarter of the windows."""
        cycles = np.sort(self.us * self.mhz)
        return float(np.median(cycles[: max(1, round(QUIET * len(cycles)))]))

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "min_us": self.min_us,
            "median_us": self.median_us,
            "p99_us": self.p99_us,
            "cycles": self.cycles,
            "clock_mhz": {
                "min": float(self.mhz.min()),
                "median": float(np.median(self.mhz)),
                "max": float(self.mhz.max()),
            },
            "windows": len(self.us),
            "calls_a_window": self.calls,
        }


def clock_mhz() -> float:
    """How fast the clock runs just now, from additions that wait for one another."""
    spin = _native.library().mb_spin
    began = time.perf_counter_ns()
    spin(SPIN, 1)
    return 1000.0 * SPIN / (time.perf_counter_ns() - began)


def take_turns(
    contestants: Sequence[Contestant], limits: Limits, progress: Callable[[], object] = lambda: None
) -> dict[str, Times]:
    """Time contestants in alternating windows.

    Args:
        contestants: with names that differ.
        limits: how many windows, and how long at most.
        progress: called after each round.

    Returns:
        times by name, in the order given.
    """
    calls = {c.name: _calls_a_window(c, limits.window_us) for c in contestants}
    windows: dict[str, list[tuple[float, float]]] = {c.name: [] for c in contestants}
    for _ in range(limits.warmup_runs):
        for contestant in contestants:
            _window(contestant, calls[contestant.name])
    began = time.perf_counter()
    for done in range(max(3, limits.num_runs)):
        if done >= 3 and time.perf_counter() - began > limits.max_seconds:
            break
        for contestant in contestants:
            windows[contestant.name].append(_window(contestant, calls[contestant.name]))
        progress()
    return {
        name: Times(np.array(rows)[:, 0], np.array(rows)[:, 1], calls[name])
        for name, rows in windows.items()
    }


def _window(contestant: Contestant, calls: int) -> tuple[float, float]:
    """Microseconds a call, and the clock: an interruption can only make it look slower.

    A call that is not counted brings back what the others have driven out of the caches.
    """
    contestant.run(1)
    before = clock_mhz()
    began = time.perf_counter_ns()
    contestant.run(calls)
    took = time.perf_counter_ns() - began
    return took / calls / 1000.0, max(before, clock_mhz())


def _calls_a_window(contestant: Contestant, window_us: float) -> int:
    """How many calls fill a window; doubles until the time can be read well."""
    calls = 1
    while True:
        took_us, _ = _window(contestant, calls)
        if took_us * calls >= window_us / 4:
            return max(1, int(window_us / took_us))
        calls *= 2
