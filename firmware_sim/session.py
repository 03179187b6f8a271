"""One model on one board: what `profile` and `simulate` both begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples, check_labels, check_samples
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn, Plan, fit
from metabit.edge_runtime.states.kept_contexts import room_for
from metabit.errors import BudgetError, InputError
from metabit.export.blob import Blob, ModelSource
from metabit.export.repack import newest_facts
from metabit.export.spec import Model
from metabit.export.states.facts import StateFacts
from metabit.export.states.files import no_states
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import Firmware, Image, build
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.memory_use import MemoryUse, memory_of, too_large


@dataclass(frozen=True)
class Session:
    """A model, its plan, its firmware, and the same model on the host.

    Attributes:
        where: name of the model, for messages.
        board: as asked for.
        model: parsed.
        plan: RAM of the arena by part.
        image: what the model adds to the firmware.
        firmware: built for `board`, or, when that is too small, for one without limits.
        engine: the host's.
        fits: whether `firmware` was built for `board` as it is.
        learnt: image of the state that both begin with; empty where they begin as exported.
    """

    where: str
    board: Board
    model: Model
    plan: Plan
    image: Image
    firmware: Firmware
    engine: Engine
    fits: bool
    learnt: bytes = b""

    @property
    def state_bytes(self) -> int:
        """Size of a state image; 0 where nothing learns."""
        return len(self.engine.save_state()) if self.plan.learn_layers or self.plan.head else 0

    def memory(self) -> tuple[MemoryUse, MemoryUse]:
        """RAM and flash of the firmware by part, beside what the board has."""
        return memory_of(self.board, self.firmware, self.plan)

    def device(self) -> Device:
        """The firmware, booted."""
        return Device(self.firmware, self.model.n_inputs, self.engine.n_outputs)


def refuse_plan_only(board: Board) -> None:
    """Refuse a board whose core nothing here can run, or compile for (E-BOARD-PLAN)."""
    if not board.emulated:
        raise InputError(
            f"{board.name}: nothing here can run its core, {board.core}, or compile for it; "
            f"`metabit plan --board {board.name}` says whether a model fits its RAM, and "
            "`metabit export FILE --to c --core` writes C sources for its own tools",
            code="E-BOARD-PLAN",
        )


def start(
    source: ModelSource, board: Board, learn: Learn, options: Options, *,
    goal: Goal | None = None, state: Path | None = None, may_exceed: bool = False,
) -> Session:  # fmt: skip
    """Plan, build and open a model for a board.

    Args:
        source: a .mbit file, or its bytes.
        board: see `boards.load`.
        learn, goal: see `plan.plan`; "auto" is the best for the goal that fits the board.
        options: how it is opened otherwise, on the board and on the host alike.
        state: folder of an engine that has learnt: board and host begin with its newest state, and
            are opened as it was, whatever else is asked for.
        may_exceed: build for a board without limits when it does not fit.

    Raises:
        BudgetError: it does not fit, unless `may_exceed`.
        FormatError, CorruptError, InputError: as from `Engine`; the board can only be planned for
            (E-BOARD-PLAN).
        StorageError: no state is in the folder (E-STATE-NONE).
    """
    refuse_plan_only(board)
    blob = Blob.of(source)
    mapped, model = Mapped(blob), blob.model
    kept = None if state is None else _kept_in(state)
    if kept is not None:
        learn, options = _as_kept(kept, options)
    planned = _plan(mapped, board, learn, options, goal, kept)
    engine = Engine(
        blob, learn=planned.head or planned.learn_layers,
        bits=options.state_bits, bank=options.bank, seed=options.seed, m=options.m,
        step_levels=options.step_levels, batch=planned.batch, units=planned.units,
        replay=planned.replay, contexts=planned.contexts, state=state, read_only=True,
    )  # fmt: skip
    engine.close()  # others may keep states in the folder meanwhile
    image = Image(
        blob.data, planned.arena_bytes, model.n_inputs, engine.n_outputs, planned.options(options),
        mapped.info.n_channels,
    )  # fmt: skip
    fits = True
    try:
        firmware = build(board, image)
    except BudgetError:
        firmware, fits = build(board.without_limits(), image), False
    learnt = b"" if state is None else engine.save_state()
    started = Session(blob.where, board, model, planned, image, firmware, engine, fits, learnt)
    if not (fits or may_exceed):
        raise too_large(blob.where, board.name, planned.choice, *started.memory())
    return started


def _kept_in(state: Path) -> StateFacts:
    """What the newest state of a folder says of itself."""
    kept = newest_facts(state)
    if kept is None:
        raise no_states(state)
    return kept


def _as_kept(facts: StateFacts, options: Options) -> tuple[Learn, Options]:
    """What learns in the engine that kept a state, and how it was opened."""
    kept = facts.choice
    return kept.learn, replace(
        options, state_bits=kept.bits, bank=kept.bank, replay=kept.replay,
        contexts=kept.contexts,
        units=kept.units if kept.head == "tracking" else None,
    )  # fmt: skip


def _plan(
    mapped: Mapped, board: Board, learn: Learn, options: Options, goal: Goal | None,
    kept: StateFacts | None,
) -> Plan:  # fmt: skip
    """The plan; "auto" takes the best that fits beside stack, buffers and the rest.

    Interleaved weights are taken where the board's kernels want them and they fit, and fewer
    contexts than in a state that was kept, where not all fit and not all are open.
    """
    without = replace(options, panels=False)
    in_contexts = kept is not None and kept.choice.contexts > 0
    if learn != "auto" and not board.panels and not in_contexts:
        return fit(mapped, learn, without, None, goal)
    info = mapped.info
    most = replace(without, batch=max(options.batch, info.told_batch))
    least = Image(mapped.blob.data, 8, info.n_inputs, info.n_outputs, most, info.n_channels)
    bare = build(board.without_limits(), least)
    left = max(board.ram.end - bare.program.symbols["fw_arena"], 0)
    if kept is not None and in_contexts:
        try:
            contexts = room_for(mapped, without, kept, left)
        except BudgetError:  # as for all that is too large: `start` says so, or profiles it
            contexts = kept.n_contexts
        options, without = (replace(one, contexts=contexts) for one in (options, without))
    try:
        return fit(mapped, learn, replace(options, panels=board.panels), left, goal)
    except BudgetError:
        if learn != "auto":
            return fit(mapped, learn, without, None)
        return fit(mapped, "none", without, None)


@dataclass(frozen=True)
class SamplesToRun:
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


def samples_to_run(
    session: Session, x: ArrayLike | None, y: ArrayLike | None, n_samples: int
) -> SamplesToRun:
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
        labels = rng.integers(0, session.engine.n_outputs, len(samples)).astype(np.int32)
        return SamplesToRun(samples, labels, x_source, "random")
    labels = check_labels(y, len(np.asarray(x)), session.engine.n_outputs, where)[:n_samples]
    return SamplesToRun(samples, labels, x_source, "given")


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
