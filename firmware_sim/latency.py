"""Cycles, time and energy: always an estimate, always with its bar.

An emulator has no clock. `pipeline.py` says how many cycles the core takes while its caches have
everything, `caches.py` what they do not have. No board has been measured to set these numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from metabit.firmware_sim import cores
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.counting import Counts
from metabit.firmware_sim.toml_table import Range


@dataclass(frozen=True)
class CostEstimate:
    """What a piece of work costs on a board.

    Attributes:
        cycles, microseconds: low, typical and high.
        microjoules: energy, or None when the board's power is not known.
    """

    cycles: Range
    microseconds: Range
    microjoules: Range | None

    def to_dict(self) -> dict[str, object]:
        """For JSON, marked as what it is."""
        return {
            "kind": "estimate",
            "cycles": _named(self.cycles),
            "microseconds": _named(self.microseconds),
            "microjoules": None if self.microjoules is None else _named(self.microjoules),
        }


def estimate(board: Board, counts: Counts, cold: Counts) -> CostEstimate | None:
    """Estimate cycles, time and energy; None for a core without a cost model.

    The core's bar is as wide as its errors on published measurements. Memory stands beside it: what
    its caches do not have when they are warm at the low and the typical end, and when they are
    empty at the high one. Errors of clock and of power are independent of it, so they are added in
    quadrature.

    Args:
        board: supplies the clock, the fetch factor, the caches, and the power.
        counts: what ran, with the cache misses of a board that has done the same before.
        cold: the same, of a board that has just been switched on.
    """
    if counts.cycles is None:
        return None
    low, high = cores.load(board.core).bar
    ends = zip((low, 1.0, high), board.fetch_factor, (counts, counts, cold), strict=True)
    cycles = _range(
        counts.cycles * factor * fetch + _memory_cycles(board, there, i)
        for i, (factor, fetch, there) in enumerate(ends)
    )
    slowest, usual, fastest = board.clock_range
    times = _product(cycles, (usual / fastest, 1.0, usual / slowest))
    microseconds = _range(t / usual * 1e6 for t in times)
    energy = None
    if board.active_mw is not None:
        energy = _range(e / 1e3 for e in _product(microseconds, board.active_mw))
    return CostEstimate(cycles, microseconds, energy)


def _product(a: Range, b: Range) -> Range:
    """Two figures multiplied, whose errors are independent: relative errors add in quadrature."""
    typical = a[1] * b[1]
    below = math.hypot(1 - a[0] / a[1], 1 - b[0] / b[1]) if typical else 0.0
    above = math.hypot(a[2] / a[1] - 1, b[2] / b[1] - 1) if typical else 0.0
    return (typical * max(1 - below, 0.0), typical, typical * (1 + above))


def _memory_cycles(board: Board, counts: Counts, end: int) -> float:
    """Cycles that the core waits for lines which its caches did not have, at one end of the bar."""
    cycles = sum(counts.misses[cache.name] * cache.miss_cycles[end] for cache in board.caches)
    if board.memory_bytes_per_s and board.caches:
        last = board.caches[-1]
        seconds = counts.misses[last.name] * last.line_bytes / board.memory_bytes_per_s
        cycles += seconds * board.clock_hz
    return cycles


def _range(values: Iterable[float]) -> Range:
    low, typical, high = values
    return (low, typical, high)


def _named(values: Range) -> dict[str, float]:
    return dict(zip(("low", "typical", "high"), values, strict=True))
