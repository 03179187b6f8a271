"""How much RAM a model needs, part by part, before anything runs.

The numbers come from the C core's own layout function, which `mb_open` follows on the board.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, replace

from metabit.edge_runtime import _native
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.errors import BudgetError, InputError
from metabit.export.blob import ModelSource

#: `mb_plan` fields in the order of the table, with the words people read.
PARTS: dict[str, str] = {
    "hidden_bytes": "hidden weights",
    "sign_bytes": "packed signs",
    "panel_bytes": "interleaved weights",
    "norm_bytes": "running values",
    "activation_bytes": "activations",
    "error_bytes": "errors",
    "table_bytes": "metaplasticity tables",
    "head_bytes": "counting head",
    "front_bytes": "front end",
    "model_bytes": "bookkeeping",
}

Learn = str | int


@dataclass(frozen=True)
class Plan:
    """RAM of one model with one choice of options.

    Attributes:
        parts: bytes by part, see `PARTS`; they sum to `arena_bytes`.
        arena_bytes: RAM the arena needs, in total.
        blob_bytes: the model itself, in flash or mapped from a file.
        learn_layers: layers that learn, counted from the output.
        n_layers: layers in all.
        state_bits: bits per hidden weight, 0 when nothing learns.
        panels: whether the weights are interleaved in RAM, for kernels with vector registers.
        batch: samples per learning step.
        head: whether the counting head of the file answers and learns.
    """

    parts: Mapping[str, int]
    arena_bytes: int
    blob_bytes: int
    learn_layers: int
    n_layers: int
    state_bits: int
    panels: bool = False
    batch: int = 1
    head: bool = False

    @property
    def learns(self) -> bool:
        """Whether anything does."""
        return self.head or self.learn_layers > 0

    @property
    def choice(self) -> str:
        """What learns, in words."""
        if self.head:
            return "learning the counting head"
        return describe(self.learn_layers, self.n_layers, self.state_bits, self.batch)


def describe(learn_layers: int, n_layers: int, bits: int, batch: int = 1) -> str:
    """What learns, in words: "learning the head, 8-bit state, batches of 16"."""
    if learn_layers == 0:
        return "inference only"
    what = (
        "all layers"
        if learn_layers == n_layers
        else "the head"
        if learn_layers == 1
        else f"the last {learn_layers} layers"
    )
    step = f", batches of {batch}" if batch > 1 else ""
    return f"learning {what}, {bits}-bit state{step}"


def resolve_learn(learn: Learn, n_layers: int) -> int:
    """Layers that learn, counted from the output, for "none", "head", "all" or a number."""
    names = {"none": 0, "head": 1, "all": n_layers}
    if isinstance(learn, str) and learn in names:
        return names[learn]
    if isinstance(learn, str) and learn.isdigit():
        learn = int(learn)
    if isinstance(learn, int) and not isinstance(learn, bool) and 0 <= learn <= n_layers:
        return learn
    raise InputError(
        f"learn={learn!r}: choose none, counting, head, all, auto or a number of layers from 0 to "
        f"{n_layers}",
        code="E-LEARN",
    )


def plan(
    source: ModelSource,
    *,
    learn: Learn = "all",
    bits: int = 0,
    bank: int = 0,
    ram: str | int | None = None,
    panels: bool = False,
    batch: int = 1,
) -> Plan:
    """Plan the RAM of a model.

    Args:
        source: a .mbit file, or its bytes.
        learn: "none", "counting" for the counting head of the file, "head" for the last layer,
            "all", the number of layers from the output, or "auto": the counting head where the file
            has one, or the most layers that fit `ram` (all of them without one).
        bits: bits per hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank.
        ram: budget in bytes or like "256 KiB"; None for no limit.
        panels: with interleaved weights, should they fit too; see `mb_options.panels`.
        batch: samples per learning step, 1 to 64.

    Raises:
        BudgetError: it does not fit; the message names the largest parts and the nearest choice
            that does.
        InputError, FormatError, CorruptError: see `Engine`.
    """
    options = Options(state_bits=bits, bank=bank, panels=panels, batch=batch)
    budget = None if ram is None else parse_bytes(ram)
    return fit(Mapped(source), learn, options, budget)


def fit(mapped: Mapped, learn: Learn, options: Options, budget_bytes: int | None) -> Plan:
    """The plan of a model that is in memory: the most layers of `learn` that fit the budget.

    Args:
        mapped: the model.
        learn: see `plan`.
        options: `learn_layers` is not looked at; with `panels`, should they fit too.
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
    narrow = replace(options, panels=False)
    plans = [_plan_one(mapped, choice) for choice in _wanted(mapped, learn, narrow)]
    fitting = [p for p in plans if budget_bytes is None or p.arena_bytes <= budget_bytes]
    if fitting:
        first = fitting[0]
        wide = _plan_one(mapped, replace(options, learn_layers=first.learn_layers, head=first.head))
        return wide if budget_bytes is None or wide.arena_bytes <= budget_bytes else first
    assert budget_bytes is not None
    raise BudgetError(_budget_message(mapped, narrow, plans[0], budget_bytes), code="E-BUDGET")


def _wanted(mapped: Mapped, learn: Learn, options: Options) -> list[Options]:
    """What may learn, the best first.

    The counting head comes before any layer: it remembers what the network knows, while layers
    that move forget it.
    """
    info, where = mapped.info, mapped.where
    most = info.n_layers if info.state_bits else 0
    head = replace(options, learn_layers=0, head=True)
    if learn == "auto":
        layers = [replace(options, learn_layers=number) for number in range(most, -1, -1)]
        return [head, *layers] if info.head_kind else layers
    if learn == "counting":
        if not info.head_kind:
            raise InputError(
                f"{where} carries no counting head; export the run again", code="E-NO-HEAD"
            )
        return [head]
    number = resolve_learn(learn, info.n_layers)
    if number and not most:
        raise InputError(
            f"{where} carries no hidden weights and its layers cannot learn; export it without "
            "--no-state, or import it with --learn DATA",
            code="E-NO-STATE",
        )
    return [replace(options, learn_layers=number)]


def _plan_one(mapped: Mapped, options: Options) -> Plan:
    raw, native = _native.RamPlan(), options.native()
    result = _native.library().mb_plan_ram(
        mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(native), ctypes.byref(raw)
    )
    _native.check(result, "plan")
    learns = options.learn_layers > 0
    return Plan(
        parts={name: int(getattr(raw, name)) for name in PARTS},
        arena_bytes=raw.arena_bytes,
        blob_bytes=mapped.memory.size,
        learn_layers=options.learn_layers,
        n_layers=mapped.info.n_layers,
        state_bits=(options.state_bits or mapped.info.state_bits) if learns else 0,
        panels=options.panels,
        batch=options.batch if learns else 1,
        head=options.head,
    )


def _budget_message(mapped: Mapped, options: Options, asked: Plan, budget_bytes: int) -> str:
    """What is too large, its largest parts, and the nearest choice that fits."""
    largest = sorted(asked.parts.items(), key=lambda part: -part[1])[:3]
    parts = ", ".join(f"{PARTS[name]} {format_kib(size)}" for name, size in largest)
    message = (
        f"{mapped.where}: {asked.choice} needs {format_kib(asked.arena_bytes)} of RAM, the budget "
        f"is {format_kib(budget_bytes)}. Largest parts: {parts}."
    )
    bits = options.state_bits or mapped.info.state_bits
    choices = [
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
