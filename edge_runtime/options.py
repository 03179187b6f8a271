"""How a model is opened: `mb_options` of metabit.h, on the host and in firmware alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metabit.edge_runtime import _native
from metabit.errors import InputError

#: Samples per learning step, at most.
MAX_BATCH = _native.MAX_BATCH
MAX_STEP_LEVELS, MAX_M = 256.0, 30.0

#: A head that answers and learns in place of the last layer.
Head = Literal["counting", "tracking", "counting-small"]
#: In the order of `mb_head_kind`.
HEADS: tuple[Head, ...] = ("counting", "tracking", "counting-small")
#: Samples kept for replay, at most.
MAX_REPLAY = _native.MAX_REPLAY
#: Networks that there is room for, at most.
MAX_CONTEXTS = _native.MAX_CONTEXTS
#: Hidden units of a tracking head, at most.
MAX_UNITS = _native.MAX_UNITS

_FROM_FILE = -1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model is opened.

    Attributes:
        learn_layers: layers that learn, counted from the output.
        state_bits: bits per hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank.
        seed: of the generator that rounds updates.
        step_levels: step size in levels of an 8-bit hidden weight; None for what the file says.
        m: metaplasticity at the end of the range; None for what the file says.
        isa: number of the kernel set; 0 for the best that runs.
        panels: interleave weights in RAM, for kernels with vector registers.
        batch: samples per learning step; 0 for what the file says, or 1.
        head: the head that answers and learns in place of the last layer, if any.
        units: hidden units of a tracking head, 0 to 64; None for as many as fit.
        trust: how much the network's scores count in a tracking head before it has learnt.
        replay: samples kept to be learnt again, 0 to 65,535; None for what the file says, or none.
        contexts: room for so many networks, 0 to 5; None for as many as fit where a goal chooses,
            or the network alone.

    Raises:
        InputError: a value is out of range, whatever the model.
    """

    learn_layers: int = 0
    state_bits: int = 0
    bank: int = 0
    seed: int = 1
    step_levels: float | None = None
    m: float | None = None
    isa: int = 0
    panels: bool = False
    batch: int = 0
    head: Head | None = None
    units: int | None = None
    trust: float = 1.0
    replay: int | None = None
    contexts: int | None = None

    def __post_init__(self) -> None:
        if self.state_bits not in (0, 4, 8):
            raise InputError(
                f"bits={self.state_bits}: choose 8, 4, or 0 for what the file holds", code="E-BITS"
            )
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed {self.seed} is outside 0...{2**32 - 1}", code="E-SEED")
        _check_range("step_levels", self.step_levels, MAX_STEP_LEVELS)
        _check_range("m", self.m, MAX_M)
        if isinstance(self.batch, bool) or not 0 <= self.batch <= MAX_BATCH:
            raise InputError(
                f"batch={self.batch}: choose a number of samples from 1 to {MAX_BATCH}, or 0 for "
                "what the file says",
                code="E-BATCH",
            )
        if self.units is not None and not 0 <= self.units <= MAX_UNITS:
            raise InputError(
                f"units={self.units}: choose a number of hidden units from 0 to {MAX_UNITS}",
                code="E-UNITS",
            )
        if isinstance(self.replay, bool) or not 0 <= (self.replay or 0) <= MAX_REPLAY:
            raise InputError(
                f"replay={self.replay}: choose a number of samples from 0 to {MAX_REPLAY}",
                code="E-REPLAY",
            )
        if self.replay and self.batch > 1:
            raise InputError(
                f"replay={self.replay} with batch={self.batch}: samples that are kept are learnt "
                "again one by one; leave one of the two out",
                code="E-REPLAY",
            )

        if isinstance(self.contexts, bool) or not 0 <= (self.contexts or 0) <= MAX_CONTEXTS:
            raise InputError(
                f"contexts={self.contexts}: choose a number of contexts from 0 to {MAX_CONTEXTS}",
                code="E-CONTEXTS",
            )
        if (self.contexts or 0) > 1 and self.batch > 1:
            raise InputError(
                f"contexts={self.contexts} with batch={self.batch}: samples go to their contexts "
                "one by one; leave one of the two out",
                code="E-CONTEXTS",
            )

    def native(self, runner: int | None = None, goal: int = 0) -> _native.NativeOptions:
        """As the C core takes them.

        Args:
            runner: address of an `mb_runner` that shares out the parts of large layers.
            goal: `mb_goal`, for options whose choice is left to the core.
        """
        contexts = MAX_CONTEXTS if self.contexts is None and goal else self.contexts or 0
        leaves_none = goal == _native.GOAL_FILE and self.replay == 0
        return _native.NativeOptions(
            goal=goal,
            learn_layers=self.learn_layers,
            state_bits=self.state_bits,
            bank=self.bank,
            seed=self.seed,
            step_levels=_FROM_FILE if self.step_levels is None else self.step_levels,
            m=_FROM_FILE if self.m is None else self.m,
            isa=self.isa,
            panels=self.panels,
            batch=self.batch,
            head=0 if self.head is None else HEADS.index(self.head) + 1,
            units=MAX_UNITS if self.units is None else self.units,
            trust=self.trust,
            replay=_native.NO_REPLAY if leaves_none else self.replay or 0,
            contexts=contexts,
            runner=runner,
        )


def _check_range(name: str, value: float | None, high: float) -> None:
    if value is not None and not 0.0 <= value <= high:
        raise InputError(f"{name}={value}: choose a number from 0 to {high:g}", code="E-RANGE")
