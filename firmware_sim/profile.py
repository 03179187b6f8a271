"""What a model costs on a board: RAM, flash, instructions, and estimates of time and energy.

Sizes are of the firmware as linked, instructions of the firmware as run. Nothing is
subtracted: the stack, the buffers, the start-up code and the mailbox are all in the numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn
from metabit.export.bits import level_row_bytes, words
from metabit.export.blob import ModelSource
from metabit.export.states.head_image import samples_to_solve
from metabit.firmware_sim import boards, sensing, session
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import is_compiled, toolchain_version
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.keeping import n_slots
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.memory_use import MemoryUse
from metabit.firmware_sim.session import SamplesToRun, Session
from metabit.firmware_sim.simulate import Tally, Work, boot, work

SCHEMA = "metabit/profile/1"
HOURS_A_YEAR = 8766
#: What `profile` tells whoever waits, in this order; the first only where it is so.
COMPILING = "compiling the C core for this processor, once"
STAGES = ("linking", "opening", "predicting", "learning")
#: Opening reads the whole model several times, and counting that takes long for a large one.
COUNTED_OPEN_BYTES = 512 * 1024
#: Learning steps that run before the counted ones: running averages start empty.
WARM_UP_STEPS = 8

INCLUDED = (
    "RAM: the arena, the sample, label and score buffers, the firmware's variables, and the stack "
    "as reserved; flash: code, constants and model. Instructions run from the command in the "
    "mailbox to the answer. Time and energy are estimates from instruction counts, not measured on "
    "a board."
)


@dataclass(frozen=True)
class LayerRow:
    """One layer in the table.

    Attributes:
        name: for people.
        n_in, n_out: weights of a channel, and channels.
        n_macs: multiplications by a weight for one sample.
        weight_bytes: packed weights in the model.
        state_bytes: hidden weights in RAM, 0 when it does not learn.
        learns: whether it learns.
    """

    name: str
    n_in: int
    n_out: int
    n_macs: int
    weight_bytes: int
    state_bytes: int
    learns: bool


@dataclass(frozen=True)
class FlashLife:
    """How long flash lasts when the whole state image is saved, over all pages that are free.

    That is the least: `metabit_flash.h` writes changes where it can, and how many bytes those are
    depends on how much is learnt between two commits.

    Attributes:
        commit_bytes: size of one image.
        slots: images that fit the free pages.
        commits: saves until the pages are worn out.
        years_hourly: that, at one save an hour.
    """

    commit_bytes: int
    slots: int
    commits: int
    years_hourly: float


@dataclass(frozen=True)
class Profile:
    """A model on a board.

    Attributes:
        board: its name.
        title: what the board is.
        core, clock_hz: of the board; the core's cost model is where cycles come from.
        choice: what learns, in words.
        learn_layers: how many layers learn.
        panels: whether weights are interleaved in RAM, for kernels with vector registers.
        ram, flash: memory; on a board without flash, code and model are in RAM.
        stack_used_bytes: the deepest the stack was, of what is reserved.
        arena_bytes, blob_bytes: the model's own share.
        open: counted instructions and estimates of opening the model, with all its checks; None for
            a model above `COUNTED_OPEN_BYTES`.
        front_end: the same of its front end from one sample to the next, which is a hop of frames;
            None without one.
        predict, learn: the same for one sample; `learn` is None for inference. A counting head
            solves for its weights once in some hundred samples; that is in the average.
        samples: which samples were run.
        layers: one row per layer.
        flash_life: None without learning, or without flash.
        energy_covers: what the energy estimate includes; empty when there is none.
        model_sha256: of the .mbit file.
        toolchain: what compiled the firmware.
        cost_source: where the constants of the core's model and its bar are from; empty without.
        steps_before: learning steps that ran before the counted ones.
    """

    board: str
    title: str
    core: str
    clock_hz: int
    choice: str
    learn_layers: int
    panels: bool
    ram: MemoryUse
    flash: MemoryUse
    stack_used_bytes: int
    arena_bytes: int
    blob_bytes: int
    open: Work | None
    front_end: Work | None
    predict: Work
    learn: Work | None
    samples: str
    layers: tuple[LayerRow, ...]
    flash_life: FlashLife | None
    energy_covers: str
    model_sha256: str
    toolchain: str
    cost_source: str
    steps_before: int = WARM_UP_STEPS

    @property
    def fits(self) -> bool:
        """Whether RAM and flash are enough."""
        return self.ram.over_bytes == 0 and self.flash.over_bytes == 0

    def to_dict(self) -> dict[str, object]:
        """For JSON: bytes, cycles, microseconds, microjoules."""
        return {
            "schema": SCHEMA,
            "board": self.board,
            "title": self.title,
            "core": self.core,
            "clock_hz": self.clock_hz,
            "choice": self.choice,
            "learn_layers": self.learn_layers,
            "panels": self.panels,
            "fits": self.fits,
            "ram": self.ram.to_dict(),
            "flash": self.flash.to_dict(),
            "stack_used_bytes": self.stack_used_bytes,
            "arena_bytes": self.arena_bytes,
            "blob_bytes": self.blob_bytes,
            "open": None if self.open is None else self.open.to_dict(),
            "front_end": None if self.front_end is None else self.front_end.to_dict(),
            "predict": self.predict.to_dict(),
            "learn": None if self.learn is None else self.learn.to_dict(),
            "samples": self.samples,
            "layers": [vars(row) for row in self.layers],
            "flash_life": None if self.flash_life is None else vars(self.flash_life),
            "energy_covers": self.energy_covers,
            "model_sha256": self.model_sha256,
            "toolchain": self.toolchain,
            "cost_source": self.cost_source,
            "steps_before": self.steps_before,
            "included": INCLUDED,
        }


def profile(
    source: ModelSource,
    board_name: str | Path,
    *,
    learn: Learn = "auto",
    goal: Goal | None = None,
    bits: int = 0,
    bank: int = 0,
    batch: int = 0,
    contexts: int | None = None,
    state: str | Path | None = None,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    n_samples: int = 4,
    told: Callable[[str], None] = lambda _stage: None,
) -> Profile:
    """Profile a model on a board, by building its firmware and running it.

    A model that does not fit is profiled all the same, on the same core with more memory: `fits` is
    False then, and `over_bytes` of `ram` and `flash` say by how much.

    Args:
        source: a .mbit file, or its bytes.
        board_name: see `boards.names()`, or a TOML file.
        learn, goal: what learns, see `plan.plan`; "auto" for the best that fits the board.
        bits: bits per hidden weight; 0 for what the file holds.
        bank: normalisation bank.
        batch: samples per learning step.
        contexts: room for so many networks, as for `Engine`.
        state: folder of an engine that has learnt; the board begins with its newest state, and what
            learnt there learns.
        x: samples to run, shape (n, *input_shape); None for the model's golden samples.
        y: labels, shape (n,); None for random ones, from which a model learns more, and slower,
            than from labels that it mostly knows.
        n_samples: instructions are averaged over so many, over fewer for a large model.
        told: called with each of `STAGES` as it begins, and with `COMPILING`, which takes long.

    Raises:
        InputError: unknown board, or one whose core nothing here can run.
        MetabitError: the toolchain is missing (E-TOOLCHAIN), or the firmware faulted.
    """
    board = boards.load(board_name)
    options = Options(state_bits=bits, bank=bank, batch=batch, contexts=contexts)
    told(STAGES[0] if not board.emulated or is_compiled(board) else COMPILING)
    running = session.start(
        source, board, learn, options, goal=goal, may_exceed=True,
        state=None if state is None else Path(state),
    )  # fmt: skip
    samples = session.samples_to_run(running, x, y, n_samples)
    return _profile_of(running, samples, _run(running, samples, told))


@dataclass(frozen=True)
class _Ran:
    """What ran on the board: `open` to `learn` as in `Profile`, and sizes that it said."""

    open: Work | None
    front_end: Work | None
    predict: Work
    learn: Work | None
    state_bytes: int
    stack_used_bytes: int


def _run(running: Session, samples: SamplesToRun, told: Callable[[str], None]) -> _Ran:
    told(STAGES[1])
    counts_open = running.plan.blob_bytes <= COUNTED_OPEN_BYTES
    device = boot(running, count_open=counts_open)
    opening = work(running, [device.counts]) if counts_open else None
    sensed = sensing.sense(running, device)
    told(STAGES[2])
    predicting = _predict(device, samples)
    told(STAGES[3])
    learning = _learn(running, device, samples) if running.plan.learns else []
    solving = _solve(running, device, samples)
    return _Ran(
        open=opening,
        front_end=None if sensed is None else work(running, sensed.counts),
        predict=work(running, predicting),
        learn=work(running, learning, running.plan.batch, solving) if learning else None,
        state_bytes=len(device.save_state()) if learning else 0,
        stack_used_bytes=device.stack_used_bytes(),
    )


def _profile_of(running: Session, samples: SamplesToRun, ran: _Ran) -> Profile:
    board, (ram, flash) = running.board, running.memory()
    return Profile(
        board=board.name,
        title=board.title,
        core=board.core,
        clock_hz=board.clock_hz,
        choice=running.plan.choice,
        learn_layers=running.plan.learn_layers,
        panels=running.plan.panels,
        ram=ram,
        flash=flash,
        stack_used_bytes=ran.stack_used_bytes,
        arena_bytes=running.plan.arena_bytes,
        blob_bytes=running.plan.blob_bytes,
        open=ran.open,
        front_end=ran.front_end,
        predict=ran.predict,
        learn=ran.learn,
        samples=f"{samples.x_source}, labels {samples.y_source}",
        layers=_layers(running),
        flash_life=_flash_life(board, flash, ran.state_bytes),
        energy_covers=board.power_covers,
        model_sha256=hashlib.sha256(running.image.blob).hexdigest(),
        toolchain=f"zig {toolchain_version()}",
        cost_source=_cost_source(board),
    )


def _cost_source(board: Board) -> str:
    if board.core not in cores.names():
        return ""
    core = cores.load(board.core)
    return "; ".join([*core.sources, f"bar: {core.bar_source}"])


def _predict(device: Device, samples: SamplesToRun) -> list[Counts]:
    tally = Tally(device, len(samples.x))
    for sample in samples.x:
        if tally.wants():
            device.predict(sample, count=True)
            tally.add(device.counts)
    return tally.counts


def _learn(running: Session, device: Device, samples: SamplesToRun) -> list[Counts]:
    """Warm up on the samples, over and over, then count as many steps as there are samples."""
    n, batch = len(samples.x), running.plan.batch
    tally = Tally(device, n)
    for step in range(WARM_UP_STEPS + n):
        taken = (step * batch + np.arange(batch)) % n
        count = step >= WARM_UP_STEPS and tally.wants()
        if step < WARM_UP_STEPS or count:
            device.learn(samples.x[taken], samples.y[taken], count=count)
        if count:
            tally.add(device.counts)
    return tally.counts


def _solve(running: Session, device: Device, samples: SamplesToRun) -> Counts | None:
    """The step in which a counting head solves for its weights; None where it never comes.

    Until then it learns samples of a class that it knows well: new ones make it solve early.
    """
    head, n = running.model.head, len(samples.x)
    if not running.plan.counts or head is None or n < 2 or head.counts.max() <= 32:
        return None
    known = np.array([head.counts.argmax()], dtype=np.int32)
    left = samples_to_solve(device.save_state(), head.n_classes)
    for step in range(left):
        device.learn(samples.x[step % n][None], known, count=step == left - 1)
    return device.counts


def _layers(running: Session) -> tuple[LayerRow, ...]:
    model, plan = running.model, running.plan
    first = len(model.layers) - plan.learn_layers
    rows = []
    for index, layer in enumerate(model.layers):
        learns = index >= first
        state = level_row_bytes(layer.n_in, plan.state_bits) * layer.n_out if learns else 0
        weight_bytes = 4 * words(layer.n_in) * layer.n_out
        shape = (layer.n_in, layer.n_out, layer.n_macs)
        rows.append(LayerRow(layer.name, *shape, weight_bytes, state, learns))
    return tuple(rows)


def _flash_life(board: Board, flash: MemoryUse, state_bytes: int) -> FlashLife | None:
    """Full images in turn over the slots that the firmware leaves room for."""
    if not (state_bytes and board.page_bytes and board.endurance_cycles):
        return None
    free_bytes = max(flash.available_bytes - flash.used_bytes, 0)
    slots = n_slots(board, state_bytes, free_bytes)
    commits = slots * board.endurance_cycles
    return FlashLife(state_bytes, slots, commits, commits / HOURS_A_YEAR)
