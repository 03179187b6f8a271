"""The training loop: it reads a recipe and writes a run folder.

A run is deterministic: the same recipe on the same machine gives the same bits, also if the run was
interrupted at any step and resumed. All random numbers come from one seeded generator, whose state
is in the checkpoint, and PyTorch uses one thread.

The method decides what a training step is (see `metabit.trainer.methods.base`). The loop visits
tasks, phases, epochs and batches, measures accuracies at the ends of tasks, and writes checkpoints.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from metabit.errors import MetabitError
from metabit.trainer.data.dataset import Split
from metabit.trainer.devices import find_device, one_thread_without_denormals, working_on
from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.methods.schedule import Schedule
from metabit.trainer.networks.build import build_network
from metabit.trainer.networks.diagnosis import Diverged, first_bad_state, first_bad_values
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.networks.recipe_shape import outputs_of
from metabit.trainer.networks.statistics import AT_ONCE, measure_statistics
from metabit.trainer.prepare import Prepared, prepare
from metabit.trainer.recipe import Recipe, registry
from metabit.trainer.repeated import RepeatedSteps
from metabit.trainer.runs import checkpoint, run_folder, run_results
from metabit.trainer.runs.checkpoint import Position
from metabit.trainer.runs.evaluation import Evaluation, Prequential
from metabit.trainer.runs.home_samples import HOME, home_of, write_home
from metabit.trainer.runs.progress import Progress, Silent
from metabit.trainer.runs.run_folder import Run, load_run, open_folder
from metabit.trainer.runs.run_front_end import FRONT_END, write_front_end
from metabit.trainer.runs.run_input import INPUT, input_of, write_input
from metabit.trainer.streams import Task


def train(
    recipe: Recipe, out: str | Path, resume: bool = False, progress: Progress | None = None
) -> Run:
    """Train a network on a stream of tasks and write a run folder.

    Args:
        recipe: what to train on which data.
        out: the folder to write; it is made if it does not exist.
        resume: continue the run in `out` from its last checkpoint. A finished run is returned as it
            is.
        progress: is told about each step.

    Returns:
        the finished run, read back from its folder.

    Raises:
        InputError: the run cannot begin (see `metabit.trainer.prepare.prepare`).
        MetabitError: code E-DIVERGED, a loss or a weight is not finite any more.
        StorageError, CorruptError: a file cannot be written, or a checkpoint is damaged.
    """
    return train_prepared(prepare(recipe, out, resume), progress)


def train_prepared(prepared: Prepared, progress: Progress | None = None) -> Run:
    """Do what `train` does, for a run that `prepare` has checked."""
    recipe, out = prepared.recipe, prepared.out
    with one_thread_without_denormals():
        # Before the folder is made: a recipe that cannot run leaves no folder.
        device = find_device(recipe.train.device)
        with working_on(device):
            trainer = _Trainer(prepared, progress or Silent(), device)
            open_folder(out, recipe, prepared.resume)
            if not (out / run_folder.METRICS).exists():
                trainer.train()
    return load_run(out)


def train_in_memory(prepared: Prepared, progress: Progress | None = None) -> tuple[Network, float]:
    """Train as `train` does, but write nothing: for networks that are only tried.

    Returns:
        the network in evaluation mode, and its mean accuracy on the test samples of all tasks.
    """
    device = find_device(prepared.recipe.train.device)
    with one_thread_without_denormals(), working_on(device):
        trainer = _Trainer(prepared, progress or Silent(), device, keeps=False)
        trainer.learn_all()
        row = trainer.position.accuracy_rows[-1]
        return trainer.model.eval().cpu(), sum(row) / len(row)


class _Trainer:
    """One run and its state.

    Args:
        prepared: what is trained.
        progress: is told about each step.
        device: where the network and the samples of the present task are.
        keeps: whether checkpoints and results are written.
    """

    def __init__(
        self, prepared: Prepared, progress: Progress, device: torch.device, keeps: bool = True
    ) -> None:
        self.keeps = keeps
        self.device = device
        self.recipe = recipe = prepared.recipe
        self.out = prepared.out
        self.dataset = dataset = prepared.dataset
        self.stream = stream = prepared.stream
        self.progress = progress
        self.generator = torch.Generator().manual_seed(recipe.train.seed)
        kind = outputs_of(recipe.network, stream)
        groups = [task.classes for task in stream]
        self.outputs = Outputs(stream.n_classes, groups, kind, device)
        self.model = build_network(recipe.network, dataset, stream, self.generator).to(device)
        self.banks = [task.bank if recipe.network.banks == "task" else 0 for task in stream]
        options = recipe.method
        method: type[Method] = registry.find(options.name)
        self.method = method(options, self.model, self._setting())
        self.steps = RepeatedSteps(self.method, self.model)
        self.evaluation = Evaluation(
            self.model, dataset, stream, self.outputs, self.banks, self.method.while_tested
        )
        self.prequential = Prequential(self.evaluation, recipe.train.prequential)
        self.schedule = Schedule(options.every_samples, self.method.consolidates())
        self.optimizer = self.method.optimizer(self.model)
        self.order_state = self.generator.get_state()  # at the start of the present epoch
        self.position = Position()
        self.counted = time.monotonic(), time.process_time()

    def _setting(self) -> Setting:
        return Setting(
            n_tasks=len(self.stream),
            zero_point=self.dataset.zero_point,
            seed=self.recipe.train.seed,
            epochs=self.recipe.train.epochs,
            dtype=self.dataset.dtype,
            input_shape=self.dataset.input_shape,
            outputs=self.outputs,
            samples=lambda task: self._tensors(self.stream[task].train),
            test_samples=lambda task: self._tensors(self.stream[task].test),
        )

    def _restore(self) -> None:
        path = self.out / run_folder.CHECKPOINT
        if not path.exists():
            return
        self.order_state, self.position = checkpoint.restore(
            path, self.model, self.optimizer, self._load_kept
        )
        self.generator.set_state(self.order_state)

    def _load_kept(self, tensors: dict[str, Tensor]) -> None:
        for keeper in (self.method, self.schedule, self.prequential):
            keeper.load_state(tensors)

    def _kept(self) -> dict[str, Tensor]:
        """What is kept from step to step in addition to network and optimizer."""
        return {**self.method.state(), **self.schedule.state(), **self.prequential.state()}

    def train(self) -> None:
        """Learn what is left to learn, and write the results."""
        self._restore()
        self.learn_all()
        self._write_results()

    def learn_all(self) -> None:
        """Learn every task that is not learnt yet."""
        n_epochs = [sum(self.method.phases(index)) for index in range(len(self.stream))]
        steps = [n * self._n_batches(task) for n, task in zip(n_epochs, self.stream, strict=True)]
        self.progress.run_started(len(self.stream), steps, self.position.total_steps)
        if self.keeps and not self.position.untrained:
            every = range(len(self.stream))
            self.position.untrained = self.evaluation.accuracies(every, bank=0)
        while self.position.task < len(self.stream):
            task = self.stream[self.position.task]
            self.progress.task_started(self.position.task, task.name)
            self._start_task()
            self._learn(task)
            self._finish_task()

    def _start_task(self) -> None:
        """Prepare the outputs and, if the task is new, its bank and optimizer."""
        at = self.position
        self.steps.forget()
        self.outputs.start_task(at.task)
        if at.task == 0 or at.epoch > 0 or at.step > 0:
            return
        if self.recipe.network.banks == "task":
            self.model.start_bank(self.banks[at.task])
        if self.recipe.method.reset_optimizer:
            self.optimizer = self.method.optimizer(self.model)

    def _n_batches(self, task: Task) -> int:
        """Number of batches in an epoch; a last batch with a single sample is left out."""
        full, rest = divmod(task.n_train, self.recipe.train.batch)
        return full + (rest > 1)

    def _learn(self, task: Task) -> None:
        at = self.position
        x, y = self._tensors(task.train)
        phases = self.method.phases(at.task)
        starts = np.cumsum([0, *phases]).tolist()
        self.model.train()
        while at.epoch < sum(phases):
            if at.step == 0 and at.epoch in starts:
                # Phases without epochs begin here too, before the phase that has this epoch.
                for phase, start in enumerate(starts[:-1]):
                    if start == at.epoch:
                        self.steps.forget()
                        self.method.start_phase(self.model, x, y, at.task, phase)
            self._set_rate(at.epoch - max(start for start in starts if start <= at.epoch))
            self.order_state = self.generator.get_state()
            self._epoch(x, y, self._n_batches(task))
            at.epoch, at.step = at.epoch + 1, 0

    def _set_rate(self, epoch: int) -> None:
        """Give the optimizer the learning rate of an epoch, counted from 0 in its phase."""
        if self.recipe.method.lr_decay < 1:
            self.steps.forget()
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.method.lr_at(epoch)

    def _epoch(self, x: Tensor, y: Tensor, n_batches: int) -> None:
        at, batch = self.position, self.recipe.train.batch
        order = torch.randperm(len(y), generator=self.generator).to(self.device)
        while at.step < n_batches:
            chosen = order[at.step * batch : (at.step + 1) * batch]
            if at.epoch == 0:
                self.prequential.before_step(x[chosen], y[chosen], at.task)
            loss = self._step(x[chosen], y[chosen])
            at.step += 1
            at.total_steps += 1
            self._consolidate(self.schedule.after_step(x[chosen], y[chosen]))
            if at.total_steps % self.recipe.train.checkpoint_steps == 0:
                self._checkpoint()
            self.progress.step_done(at.task, at.total_steps, loss)

    def _step(self, x: Tensor, y: Tensor) -> float:
        """Do a step on stored samples of the stream; return the loss, penalty included."""
        try:
            return self.steps.step(self.optimizer, x, y)
        except Diverged as error:
            raise self._diverged(str(error)) from error

    def _consolidate(self, samples: tuple[Tensor, Tensor] | None) -> None:
        if samples is not None:
            self.steps.forget()
            self.model.train()
            self.method.consolidate(self.model, *samples, self.position.task)
            self._check_finite()

    def _measure_statistics(self, x: Tensor) -> None:
        """Measure means and variances of normalisation on samples of the task, if it is asked for.

        The order is drawn from the seed alone, so that an interrupted run measures the same.
        """
        train = self.recipe.train
        if train.norm_statistics == "running" or self.recipe.method.needs_shared_bank:
            return
        if len(x) < 2:
            return  # one sample has no variance
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(train.seed))
        chosen = order.to(self.device).chunk(max(1, len(x) // AT_ONCE))
        self.model.train()
        measure_statistics(self.model, (self.method.inputs(x[part]) for part in chosen))

    def _finish_task(self) -> None:
        at = self.position
        self._check_finite()
        x, y = self._tensors(self.stream[at.task].train)
        self._measure_statistics(x)
        self._consolidate(self.schedule.at_task_end(x, y))
        row = self.evaluation.accuracies(range(at.task + 1))
        at.accuracy_rows.append(row)
        if at.task + 1 < len(self.stream):
            # For forward transfer: accuracy on the next task before it is learnt.
            at.ahead += self.evaluation.accuracies([at.task + 1], bank=self.banks[at.task])
        at.task, at.epoch, at.step = at.task + 1, 0, 0
        self.order_state = self.generator.get_state()
        self._checkpoint()
        self.progress.task_done(at.task - 1, row)

    def _checkpoint(self) -> None:
        self._check_finite()
        if not self.keeps:
            return
        self._count_time()
        path = self.out / run_folder.CHECKPOINT
        checkpoint.save(
            path, self.model, self.optimizer, self._kept(), self.order_state, self.position
        )

    def _count_time(self) -> None:
        """Add the time since the last call to the position."""
        now = time.monotonic(), time.process_time()
        self.position.seconds += now[0] - self.counted[0]
        self.position.processor_seconds += now[1] - self.counted[1]
        self.counted = now

    def _check_finite(self) -> None:
        """Stop a run with a NaN: a NaN weight still has a sign, so nobody would notice it."""
        bad = first_bad_values(self.model) or first_bad_state(self.model, self._kept())
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
        recent = self.schedule.bytes_kept(self.dataset.n_inputs, self.recipe.train.batch)
        self._count_time()
        at = self.position
        metrics = {
            **run_results.accuracies(at.accuracy_rows, at.ahead, at.untrained),
            **self.prequential.summary(),
            "extra_metrics": self.method.extra_metrics(),
            "n_steps": at.total_steps,
            "state_bytes": self.method.state_bytes()
            | ({"recent_samples": recent} if recent else {}),
            "optimizer_bytes": run_results.optimizer_bytes(self.optimizer),
            "seconds": round(at.seconds, 3),
            "processor_seconds": round(at.processor_seconds, 3),
        }
        write_input(self.out / INPUT, input_of(self.dataset))
        write_home(self.out / HOME, home_of(self.stream, self.recipe.train.seed))
        if self.dataset.front_end is not None:
            write_front_end(self.out / FRONT_END, self.dataset.front_end)
        model = self.model.cpu()
        run_results.write(self.out, self.recipe, self.dataset, self.stream, model, metrics)

    def _tensors(self, split: Split) -> tuple[Tensor, Tensor]:
        """Samples as they are stored, shape (n, n_inputs), and int64 labels, on the device."""
        x = np.ascontiguousarray(split.x.reshape(len(split), -1))
        y = split.y.astype(np.int64)
        return torch.tensor(x, device=self.device), torch.tensor(y, device=self.device)
