"""One model on one board: what `profile` and `simulate` both begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples, check_labels, check_samples
from metabit.edge_runtime.plan import Learn, Plan, plan
from metabit.errors import BudgetError, InputError
from metabit.export.container import loads, read_bytes
from metabit.export.spec import Model
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import Firmware, Image, Options, build
from metabit.firmware_sim.device import Device


@dataclass(frozen=True)
class Choice:
    """How a model is opened, on the board and on the host alike; see `Engine`.

    Attributes:
        learn: "none", "head", "all", a number, or "auto": the most layers that fit the board.
    """

    learn: Learn = "none"
    bits: int = 0
    bank: int = 0
    seed: int = 1
    m: float | None = None
    step_levels: float | None = None


@dataclass(frozen=True)
class Session:
    """A model, its plan, its firmware, and the same model on the host.

    Attributes:
        where: name of the model, for messages.
        board: as asked for.
        model: parsed.
        plan: RAM of the arena by part.
        firmware: built for `board`, or, when that is too small, for one without limits.
        engine: the host's.
        fits: whether `firmware` was built for `board` as it is.
    """

    where: str
    board: Board
    model: Model
    plan: Plan
    firmware: Firmware
    engine: Engine
    fits: bool

    def device(self) -> Device:
        """The firmware, booted."""
        return Device(self.firmware, self.model.n_inputs, self.model.n_outputs)


def start(
    source: str | Path | bytes, board: Board, choice: Choice, *, may_exceed: bool = False
) -> Session:
    """Plan, build and open a model for a board.

    Args:
        source: a .mbit file, or its bytes.
        board: see `boards.load`.
        choice: how to open it.
        may_exceed: build for a board without limits when it does not fit.

    Raises:
        BudgetError: it does not fit, unless `may_exceed`.
        FormatError, CorruptError, InputError: as from `Engine`.
    """
    where = "blob" if isinstance(source, bytes) else str(source)
    blob = source if isinstance(source, bytes) else read_bytes(source)
    model = loads(blob, where)
    planned = _plan(source, blob, model, board, choice, may_exceed=may_exceed)
    engine = Engine(
        source, learn=planned.learn_layers, bits=choice.bits, bank=choice.bank, seed=choice.seed,
        m=choice.m, step_levels=choice.step_levels,
    )  # fmt: skip
    options = Options(
        planned.learn_layers, choice.bits, choice.bank, choice.seed,
        -1.0 if choice.step_levels is None else choice.step_levels,
        -1.0 if choice.m is None else choice.m, panels=int(planned.panels),
    )  # fmt: skip
    image = Image(blob, planned.arena_bytes, model.n_inputs, model.n_outputs, options)
    try:
        return Session(where, board, model, planned, build(board, image), engine, True)
    except BudgetError:
        if not may_exceed:
            raise
    firmware = build(board.without_limits(), image)
    return Session(where, board, model, planned, firmware, engine, False)


def _plan(
    source: str | Path | bytes,
    blob: bytes,
    model: Model,
    board: Board,
    choice: Choice,
    *,
    may_exceed: bool,
) -> Plan:
    """The plan; "auto" takes the most layers that fit beside stack, buffers and the rest.

    Interleaved weights are taken where the board's kernels want them and they fit.
    """

    def planned(learn: Learn, ram: int | None, panels: bool = False) -> Plan:
        return plan(source, learn=learn, bits=choice.bits, bank=choice.bank, ram=ram, panels=panels)

    if choice.learn != "auto" and not board.panels:
        return planned(choice.learn, None)
    least = Image(blob, 8, model.n_inputs, model.n_outputs)
    bare = build(board.without_limits() if may_exceed else board, least)
    left = max(board.ram.end - bare.program.symbols["fw_arena"], 0)
    try:
        return planned(choice.learn, left, board.panels)
    except BudgetError:
        if choice.learn != "auto":
            return planned(choice.learn, None)  # which is then refused with what the linker says
        if not may_exceed:
            raise
        return planned("none", None)


@dataclass(frozen=True)
class Stream:
    """Samples to run.

    Attributes:
        x: shape (n, n_inputs), the input's dtype.
        y: shape (n,), int32.
        x_source, y_source: what they are, for reports.
    """

    x: Samples
    y: NDArray[np.int32]
    x_source: str
    y_source: str


def stream(session: Session, x: ArrayLike | None, y: ArrayLike | None, n_samples: int) -> Stream:
    """The samples given, at most `n_samples`; or else the model's golden ones and random ones.

    Random samples and labels come from a fixed seed: every run gives the same numbers.

    Raises:
        InputError: no sample; wrong shape, dtype or label; NaN or infinity; labels alone.
    """
    model, where = session.model, session.where
    rng = np.random.default_rng(0)
    if x is None:
        if y is not None:
            raise InputError(f"{where}: labels without samples; give both", code="E-NO-SAMPLES")
        golden = model.golden.inputs[:n_samples] if model.golden is not None else None
        samples, x_source = _random_samples(model, rng, golden, n_samples)
    else:
        samples, x_source = check_samples(x, model.input, where)[:n_samples], "given"
    if len(samples) == 0:
        raise InputError(
            f"{where}: there is no sample to run; give at least one", code="E-NO-SAMPLES"
        )
    if y is None:
        labels = rng.integers(0, model.n_outputs, len(samples)).astype(np.int32)
        return Stream(samples, labels, x_source, "random")
    labels = check_labels(y, len(np.asarray(x)), model.n_outputs, where)[:n_samples]
    return Stream(samples, labels, x_source, "given")


def _random_samples(
    model: Model, rng: np.random.Generator, golden: Samples | None, n_samples: int
) -> tuple[Samples, str]:
    info = np.iinfo(model.input.dtype)
    n_golden = 0 if golden is None else len(golden)
    shape = (n_samples - n_golden, model.n_inputs)
    made = rng.integers(info.min, info.max + 1, shape).astype(info.dtype)
    if golden is None:
        return made, "random"
    joined: Samples = np.concatenate([golden, made])
    return joined, f"{n_golden} golden samples, {n_samples - n_golden} random"
