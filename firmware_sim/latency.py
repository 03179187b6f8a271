"""Cycles, time and energy from counted instructions: always an estimate, always with its bar.

An emulator has no clock. Each instruction class has a low, a typical and a high cost, and the sum
of counts times costs is the estimate. No board has been measured to set these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.counting import Counts
from metabit.firmware_sim.toml_table import Range


@dataclass(frozen=True)
class Core:
    """Costs of one core, in cycles.

    Attributes:
        source: where they are from.
        costs: low, typical and high by instruction class.
        taken: added for each jump out of the straight line.
        extra_word: added for each further word of a load or store of several registers.
    """

    source: str
    costs: Mapping[str, Range]
    taken: Range
    extra_word: Range


_ONE: Range = (1.0, 1.0, 1.0)

# The manual's figures are for memory without wait states. A load costs 2, and 1 when it follows
# another; a store 1 when the write buffer is free; a division 2 to 12; a jump refills the pipeline
# in 1 to 3. A float result that the next instruction needs costs one cycle more.
_CORTEX_M4 = Core(
    source="Arm Cortex-M4 Technical Reference Manual, instruction set summary",
    costs={
        "alu": _ONE,
        "mul": _ONE,
        "div": (2.0, 6.0, 12.0),
        "load": (1.0, 1.7, 2.0),
        "store": (1.0, 1.2, 2.0),
        "branch": _ONE,
        "fp_add": (1.0, 1.5, 2.0),
        "fp_mul": (1.0, 1.5, 2.0),
        "fp_div": (14.0, 14.0, 15.0),
        "fp_sqrt": (14.0, 14.0, 15.0),
        "fp_move": (1.0, 1.0, 2.0),
        "simd": _ONE,
        "other": (0.0, 1.0, 4.0),
    },
    taken=(1.0, 2.0, 3.0),
    extra_word=_ONE,
)

# Two instructions can start in a cycle, in order; low is that bound, high leaves half of a result's
# latency open. Loads: one pipe, 3 cycles to use. Float: latency 6; divide 18 and square root 17 in
# single precision. Integer divide and the cost of a mispredicted branch (8, spread over all jumps)
# are from memory.
_CORTEX_A53 = Core(
    source="LLVM's scheduling model of the Cortex-A53 (AArch64SchedA53.td)",
    costs={
        "alu": (0.5, 0.8, 1.0),
        "mul": (1.0, 1.5, 3.0),
        "div": (4.0, 8.0, 20.0),
        "load": (1.0, 1.5, 2.5),
        "store": (1.0, 1.0, 1.5),
        "branch": (0.5, 0.8, 1.0),
        "fp_add": (0.5, 1.5, 3.0),
        "fp_mul": (1.0, 1.5, 3.0),
        "fp_div": (14.0, 16.0, 18.0),
        "fp_sqrt": (13.0, 15.0, 17.0),
        "fp_move": (0.5, 1.0, 3.0),
        "simd": (1.0, 2.0, 3.0),
        "other": (0.5, 1.0, 4.0),
    },
    taken=(0.0, 0.7, 2.0),
    extra_word=(0.0, 0.5, 1.0),
)

CORES: dict[str, Core] = {"cortex-m4f": _CORTEX_M4, "cortex-a53": _CORTEX_A53}


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
    """Estimate cycles, time and energy; None for a core without a cost table.

    Args:
        board: supplies the clock, the fetch factor, the caches, and the power.
        counts: what ran, with the cache misses of a board that has done the same before.
        cold: the same, of a board that has just been switched on: its misses are the high end.
    """
    if board.core not in CORES:
        return None
    core = CORES[board.core]
    cycles = [0.0, 0.0, 0.0]
    for i in range(3):
        for kind, n in counts.by_class.items():
            cycles[i] += n * core.costs[kind][i]
        cycles[i] += counts.taken * core.taken[i] + counts.extra_words * core.extra_word[i]
        cycles[i] *= board.fetch_factor[i]
        cycles[i] += _memory_cycles(board, cold if i == 2 else counts, i)
    slowest_first = board.clock_range[::-1]
    microseconds = _range([c / hz * 1e6 for c, hz in zip(cycles, slowest_first, strict=True)])
    energy = None
    if board.active_mw is not None:
        energy = _range(
            [us * mw / 1e3 for us, mw in zip(microseconds, board.active_mw, strict=True)]
        )
    return CostEstimate(_range(cycles), microseconds, energy)


def _memory_cycles(board: Board, counts: Counts, end: int) -> float:
    """Cycles that the core waits for lines which its caches did not have, at one end of the bar."""
    cycles = sum(counts.misses[cache.name] * cache.miss_cycles[end] for cache in board.caches)
    if board.memory_bytes_per_s and board.caches:
        last = board.caches[-1]
        seconds = counts.misses[last.name] * last.line_bytes / board.memory_bytes_per_s
        cycles += seconds * board.clock_hz
    return cycles


def _range(values: list[float]) -> Range:
    low, typical, high = values
    return (low, typical, high)


def _named(values: Range) -> dict[str, float]:
    return dict(zip(("low", "typical", "high"), values, strict=True))
