"""How much RAM a model needs, part by part, before anything runs.

The numbers come from the C core's own layout function, the one that `mb_open` follows on the board.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.errors import BudgetError, InputError
from metabit.export.container import loads, read_bytes

#: `mb_plan` fields in the order of the table, with the words people read.
PARTS: dict[str, str] = {
    "hidden_bytes": "hidden weights",
    "sign_bytes": "packed signs",
    "panel_bytes": "interleaved weights",
    "norm_bytes": "running values",
    "activation_bytes": "activations",
    "error_bytes": "errors",
    "table_bytes": "metaplasticity tables",
    "model_bytes": "bookkeeping",
}

Learn = str | int

#: Samples a learning step, at most.
MAX_BATCH = _native.MAX_BATCH


@dataclass(frozen=True)
class Plan:
    """RAM of one model with one choice of options.

    Attributes:
        parts: bytes by part, see `PARTS`; they sum to `arena_bytes`.
        arena_bytes: RAM the arena needs, in total.
        blob_bytes: the model itself, in flash or mapped from a file.
        learn_layers: layers that learn, counted from the output.
        n_layers: layers in all.
        state_bits: bits a hidden weight, 0 when nothing learns.
        panels: whether the weights are interleaved in RAM, for kernels with vector registers.
        batch: samples a learning step.
    """

    parts: Mapping[str, int]
    arena_bytes: int
    blob_bytes: int
    learn_layers: int
    n_layers: int
    state_bits: int
    panels: bool = False
    batch: int = 1

    @property
    def choice(self) -> str:
        """What learns, in words."""
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


def as_blob(source: str | Path | bytes) -> NDArray[np.uint8]:
    """The bytes of a model in memory aligned for the C core.

    Args:
        source: a path, or the bytes themselves.

    Returns:
        shape (n,), uint8, starting at a multiple of 64 bytes.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    blob = aligned(len(data))
    blob[:] = np.frombuffer(data, dtype=np.uint8)
    return blob


def aligned(n_bytes: int) -> NDArray[np.uint8]:
    """Memory for the C core, shape (n_bytes,), starting at a multiple of 64 bytes; not cleared."""
    memory = np.empty(n_bytes + 64, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes]


def verify(blob: NDArray[np.uint8], where: str) -> _native.Info:
    """Check a blob with the C core, and with the Python reader where that can say more."""
    info = _native.Info()
    result = _native.library().mb_verify(blob.ctypes.data, blob.size, ctypes.byref(info))
    if result < 0:
        loads(blob.tobytes(), where)  # names the section and what is wrong with it
        _native.check(result, where)
    return info


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
        f"learn={learn!r}: choose none, head, all, auto or a number of layers from 0 to {n_layers}",
        code="E-LEARN",
    )


def plan(
    source: str | Path | bytes,
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
        learn: "none", "head", "all", the number of layers from the output, or "auto": the most
            layers that fit `ram` (all of them without one).
        bits: bits a hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank.
        ram: budget in bytes or like "256 KiB"; None for no limit.
        panels: with interleaved weights, should they fit too; see `mb_options.panels`.
        batch: samples a learning step, 1 to 64.

    Raises:
        BudgetError: it does not fit; the message names the largest parts and the nearest choice
            that does.
        InputError, FormatError, CorruptError: see `Engine`.
    """
    where = "blob" if isinstance(source, bytes) else str(source)
    blob = as_blob(source)
    info = verify(blob, where)
    budget = None if ram is None else parse_bytes(ram)
    return fit(
        blob, info, where, learn=learn, bits=bits, bank=bank, budget_bytes=budget, panels=panels,
        batch=batch,
    )  # fmt: skip


def fit(
    blob: NDArray[np.uint8],
    info: _native.Info,
    where: str,
    *,
    learn: Learn,
    bits: int,
    bank: int,
    budget_bytes: int | None,
    panels: bool = False,
    batch: int = 1,
) -> Plan:
    """`plan` for a blob that is already in memory and checked; with panels, should they fit too."""
    if bits not in (0, 4, 8):
        raise InputError(f"bits={bits}: choose 8, 4, or 0 for what the file holds", code="E-BITS")
    if isinstance(batch, bool) or not 1 <= batch <= MAX_BATCH:
        raise InputError(
            f"batch={batch}: choose a number of samples from 1 to {MAX_BATCH}",
            code="E-BATCH",
        )
    if not 0 <= bank < info.n_banks:
        raise InputError(
            f"{where}: bank {bank} does not exist, the model has {info.n_banks} (from 0)",
            code="E-BANK",
        )
    most = info.n_layers if info.state_bits else 0
    if learn == "auto":
        wanted = range(most, -1, -1)
    else:
        number = resolve_learn(learn, info.n_layers)
        if number and not most:
            raise InputError(
                f"{where} carries no hidden weights and cannot learn; export it without "
                "--no-state, or import it with --learn DATA",
                code="E-NO-STATE",
            )
        wanted = range(number, number - 1, -1)
    plans = [_plan_one(blob, info, number, bits, bank, batch) for number in wanted]
    fitting = [p for p in plans if budget_bytes is None or p.arena_bytes <= budget_bytes]
    if fitting:
        wide = _plan_one(blob, info, fitting[0].learn_layers, bits, bank, batch, panels=panels)
        return wide if budget_bytes is None or wide.arena_bytes <= budget_bytes else fitting[0]
    assert budget_bytes is not None
    raise BudgetError(
        _budget_message(where, blob, info, plans[0], bits, bank, budget_bytes), code="E-BUDGET"
    )


def _plan_one(
    blob: NDArray[np.uint8],
    info: _native.Info,
    learn_layers: int,
    bits: int,
    bank: int,
    batch: int,
    panels: bool = False,
) -> Plan:
    options = _native.Options(learn_layers, bits, bank, 1, -1.0, -1.0, 0, panels, batch, None)
    raw = _native.RamPlan()
    result = _native.library().mb_plan_ram(
        blob.ctypes.data, blob.size, ctypes.byref(options), ctypes.byref(raw)
    )
    _native.check(result, "plan")
    state_bits = (bits or info.state_bits) if learn_layers else 0
    parts = {name: int(getattr(raw, name)) for name in PARTS}
    return Plan(
        parts, raw.arena_bytes, blob.size, learn_layers, info.n_layers, state_bits, panels,
        batch if learn_layers else 1,
    )  # fmt: skip


def _budget_message(
    where: str,
    blob: NDArray[np.uint8],
    info: _native.Info,
    asked: Plan,
    bits: int,
    bank: int,
    budget_bytes: int,
) -> str:
    largest = sorted(asked.parts.items(), key=lambda part: -part[1])[:3]
    parts = ", ".join(f"{PARTS[name]} {format_kib(size)}" for name, size in largest)
    message = (
        f"{where}: {asked.choice} needs {format_kib(asked.arena_bytes)} of RAM, the budget is "
        f"{format_kib(budget_bytes)}. Largest parts: {parts}."
    )
    widths = [bits or info.state_bits] + ([4] if (bits or info.state_bits) == 8 else [])
    batches = [asked.batch] + ([1] if asked.batch > 1 else [])
    choices = [
        _plan_one(blob, info, number, width, bank, batch)
        for number in range(asked.learn_layers, -1, -1)
        for width in widths
        for batch in batches
    ]
    nearest = next((p for p in choices if p.arena_bytes <= budget_bytes), None)
    if nearest is None:
        least = format_kib(choices[-1].arena_bytes)
        return f"{message} Even inference alone needs {least}: use a smaller network."
    return f"{message} Nearest that fits: {nearest.choice}, {format_kib(nearest.arena_bytes)}."
