"""Phases of a command: which layer was at work, on what, and what that took.

A phase begins where one of a few functions of the C core begins, and lasts until the next one does.
Nothing is added to the firmware for it: the emulated core says when it gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class _Layer(Enum):
    """How the layer of a phase is known."""

    NONE = 0  # it is of no layer
    SAME = 1  # the layer of the phase before
    LAST = 2
    ARGUMENT = 3  # the function's second argument points to it


#: What runs before the first of the functions below.
BEGIN = "begin"
#: Functions of the C core: the phase that begins there, and of which layer.
_MARKS = {
    "mb_sum_inputs": ("sums of the inputs", _Layer.NONE),
    "mb_misfit": ("choose the context", _Layer.NONE),
    "mb_follow_sums": ("means of the context", _Layer.NONE),
    "mb_dense_sums": ("forward", _Layer.ARGUMENT),
    "mb_convolve": ("forward", _Layer.ARGUMENT),
    "mb_convolve_fused": ("forward", _Layer.ARGUMENT),
    "mb_read_scores": ("scores", _Layer.NONE),
    "mb_make_features": ("features of the head", _Layer.NONE),
    "mb_measure_sample": ("features of the head", _Layer.NONE),
    "mb_head_answer": ("answer of the head", _Layer.NONE),
    "mb_track_answer": ("answer of the head", _Layer.NONE),
    "mb_head_learn": ("learning of the head", _Layer.NONE),
    "mb_track_learn": ("learning of the head", _Layer.NONE),
    "mb_track_replay": ("replay of the head", _Layer.NONE),
    "mb_keep_in_ring": ("replay", _Layer.NONE),
    "mb_draw_from_ring": ("replay", _Layer.NONE),
    "mb_judge": ("judge the sample", _Layer.NONE),
    "mb_follow_inputs": ("means of the inputs", _Layer.NONE),
    "mb_output_error": ("errors", _Layer.LAST),
    "mb_pass_sign": ("errors", _Layer.ARGUMENT),
    "mb_quantize_errors": ("send errors back", _Layer.SAME),
    "mb_move_dense": ("move weights", _Layer.ARGUMENT),
    "mb_move_rows": ("move weights", _Layer.ARGUMENT),
}


@dataclass(frozen=True)
class Phase:
    """One stretch of a command, or the mean of such stretches over several commands.

    Attributes:
        name: what is done.
        layer: number of the layer, from 0; None where it is of none.
        instructions: that ran.
        cycles: of the core, while its caches have everything; None without a cost model.
    """

    name: str
    layer: int | None
    instructions: float
    cycles: float | None


class Reached(NamedTuple):
    """Where a marked function began: its layer's address, and what had run until then."""

    function: str
    layer_at: int
    cycles: int
    times: NDArray[np.uint64]  # of each block that was known then


class PhaseRecord:
    """Notes where phases begin while a command runs.

    Args:
        symbols: of the firmware: address by name.
        argument: reads the second argument of the function that is about to run.
        so_far: cycles until now, and how often each block has run.
    """

    def __init__(
        self, symbols: Mapping[str, int], argument: Callable[[], int],
        so_far: Callable[[], tuple[int, NDArray[np.uint64]]],
    ) -> None:  # fmt: skip
        self.marks = {symbols[name]: name for name in _MARKS if name in symbols}
        self._argument, self._so_far = argument, so_far
        self._reached: list[Reached] = []
        self._layers: set[int] = set()

    def begin(self) -> None:
        """A command begins."""
        self._reached.clear()

    def reached(self, address: int) -> None:
        """A marked function is about to run."""
        name, at = self.marks[address], 0
        if _MARKS[name][1] is _Layer.ARGUMENT:
            at = self._argument()
            self._layers.add(at)
        self._reached.append(Reached(name, at, *self._so_far()))

    def phases(self, block_instructions: NDArray[np.float64], cycles: int | None) -> list[Phase]:
        """The phases of the command that has ended, in their order.

        Args:
            block_instructions: of each block, shape (blocks,).
            cycles: of the whole command; None without a cost model.
        """
        end_cycles, end_times = self._so_far()
        ends = [*self._reached, Reached("", 0, end_cycles if cycles is None else cycles, end_times)]
        if not self._reached:
            return []
        order = {at: number for number, at in enumerate(sorted(self._layers))}
        done, spent, layer, name = 0.0, 0, None, BEGIN
        made: list[Phase] = []
        for here in ends:
            until = float(block_instructions[: len(here.times)] @ here.times.astype(np.float64))
            took = None if cycles is None else here.cycles - spent
            made.append(Phase(name, layer, until - done, took))
            done, spent = until, here.cycles
            if here.function:
                name, source = _MARKS[here.function]
                layer = {
                    _Layer.NONE: None,
                    _Layer.SAME: layer,
                    _Layer.LAST: len(order) - 1,
                    _Layer.ARGUMENT: order.get(here.layer_at),
                }[source]
        return made


def mean(commands: Sequence[Iterable[Phase]]) -> tuple[Phase, ...]:
    """What each phase of each layer takes per command, on average; in order of appearance."""
    sums: dict[tuple[str, int | None], tuple[float, float | None]] = {}
    for command in commands:
        for phase in command:
            instructions, cycles = sums.get((phase.name, phase.layer), (0.0, 0.0))
            both = None if cycles is None or phase.cycles is None else cycles + phase.cycles
            sums[phase.name, phase.layer] = (instructions + phase.instructions, both)
    n = len(commands)
    return tuple(
        Phase(name, layer, instructions / n, None if cycles is None else cycles / n)
        for (name, layer), (instructions, cycles) in sums.items()
    )
