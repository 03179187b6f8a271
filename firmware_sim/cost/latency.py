"""Cycles, time and energy: always an estimate, always with its bar.

An emulator has no clock. `pipeline.py` says how many cycles the core takes while its caches have
everything, `watcher.py` what they do not have. No board has been measured to set these numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.toml_table import Range

_HIGH = 2  # the end of a bar at which nothing is hidden


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
    empty at the high one. What comes from DRAM is fetched ahead, while the core works, but for the
    high end. Errors of clock and of power are independent of it, so they are added in quadrature.

    Args:
        board: supplies the clock, the fetch factor, the caches, and the power.
        counts: what ran, with the cache misses of a board that has done the same before.
        cold: the same, of a board that has just been switched on.
    """
    if counts.cycles is None:
        return None
    low, high = cores.load(board.core).bar
    ends = zip((low, 1.0, high), board.fetch_factor, (counts, counts, cold), strict=True)
    in_turn = []
    for end, (factor, fetch, there) in enumerate(ends):
        core, dram = counts.cycles * factor * fetch, _dram_cycles(board, there)
        together = core + dram if end == _HIGH else max(core, dram)
        in_turn.append(together + _cache_cycles(board, there, end))
    cycles = _range(in_turn)
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


def _dram_cycles(board: Board, counts: Counts) -> float:
    """Cycles in which the lines are read that the last cache did not have."""
    if not (board.memory_bytes_per_s and board.caches):
        return 0.0
    last = board.caches[-1]
    n_bytes = counts.misses[last.name] * last.line_bytes
    return n_bytes / board.memory_bytes_per_s * board.clock_hz


def _cache_cycles(board: Board, counts: Counts, end: int) -> float:
    """Cycles that the core waits for lines which a cache did not have, at one end of the bar.

    How quickly DRAM is read was measured through all caches, so that a line from there costs
    nothing more in those that it passes.
    """
    missed = {cache.name: counts.misses[cache.name] for cache in board.caches}
    from_dram = missed[board.caches[-1].name] if board.memory_bytes_per_s and missed else 0.0
    first_level = sum(missed[cache.name] for cache in board.caches if cache.serves != "both")
    cycles = 0.0
    for cache in board.caches:
        passed = missed[cache.name] if cache.serves == "both" else first_level
        nearer = 1.0 - min(from_dram / passed, 1.0) if passed else 0.0
        cycles += missed[cache.name] * nearer * cache.miss_cycles[end]
    return cycles


def _range(values: Iterable[float]) -> Range:
    low, typical, high = values
    return (low, typical, high)


def _named(values: Range) -> dict[str, float]:
    return dict(zip(("low", "typical", "high"), values, strict=True))
