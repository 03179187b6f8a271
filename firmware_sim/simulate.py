"""Run a model on an emulated board and on the host, and compare every bit."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn
from metabit.errors import MismatchError
from metabit.export.blob import ModelSource
from metabit.firmware_sim import boards, sensing, session
from metabit.firmware_sim.cost.counting import Counts, mean
from metabit.firmware_sim.cost.latency import CostEstimate, estimate
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.session import SamplesToRun, Session

SCHEMA = "metabit/simulate/1"
#: Counting runs at some forty million instructions a second: enough is enough.
COUNTED_INSTRUCTIONS = 30_000_000
#: Called after every sample with (samples done, samples in all).
Tick = Callable[[int, int], None]


class Tally:
    """Counts of one kind of command; stops when more would take minutes of emulation.

    Args:
        device: that runs them; its caches are empty when the first of them begins.
        n_at_most: samples to count.
    """

    def __init__(self, device: Device, n_at_most: int) -> None:
        device.empty_caches()
        self.counts: list[Counts] = []
        self._left = n_at_most
        self._instructions_left = COUNTED_INSTRUCTIONS

    def wants(self) -> bool:
        """Whether the next command is to be counted; the first one always is."""
        return self._left > 0 and self._instructions_left > 0

    def add(self, counts: Counts) -> None:
        """Take the counts of one command."""
        self.counts.append(counts)
        self._left -= 1
        self._instructions_left -= int(counts.total)


@dataclass(frozen=True)
class Work:
    """One kind of command, counted on the board.

    Attributes:
        counts: the average over the commands that were counted; the first of several began with
            empty caches, and its misses are not in it.
        totals: instructions of each command.
        estimate: cycles, time and energy of the average; None without a cost table.
        longest: the command of most instructions, but for those in which a counting head solves.
        n_samples: samples per command: of a learning step, its batch.
    """

    counts: Counts
    totals: tuple[int, ...]
    estimate: CostEstimate | None
    longest: Counts
    n_samples: int = 1

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "instructions": self.counts.to_dict(),
            "instructions_min": min(self.totals),
            "instructions_max": max(self.totals),
            "samples_counted": len(self.totals) * self.n_samples,
            "samples_per_step": self.n_samples,
            "estimate": None if self.estimate is None else self.estimate.to_dict(),
        }


@dataclass(frozen=True)
class Simulation:
    """What the board did; the host did the same, bit for bit.

    Attributes:
        board: its name.
        choice: what learns, in words.
        x_source, y_source: which samples and labels were run.
        labels: shape (n,), int32: predictions before it learns here.
        scores: shape (n, n_outputs), int32.
        learnt: shape (n,), int32: prediction before each learning step; empty without learning.
        state_image: what the board saved; empty without learning.
        arena_bytes: as the board reports it.
        needed_bytes: the same without weights interleaved for kernels with vector registers.
        stack_used_bytes: the deepest the stack has been.
        self_test_samples: golden samples that the board's self-test ran.
        front_end: counted instructions of it from one sample to the next; None without one.
        predict, learn: the same of a sample; `learn` is None without learning.
    """

    board: str
    choice: str
    x_source: str
    y_source: str
    labels: NDArray[np.int32]
    scores: NDArray[np.int32]
    learnt: NDArray[np.int32]
    state_image: bytes
    arena_bytes: int
    needed_bytes: int
    stack_used_bytes: int
    self_test_samples: int
    front_end: Work | None
    predict: Work
    learn: Work | None

    @property
    def state_bytes(self) -> int:
        """Size of the saved state image."""
        return len(self.state_image)

    def to_dict(self) -> dict[str, object]:
        """For JSON; scores and the state image are left out, but for its checksum."""
        return {
            "schema": SCHEMA,
            "board": self.board,
            "choice": self.choice,
            "samples": len(self.labels),
            "samples_source": self.x_source,
            "labels_source": self.y_source,
            "same_as_host": True,
            "labels": self.labels.tolist(),
            "learnt": self.learnt.tolist(),
            "state_bytes": self.state_bytes,
            "state_crc32": zlib.crc32(self.state_image),
            "arena_bytes": self.arena_bytes,
            "needed_bytes": self.needed_bytes,
            "stack_used_bytes": self.stack_used_bytes,
            "self_test_samples": self.self_test_samples,
            "front_end": None if self.front_end is None else self.front_end.to_dict(),
            "predict": self.predict.to_dict(),
            "learn": None if self.learn is None else self.learn.to_dict(),
        }


def simulate(
    source: ModelSource,
    board_name: str | Path,
    *,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    learn: Learn = "none",
    goal: Goal | None = None,
    bits: int = 0,
    bank: int = 0,
    seed: int = 1,
    m: float | None = None,
    step_levels: float | None = None,
    batch: int = 0,
    replay: int | None = None,
    contexts: int | None = None,
    state: str | Path | None = None,
    n_samples: int = 100,
    n_counted: int = 4,
    progress: Tick | None = None,
) -> Simulation:
    """Run the firmware of a model on an emulated board, beside the host engine.

    The board runs its self-test, opens the model, makes samples of random frames if the model has a
    front end, predicts every sample, then learns every sample and saves its state. Samples of
    frames, labels, scores, predictions while learning, arena size and state image must equal the
    host's.

    Args:
        source: a .mbit file, or its bytes.
        board_name: see `boards.names()`, or a TOML file.
        x: samples, shape (n, *input_shape); None for the model's golden samples and random ones.
        y: labels, shape (n,), used when learning; None for random ones.
        learn, goal: what learns, see `plan.plan`; "auto" for the best that fits the board.
        bits, bank, seed, m, step_levels, batch, replay, contexts: as for `Engine`.
        state: folder of an engine that has learnt; board and host begin with its newest state, and
            what learnt there learns.
        n_samples: at most so many samples are run.
        n_counted: on so many of them instructions are counted, which is slow.
        progress: called after every sample.

    Raises:
        MismatchError: the board differs from the host (E-SIM-MISMATCH); the first difference is
            named.
        BudgetError: it does not fit the board.
        MetabitError: the toolchain is missing, or the firmware faulted.
    """
    options = Options(
        state_bits=bits, bank=bank, seed=seed, m=m, step_levels=step_levels, batch=batch,
        replay=replay, contexts=contexts,
    )  # fmt: skip
    folder = None if state is None else Path(state)
    running = session.start(
        source, boards.load(board_name), learn, options, goal=goal, state=folder
    )
    samples = session.samples_to_run(running, x, y, n_samples)
    return _side_by_side(running, samples, n_counted, progress)


def _side_by_side(
    running: Session, samples: SamplesToRun, n_counted: int, progress: Tick | None
) -> Simulation:
    """Run everything on the board, and compare with the host."""
    n_counted = min(max(n_counted, 1), len(samples.x))
    device = boot(running)
    golden = running.model.golden
    n_steps = len(samples.x) * (2 if running.plan.learns else 1)
    tick = _Ticker(progress, n_steps)
    front_end = _sense(running, device)
    labels, scores, predict = _predict(running, device, samples, n_counted, tick)
    learnt, learning, image = np.zeros(0, dtype=np.int32), None, b""
    if running.plan.learns:
        learnt, learning, image = _learn(running, device, samples, n_counted, tick)
    return Simulation(
        board=running.board.name,
        choice=running.plan.choice,
        x_source=samples.x_source,
        y_source=samples.y_source,
        labels=labels,
        scores=scores,
        learnt=learnt,
        state_image=image,
        arena_bytes=running.plan.arena_bytes,
        needed_bytes=running.plan.needed_bytes,
        stack_used_bytes=device.stack_used_bytes(),
        self_test_samples=0 if golden is None else len(golden.inputs),
        front_end=front_end,
        predict=predict,
        learn=learning,
    )


def boot(running: Session, *, count_open: bool = False) -> Device:
    """Boot the firmware, run its self-test as a product would at start, open the model, and load
    what it has learnt.

    Raises:
        MismatchError: board and host disagree about the arena: their sources are not the same.
    """
    device = running.device()
    same("the arena size", device.arena_bytes(), running.plan.arena_bytes)
    if running.model.golden is not None:
        device.self_test()
    device.open(count=count_open)
    if running.learnt:
        device.load_state(running.learnt)
    return device


class _Ticker:
    def __init__(self, progress: Tick | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, n_samples: int = 1) -> None:
        self._done += n_samples
        if self._progress is not None:
            self._progress(self._done, self._total)


def _sense(running: Session, device: Device) -> Work | None:
    """Make samples of frames on the board, and compare with the host."""
    sensed = sensing.sense(running, device)
    if sensed is None:
        return None
    _same_rows("the samples of the front end", sensed.samples, running.engine.push(sensed.frames))
    return work(running, sensed.counts)


def _predict(
    running: Session, device: Device, samples: SamplesToRun, n_counted: int, tick: _Ticker
) -> tuple[NDArray[np.int32], NDArray[np.int32], Work]:
    """Predict every sample on the board, and compare with the host."""
    labels = np.empty(len(samples.x), dtype=np.int32)
    scores = np.empty((len(samples.x), running.engine.n_outputs), dtype=np.int32)
    tally = Tally(device, n_counted)
    for i, sample in enumerate(samples.x):
        count = tally.wants()
        labels[i], scores[i] = device.predict(sample, count=count)
        if count:
            tally.add(device.counts)
        tick()
    _same_rows("the scores", scores, running.engine.scores(samples.x))
    _same_rows("the labels", labels, running.engine.predict(samples.x))
    return labels, scores, work(running, tally.counts)


def _learn(
    running: Session, device: Device, samples: SamplesToRun, n_counted: int, tick: _Ticker
) -> tuple[NDArray[np.int32], Work, bytes]:
    """Learn every sample on the board, save, and compare with the host."""
    n, batch = len(samples.x), running.plan.batch
    predicted = np.empty(n, dtype=np.int32)
    tally = Tally(device, n_counted)
    for start in range(0, n, batch):
        step = slice(start, start + batch)
        # The first steps are not typical, the running averages start empty: the last ones count.
        # So does a step of fewer samples than the others, unless there is no other.
        is_whole = start + batch <= n or n < batch
        count = start >= n - (n_counted + 1) * batch and is_whole and tally.wants()
        predicted[step] = device.learn(samples.x[step], samples.y[step], count=count)
        if count:
            tally.add(device.counts)
        tick(len(predicted[step]))
    host = running.engine.learn(samples.x, samples.y)
    _same_rows("the predictions while learning", predicted, host)
    image = device.save_state()
    _same_bytes(image, running.engine.save_state())
    after = [device.predict(sample)[1] for sample in samples.x[:10]]
    _same_rows("the scores after learning", np.array(after), running.engine.scores(samples.x[:10]))
    return predicted, work(running, tally.counts, min(batch, n)), image


def work(
    running: Session, counted: Sequence[Counts], n_samples: int = 1, rare: Counts | None = None
) -> Work:
    """Average counts of one kind of command, of `n_samples` each, with the board's estimate.

    Args:
        running: what was run.
        counted: commands as they mostly are; the first one began with empty caches.
        n_samples: samples of each.
        rare: a step in which a counting head solves for its weights, once in `every` samples.
    """
    cold, warm = counted[0], mean(list(counted[1:] or counted))
    longest = max(counted, key=lambda one: one.total)
    average = replace(mean(list(counted)), misses=warm.misses)
    if rare is not None and running.model.head is not None:
        average = mean([*[average] * (running.model.head.every - 1), rare])
        counted = [*counted, rare]
    cost = estimate(running.board, average, cold)
    return Work(average, tuple(int(c.total) for c in counted), cost, longest, n_samples)


# ---- comparing -----------------------------------------------------------------------------------


def _mismatch(what: str, where: str, board: object, host: object) -> MismatchError:
    return MismatchError(
        f"{what} differ{'s' if what.endswith(('size', 'image')) else ''} between board and host"
        f"{where}: {board} on the board, {host} on the host. Reinstall metabit, so that its C "
        "library and sources are of one version; if that does not help, report it with the model.",
        code="E-SIM-MISMATCH",
    )


def same(what: str, board: int, host: int) -> None:
    """Refuse two numbers that differ."""
    if board != host:
        raise _mismatch(what, "", board, host)


def _same_rows(what: str, board: NDArray[np.integer], host: NDArray[np.generic]) -> None:
    """Compare results sample by sample; name the first sample that differs."""
    wrong = np.argwhere(board != host)
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        raise _mismatch(what, f", first at sample {at[0]}", board[at], host[at])


def _same_bytes(board: bytes, host: bytes) -> None:
    same("the state image's size", len(board), len(host))
    for at, (ours, theirs) in enumerate(zip(board, host, strict=True)):
        if ours != theirs:
            raise _mismatch(
                "the state image", f", first at byte {at}", f"{ours:#04x}", f"{theirs:#04x}"
            )
