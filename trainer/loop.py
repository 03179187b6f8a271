"""The training loop: one recipe in, one run folder out.

A run is deterministic: the same recipe on the same machine gives the same bits, and so does a run
that was interrupted at any step and resumed. All randomness comes from one seeded generator, whose
state is in the checkpoint, and PyTorch is held to one thread.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import metabit
from metabit.errors import MetabitError
from metabit.trainer import checkpoint, plots, run_folder
from metabit.trainer.checkpoint import Position
from metabit.trainer.dataset import DataSet, Split
from metabit.trainer.files import write_atomic
from metabit.trainer.methods import registry
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.schedule import Schedule
from metabit.trainer.metrics import Matrix, accuracy, summary
from metabit.trainer.models import BinaryMLP, MLPConfig
from metabit.trainer.progress import Progress, Silent
from metabit.trainer.quantizers import sign_activation
from metabit.trainer.recipe import Recipe
from metabit.trainer.run_folder import Run, load_run, open_folder
from metabit.trainer.streams import Stream, Task, build


def train(
    recipe: Recipe, out: str | Path, resume: bool = False, progress: Progress | None = None
) -> Run:
    """Train a network on a stream of tasks and write a run folder.

    Args:
        recipe: what to train on what.
        out: the folder; made if it is not there.
        resume: go on with the run in `out` from its last checkpoint. A finished run is returned as
            it is.
        progress: told about each step.

    Returns:
        the finished run, read back from its folder.

    Raises:
        InputError: the folder does not fit (see `open_folder`), or the data set is not there.
        MetabitError: code E-DIVERGED, a loss or a weight is not finite any more.
        StorageError, CorruptError: a file cannot be written, or a checkpoint is damaged.
    """
    out = Path(out)
    dataset, stream = build(recipe.data)  # first: a recipe that cannot run leaves no folder behind
    open_folder(out, recipe, resume)
    if not (out / run_folder.METRICS).exists():
        with _one_thread_without_denormals():
            trainer = _Trainer(recipe, out, dataset, stream, progress or Silent())
            trainer.run()
    return load_run(out)


@contextlib.contextmanager
def _one_thread_without_denormals() -> Iterator[None]:
    """Set PyTorch up for small networks, and put it back afterwards.

    More threads are slower here, and sums would depend on their number. Adam's second moments of
    weights without a gradient sink into denormal numbers, which cost a hundred times as much; the
    processor's switch for them is also felt by NumPy and C in this thread, so it must not stay on.
    """
    threads, flushed = torch.get_num_threads(), _denormals_are_flushed()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


def _denormals_are_flushed() -> bool:
    return bool((torch.tensor([1e-310], dtype=torch.float64) * 1.0 == 0).item())


class _Trainer:
    """State of one run."""

    def __init__(
        self, recipe: Recipe, out: Path, dataset: DataSet, stream: Stream, progress: Progress
    ) -> None:
        self.recipe = recipe
        self.out = out
        self.dataset = dataset
        self.stream = stream
        self.progress = progress
        self.generator = torch.Generator().manual_seed(recipe.train.seed)
        config = MLPConfig(
            n_inputs=dataset.n_inputs,
            hidden=recipe.network.hidden,
            n_classes=dataset.n_classes,
            n_banks=len(stream) if recipe.network.banks == "task" else 1,
            affine=recipe.network.affine,
            init_width=recipe.network.init_width,
        )
        self.model = BinaryMLP(config, self.generator)
        options = recipe.method
        setting = Setting(len(stream), dataset.zero_point, recipe.train.seed)
        self.method = registry.find(options.name)(options, self.model, setting)
        self.schedule = Schedule(options.every_samples, self.method.consolidates())
        self.optimizer = self.method.optimizer(self.model)
        self.order_state = self.generator.get_state()  # at the start of the current epoch
        self.position = Position()
        self.begun = time.monotonic()
        if (out / run_folder.CHECKPOINT).exists():
            self._restore()

    def _restore(self) -> None:
        self.order_state, self.position = checkpoint.restore(
            self.out / run_folder.CHECKPOINT, self.model, self.optimizer, self._load_method
        )
        self.generator.set_state(self.order_state)
        self.begun = time.monotonic() - self.position.seconds

    def _load_method(self, tensors: dict[str, Tensor]) -> None:
        self.method.load_state(tensors)
        self.schedule.load_state(tensors)

    def _method_state(self) -> dict[str, Tensor]:
        return {**self.method.state(), **self.schedule.state()}

    def run(self) -> None:
        steps = [self.recipe.train.epochs * self._n_batches(task) for task in self.stream]
        self.progress.run_started(len(self.stream), steps, self.position.total_steps)
        while self.position.task < len(self.stream):
            task = self.stream[self.position.task]
            self.progress.task_started(self.position.task, task.name)
            self._start_task()
            self._learn(task)
            self._finish_task()
        self._write_results()

    def _bank(self, task: int) -> int:
        return self.stream[task].bank if self.recipe.network.banks == "task" else 0

    def _start_task(self) -> None:
        """Prepare bank and optimizer, unless the task was begun in an earlier session."""
        at = self.position
        if at.task == 0 or at.epoch > 0 or at.step > 0:
            return
        if self.recipe.network.banks == "task":
            self.model.start_bank(self._bank(at.task))
        if self.recipe.method.reset_optimizer:
            self.optimizer = self.method.optimizer(self.model)

    def _n_batches(self, task: Task) -> int:
        """Batches of an epoch; a last batch of a single sample is left out."""
        full, rest = divmod(len(task.train_source), self.recipe.train.batch)
        return full + (rest > 1)

    def _learn(self, task: Task) -> None:
        at, split = self.position, task.train
        x, y = _tensors(split)
        n_batches, batch = self._n_batches(task), self.recipe.train.batch
        self.model.train()
        while at.epoch < self.recipe.train.epochs:
            self.order_state = self.generator.get_state()
            order = torch.randperm(len(y), generator=self.generator)
            while at.step < n_batches:
                chosen = order[at.step * batch : (at.step + 1) * batch]
                loss = self._step(x[chosen], y[chosen])
                at.step += 1
                at.total_steps += 1
                self._consolidate(self.schedule.after_step(x[chosen], y[chosen]))
                if at.total_steps % self.recipe.train.checkpoint_steps == 0:
                    self._checkpoint()
                self.progress.step_done(at.task, at.total_steps, loss)
            at.epoch, at.step = at.epoch + 1, 0

    def _step(self, x: Tensor, y: Tensor) -> float:
        """One step on raw samples of the stream; returns the loss, penalty included."""
        self.optimizer.zero_grad()
        x, y = self.method.batch(x, y)
        inputs = self.method.inputs(x)
        loss: Tensor = functional.cross_entropy(self.model(inputs), y)
        if not np.isfinite(loss.item()):
            bad = _first_bad_sums(self.model, inputs)
            raise self._diverged(f"the loss is {loss.item()}, because of {bad}")
        penalty = self.method.penalty(self.model)
        if penalty is not None:
            if not np.isfinite(penalty.item()):
                raise self._diverged(f"the penalty of the method is {penalty.item()}")
            loss = loss + penalty
        loss.backward()  # type: ignore[no-untyped-call]
        self.method.gradients(self.model)
        self.optimizer.step()
        self.method.after_step(self.model)
        return loss.item()

    def _consolidate(self, samples: tuple[Tensor, Tensor] | None) -> None:
        if samples is not None:
            self.model.train()
            self.method.consolidate(self.model, *samples, self.position.task)
            self._check_finite()

    def _finish_task(self) -> None:
        at = self.position
        self._check_finite()
        self._consolidate(self.schedule.at_task_end(*_tensors(self.stream[at.task].train)))
        row = self._accuracies(at.task)
        at.accuracy_rows.append(row)
        at.task, at.epoch, at.step = at.task + 1, 0, 0
        self.order_state = self.generator.get_state()
        self._checkpoint()
        self.progress.task_done(at.task - 1, row)

    def _accuracies(self, last: int) -> list[float]:
        """Accuracy on every task up to `last`, each with its own bank."""
        known: dict[tuple[int, int, int], float] = {}  # parts of a stream share their test samples
        row = []
        for index in range(last + 1):
            task = self.stream[index]
            key = (id(task.test_source), id(task.order), self._bank(index))
            if key not in known:
                known[key] = self._accuracy(task.test, self._bank(index))
            row.append(known[key])
        self.model.use_bank(self._bank(last))
        return row

    def _accuracy(self, test: Split, bank: int) -> float:
        self.model.use_bank(bank)
        return accuracy(self.model.predict(test.x, self.dataset.zero_point), test.y)

    def _checkpoint(self) -> None:
        self._check_finite()
        self.position.seconds = time.monotonic() - self.begun
        path = self.out / run_folder.CHECKPOINT
        kept = self._method_state()
        checkpoint.save(path, self.model, self.optimizer, kept, self.order_state, self.position)

    def _check_finite(self) -> None:
        """A hidden weight that is NaN still has a sign: without this, nobody would notice."""
        bad = _first_bad_values(self.model) or _first_bad_state(self._method_state())
        if bad is not None:
            raise self._diverged(f"not all numbers are finite in {bad}")

    def _diverged(self, what: str) -> MetabitError:
        at = self.position
        return MetabitError(
            f"training diverged in task {at.task + 1}, after {at.total_steps} steps: {what}; "
            f"lower [method] lr, now {self.recipe.method.lr}",
            code="E-DIVERGED",
        )

    def _write_results(self) -> None:
        matrix = _matrix(self.position.accuracy_rows)
        names = [task.name for task in self.stream]
        m = self.recipe.method.m
        layer_m = m if isinstance(m, tuple) else (m,) * len(self.model.layers)
        title = f"{self.recipe.name} ({f'm = {m}' if m else self.recipe.method.name})"
        run_folder.write_model(self.out / run_folder.MODEL, self.model)
        picture = plots.accuracy_figure(matrix, names, title)
        write_atomic(self.out / run_folder.ACCURACY_PLOT, picture)
        picture = plots.hidden_weights_figure(self.model, layer_m, title)
        write_atomic(self.out / run_folder.HIDDEN_PLOT, picture)
        run_folder.write_metrics(self.out / run_folder.METRICS, self._metrics(matrix, names))

    def _state_bytes(self) -> dict[str, int]:
        """What the method kept in training beyond network and optimizer, by field."""
        recent = self.schedule.bytes_kept(self.dataset.n_inputs, self.recipe.train.batch)
        return self.method.state_bytes() | ({"recent_samples": recent} if recent else {})

    def _optimizer_bytes(self) -> dict[str, int]:
        moments: dict[str, int] = {}
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor):
                    moments[name] = moments.get(name, 0) + value.nbytes
        return moments

    def _metrics(self, matrix: Matrix, names: list[str]) -> dict[str, Any]:
        return {
            "name": self.recipe.name,
            "recipe": self.recipe.to_dict(),
            "stream": self.stream.description,
            "citation": self.dataset.citation,
            "tasks": names,
            "accuracy_matrix": matrix.tolist(),
            **summary(matrix),
            "n_steps": self.position.total_steps,
            "state_bytes": self._state_bytes(),
            "optimizer_bytes": self._optimizer_bytes(),
            "seconds": round(time.monotonic() - self.begun, 3),
            "versions": {
                "metabit": metabit.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }


def _tensors(split: Split) -> tuple[Tensor, Tensor]:
    """Samples as they are stored, shape (n, n_inputs), and int64 labels."""
    x = np.ascontiguousarray(split.x.reshape(len(split), -1))
    return torch.tensor(x), torch.from_numpy(split.y.astype(np.int64))


def _first_bad_state(state: dict[str, Tensor]) -> str | None:
    """The first tensor that a method keeps, in words, with a number that is not finite."""
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            what, _, parameter = name.partition("/")
            layer = parameter.removeprefix("linears.").partition(".")[0]
            where = f"layer {int(layer) + 1}" if layer.isdigit() else parameter
            return f"the method's {what} of {where}"
    return None


def _first_bad_values(model: BinaryMLP) -> str | None:
    """The first layer, in words, that holds a number which is not finite."""
    for number, (linear, norm) in enumerate(model.layers, start=1):
        if not torch.isfinite(linear.weight).all():
            return f"layer {number}, hidden weights"
        statistics = (norm.running_mean, norm.running_var, *norm.parameters())
        if not all(torch.isfinite(value).all() for value in statistics):
            return f"layer {number}, normalisation"
    return None


@torch.no_grad()
def _first_bad_sums(model: BinaryMLP, x: Tensor) -> str:
    """The first layer, in words, whose normalised sums are not finite on the batch `x`."""
    n_layers = len(model.layers)
    for number, (linear, norm) in enumerate(model.layers, start=1):
        sums = norm(linear(x))
        if not torch.isfinite(sums).all():
            return f"layer {number} of {n_layers}"
        x = sign_activation(sums)
    return f"the scores of layer {n_layers}, which are too large"


def _matrix(rows: list[list[float]]) -> Matrix:
    matrix = np.full((len(rows), len(rows)), np.nan)
    for i, row in enumerate(rows):
        matrix[i, : len(row)] = row
    return matrix
