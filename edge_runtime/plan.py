"""How much RAM a model needs, part by part, before anything runs.

The numbers come from the C core's own layout function, which `mb_open` follows on the board.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, replace

from metabit.edge_runtime import _native
from metabit.edge_runtime.layers_that_learn import Learn as Learn
from metabit.edge_runtime.layers_that_learn import contexts_in_words, describe, who_learns
from metabit.edge_runtime.learners import COUNTING, asked_for, that_replay
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import HEADS, MAX_UNITS, Head, Options
from metabit.edge_runtime.refusals import no_contexts, no_replay, too_many_classes
from metabit.edge_runtime.sizes import format_kib, parse_bytes, ram_in_words
from metabit.errors import BudgetError, InputError
from metabit.export.blob import ModelSource
from metabit.export.spec import GOALS as GOALS
from metabit.export.spec import LEARNERS
from metabit.export.spec import Goal as Goal

#: `mb_plan` fields in the order of the table, with the words people read.
PARTS: dict[str, str] = {
    "hidden_bytes": "hidden weights",
    "sign_bytes": "packed signs",
    "panel_bytes": "interleaved weights",
    "norm_bytes": "running values",
    "activation_bytes": "activations",
    "error_bytes": "errors",
    "table_bytes": "metaplasticity tables",
    "head_bytes": "head that learns",
    "replay_bytes": "samples kept for replay",
    "front_bytes": "front end",
    "context_bytes": "further contexts",
    "model_bytes": "bookkeeping",
}


@dataclass(frozen=True)
class Plan:
    """RAM of one model with one choice of options.

    Attributes:
        parts: bytes by part, see `PARTS`; they sum to `arena_bytes`.
        arena_bytes: RAM of the arena, interleaved weights included.
        needed_bytes: the same without them, which will do on every machine.
        blob_bytes: the model itself, in flash or mapped from a file.
        learn_layers: layers that learn, counted from the output.
        n_layers: layers in all.
        state_bits: bits per hidden weight, 0 when nothing learns.
        panels: whether the weights are interleaved in RAM, for kernels with vector registers.
        batch: samples per learning step.
        head: the head that answers and learns in place of the last layer, if any.
        units: hidden units of a tracking head.
        trust: how much the network counts in a tracking head at first.
        replay: samples kept to be learnt again.
        contexts: networks that there is room for; 0 for the network alone.
        reason: why this was chosen, in one line.
        at_rest: whether the head answers and does not learn.
    """

    parts: Mapping[str, int]
    arena_bytes: int
    needed_bytes: int
    blob_bytes: int
    learn_layers: int
    n_layers: int
    state_bits: int
    panels: bool = False
    batch: int = 1
    head: Head | None = None
    units: int = MAX_UNITS
    trust: float = 1.0
    replay: int = 0
    contexts: int = 0
    reason: str = ""
    at_rest: bool = False

    @property
    def ram(self) -> str:
        """What it needs, and the arena where it is larger, in words."""
        return ram_in_words(self.needed_bytes, self.arena_bytes)

    @property
    def learns(self) -> bool:
        """Whether anything does."""
        return not self.at_rest and (self.head is not None or self.learn_layers > 0)

    @property
    def counts(self) -> bool:
        """Whether a counting head answers, in either form."""
        return self.head in COUNTING

    @property
    def choice(self) -> str:
        """What learns, in words."""
        if self.at_rest:
            return f"inference only, by the {'counting' if self.counts else 'tracking'} head"
        if self.head == "counting":
            return "learning the counting head"
        if self.head == "counting-small":
            return "learning the counting head, with the matrix of home"
        if self.head == "tracking":
            return f"learning the tracking head, {self.units} hidden units{self._replay}"
        layers = describe(self.learn_layers, self.n_layers, self.state_bits, self.batch)
        return layers + self._replay + contexts_in_words(self.contexts)

    def options(self, asked: Options) -> Options:
        """How a model is opened that follows this plan, and what was asked for in all else."""
        return replace(
            asked, learn_layers=self.learn_layers, panels=self.panels, batch=self.batch,
            head=self.head, units=self.units, trust=self.trust, replay=self.replay,
            contexts=self.contexts,
        )  # fmt: skip

    @property
    def _replay(self) -> str:
        return f", replay of {self.replay:,} samples" if self.replay else ""


def plan(
    source: ModelSource,
    *,
    learn: Learn = "all",
    goal: Goal | None = None,
    bits: int = 0,
    bank: int = 0,
    ram: str | int | None = None,
    panels: bool = False,
    batch: int = 0,
    units: int | None = None,
    replay: int | None = None,
    contexts: int | None = None,
) -> Plan:
    """Plan the RAM of a model.

    Args:
        source: a .mbit file, or its bytes.
        learn: "none", "counting" for the counting head of the file, "counting-small" for the same
            without its matrix in RAM, "tracking" for a head that
            follows drift, "head" for the last layer, "all", the number of layers from the output,
            or "auto": the best for `goal` that fits `ram`.
        goal: what "auto" chooses for. "remember": the counting head where the file has one, or the
            most layers. "track": the tracking head, with as many hidden units as fit. None: what
            the recipe of the file says, or else "remember". The C core chooses, so a program in C
            gets the same.
        bits: bits per hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank.
        ram: budget in bytes or like "256 KiB"; None for no limit.
        panels: with interleaved weights, should they fit too; see `mb_options.panels`.
        batch: samples per learning step, 1 to 64; 0 for what the file says with "auto" and no
            goal, or 1.
        units: hidden units of a tracking head, 0 to 64; None for as many as fit; at most these with
            "auto".
        replay: samples kept to be learnt again; "auto" then chooses among what can. None for what
            the file says with "auto" and no goal, or none.
        contexts: room for so many networks, 0 to 5, where all layers learn; at most these with
            "auto". None: as many as fit with "auto", or the network alone.

    Raises:
        BudgetError: it does not fit; the message names the largest parts and the nearest choice
            that does.
        InputError, FormatError, CorruptError: see `Engine`.
    """
    options = Options(
        state_bits=bits, bank=bank, panels=panels, batch=batch, units=units, replay=replay,
        contexts=contexts,
    )  # fmt: skip
    budget = None if ram is None else parse_bytes(ram)
    return fit(Mapped(source), learn, options, budget, goal)


def fit(
    mapped: Mapped,
    learn: Learn | None,
    options: Options,
    budget_bytes: int | None,
    goal: Goal | None = None,
) -> Plan:
    """The plan of a model that is in memory: the best of `learn` that fits the budget.

    Args:
        mapped: the model.
        learn, goal: see `plan`; with None, what the file says answers, and nothing learns.
        options: what learns there is not looked at; with `panels`, should they fit too.
        budget_bytes: None for no limit.

    Raises:
        BudgetError, InputError: see `plan`.
    """
    info, where = mapped.info, mapped.where
    if not 0 <= options.bank < info.n_banks:
        raise InputError(
            f"{where}: bank {options.bank} does not exist, the model has {info.n_banks} (from 0)",
            code="E-BANK",
        )
    if goal not in (None, *GOALS):
        raise InputError(f"goal={goal!r}: choose remember or track", code="E-GOAL")
    narrow = replace(options, panels=False)
    if learn == "auto":
        return _fit_goal(mapped, options, budget_bytes, goal)
    wanted = that_replay(mapped, asked_for(mapped, learn, narrow))
    if (options.contexts or 0) > 1 and wanted[0].learn_layers < info.n_layers:
        raise no_contexts(where)
    plans = [_plan_one(mapped, choice) for choice in wanted]
    for choice, small in zip(wanted, plans, strict=True):
        if budget_bytes is None or small.arena_bytes <= budget_bytes:
            wide = _plan_one(mapped, replace(choice, panels=options.panels))
            fits = budget_bytes is None or wide.arena_bytes <= budget_bytes
            chosen = wide if fits else small
            at_rest = learn is None and chosen.head is not None
            chosen = replace(chosen, at_rest=at_rest)
            return replace(chosen, reason=_reason(chosen))
    assert budget_bytes is not None
    raise BudgetError(_budget_message(mapped, narrow, plans[0], budget_bytes), code="E-BUDGET")


def _fit_goal(
    mapped: Mapped, options: Options, budget_bytes: int | None, goal: Goal | None
) -> Plan:
    """What the C core chooses for a goal, or as the file says."""
    if goal is None and mapped.info.told_what:  # which may be what the file does not have
        asked_for(mapped, LEARNERS[mapped.info.told_what], options)
    chosen, reason = _choose(mapped, options, goal, budget_bytes)
    if chosen is not None:
        return replace(_plan_one(mapped, chosen), reason=reason)
    best, _ = _choose(mapped, replace(options, panels=False), goal, None)
    if best is None:
        raise no_replay(mapped.where)
    assert budget_bytes is not None
    asked = _plan_one(mapped, best)
    raise BudgetError(_budget_message(mapped, options, asked, budget_bytes), code="E-BUDGET")


def _choose(
    mapped: Mapped, options: Options, goal: Goal | None, budget_bytes: int | None
) -> tuple[Options | None, str]:
    """The choice of the C core and its line for people; None where it has none."""
    if options.replay and mapped.info.n_outputs > _native.MAX_CLASSES:
        raise too_many_classes(mapped.where, mapped.info.n_outputs)
    number = _native.GOAL_FILE if goal is None else GOALS.index(goal) + 1
    native, chosen = options.native(goal=number), _native.NativeOptions()
    line = ctypes.create_string_buffer(_native.REASON_BYTES)
    limit = ctypes.c_size_t(-1).value if budget_bytes is None else budget_bytes
    result = _native.library().mb_choose(
        mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(native), limit,
        ctypes.byref(chosen), line, len(line),
    )  # fmt: skip
    if result in (_native.TOO_LARGE, _native.NOT_POSSIBLE):
        return None, ""
    _native.check(result, mapped.where)
    settled = replace(
        options, learn_layers=chosen.learn_layers, panels=bool(chosen.panels), units=chosen.units,
        head=HEADS[chosen.head - 1] if chosen.head else None, trust=chosen.trust,
        batch=chosen.batch, replay=chosen.replay, contexts=chosen.contexts,
    )  # fmt: skip
    return settled, line.value.decode()


def _plan_one(mapped: Mapped, options: Options) -> Plan:
    raw, native = _native.RamPlan(), options.native()
    result = _native.library().mb_plan_ram(
        mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(native), ctypes.byref(raw)
    )
    _native.check(result, "plan")
    learns = options.learn_layers > 0
    narrow = _plan_one(mapped, replace(options, panels=False)) if options.panels else None
    return Plan(
        parts={name: int(getattr(raw, name)) for name in PARTS},
        arena_bytes=raw.arena_bytes,
        needed_bytes=raw.arena_bytes if narrow is None else narrow.arena_bytes,
        blob_bytes=mapped.memory.size,
        learn_layers=options.learn_layers,
        n_layers=mapped.info.n_layers,
        state_bits=(options.state_bits or mapped.info.state_bits) if learns else 0,
        panels=options.panels,
        batch=max(options.batch, 1) if learns else 1,
        head=options.head,
        units=options.native().units,
        trust=options.trust,
        replay=options.replay or 0,
        contexts=options.contexts if options.contexts and learns and options.contexts > 1 else 0,
    )


def _reason(chosen: Plan) -> str:
    """Why this learns, in one line: "the tracking head learns: as asked; 13.3 KiB"."""
    head = None if chosen.at_rest else chosen.head
    who = who_learns(head, chosen.learn_layers, chosen.n_layers, chosen.contexts)
    return f"{who}: as asked; {chosen.ram}"


def _budget_message(mapped: Mapped, options: Options, asked: Plan, budget_bytes: int) -> str:
    """What is too large, its largest parts, and the nearest choice that fits."""
    largest = sorted(asked.parts.items(), key=lambda part: -part[1])[:3]
    parts = ", ".join(f"{PARTS[name]} {format_kib(size)}" for name, size in largest)
    message = (
        f"{mapped.where}: {asked.choice} needs {format_kib(asked.arena_bytes)} of RAM, the budget "
        f"is {format_kib(budget_bytes)}. Largest parts: {parts}."
    )
    options = replace(options, replay=0, contexts=0, panels=False)
    bits = options.state_bits or mapped.info.state_bits
    choices = [
        _plan_one(mapped, replace(options, learn_layers=asked.learn_layers, contexts=fewer))
        for fewer in range(asked.contexts - 1, 1, -1)
    ]
    choices += [
        _plan_one(mapped, replace(options, learn_layers=number, state_bits=width, batch=batch))
        for number in range(asked.learn_layers, -1, -1)
        for width in ((bits, 4) if bits == 8 else (bits,))
        for batch in ((asked.batch, 1) if asked.batch > 1 else (asked.batch,))
    ]
    nearest = next((p for p in choices if p.arena_bytes <= budget_bytes), None)
    if nearest is None:
        least = format_kib(choices[-1].arena_bytes)
        return f"{message} Even inference alone needs {least}: use a smaller network."
    return f"{message} Nearest that fits: {nearest.choice}, {format_kib(nearest.arena_bytes)}."
