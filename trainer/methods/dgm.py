"""Dynamic generative memory: a generator with learnt masks draws the old tasks.

    batch = the stream's samples, and as many drawn ones of every earlier task
    then a step of the critic and one of the generator, on the stream's samples alone

No sample is kept. Which weights (or units) of the generator a task needs is learnt with the task;
they are frozen afterwards, and the generator grows by as much as was taken, so that the next task
finds the same room. The classifier is the recipe's own network.

Paper: Ostapenko et al. 2019, "Learning to remember: a synaptic plasticity driven framework for
continual learning". "weights" is its DGMw, "units" its DGMa.

What differs: generator and critic are dense by default, for samples of any shape, where the paper's
are convolutional (layers = "conv" makes the generator so). The classifier is not the critic's
second head but the recipe's network, which can be binary and exported; the second head is there for
the generator alone, and learns from the samples of the task only, so that tasks may share classes.
The output layer is shared and masked like the others, where the paper gives every task a fresh one.
With "units" the mask comes behind normalisation and rectifier: in front of them a unit without its
mask would still give its offset, and what hangs on that offset is not frozen. Normalisation is
measured once more when a task ends, with the masks as they stay. The slope of the masks climbs
evenly to s_max over the whole task; in the paper "weights" begins anew in each epoch, which with
few steps an epoch was worse. Learning rates fall, and Adam's first moment is off. With input_noise
the network sees noise on real and drawn samples alike. Nothing is chosen by validation data of old
classes; the last step of a task is what stays.

Bytes: the generator in float32; for every task one bit a weight (or unit), two numbers a hidden
unit, an offset an output, its classes and range. During a task also embeddings, critic, Adam's
moments of both players, and the drawn samples ("replay"), which are drawn again after a restart and
never written. Works with every network, but not with a normalisation bank per task: a batch has
samples of many tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabit.trainer.generative.game import Game, Rules, codes
from metabit.trainer.generative.generator import Generator
from metabit.trainer.generative.plan import make_plan
from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.networks.diagnosis import Diverged
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe.method_options import DgmOptions
from metabit.trainer.recipe.registry import register

MEASURED = 1024
"""Drawn samples from which a finished task's normalisation is measured."""


@dataclass(frozen=True)
class Kind:
    """What samples of a finished or running task look like.

    Attributes:
        classes: labels that occur, int64.
        limits: smallest and largest stored value, of the type in which samples are stored.
    """

    classes: Tensor
    limits: Tensor

    def to_unit(self, x: Tensor) -> Tensor:
        """Stored samples as float32 in -1 .. 1."""
        low, high = self.limits.to(torch.float32)
        unit: Tensor = (x.to(torch.float32) - low) / (high - low).clamp(min=1) * 2 - 1
        return unit

    def to_stored(self, drawn: Tensor) -> Tensor:
        """Drawn samples, rounded to what a data set can hold."""
        low, high = self.limits.to(torch.float32)
        values: Tensor = (drawn + 1) / 2 * (high - low).clamp(min=1) + low
        return values.round().clamp(low, high).to(self.limits.dtype)


@register
class Dgm(Method):
    """Drawn samples beside the new ones."""

    name = "dgm"
    Options = DgmOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.random = torch.Generator().manual_seed(_seed(setting.seed, "training"))
        n_inputs, hidden = setting.n_classes + options.noise, options.generator
        plan = make_plan(options.layers, n_inputs, len(hidden), setting.input_shape)
        self.memory = Generator(plan, hidden, options.variant, self.random)
        self.kinds: list[Kind] = []
        self.game: Game | None = None
        self.n_samples = 0  # of the task being learnt
        self.n_seen = 0  # samples of this task that steps were made on
        self.old_x = torch.zeros(0, 0, 0)  # (tasks, drawn, n_inputs), as stored
        self.old_y = torch.zeros(0, 0, dtype=torch.int64)

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Grow, give the task its masks and a fresh critic, and draw the tasks before it."""
        self.kinds.append(Kind(torch.unique(y), torch.stack([x.min(), x.max()])))
        self.memory.begin_task(self.options.grow)
        self.game = self._new_game()
        self.n_samples, self.n_seen = len(y), 0
        self._draw_old_tasks()

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The stream's samples followed by drawn ones of every earlier task."""
        old_x, old_y = self._some_old(self.options.replayed or len(y))
        return (torch.cat([x, old_x]), torch.cat([y, old_y])) if len(old_y) else (x, y)

    def inputs(self, x: Tensor) -> Tensor:
        """What the network is trained on: with noise, if it is wanted."""
        clean = super().inputs(x)
        if self.options.input_noise == 0:
            return clean
        low, high = self.kinds[-1].limits.to(torch.float32)
        noise = torch.randn(x.shape, generator=self.random)
        noisy: Tensor = clean + self.options.input_noise * (high - low) * noise
        return noisy

    def step(self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """A step of the classifier, one of the critic and one of the generator."""
        loss = super().step(model, optimizer, x, y)
        if self.game is None:
            raise RuntimeError("step() needs start_phase() before it")
        done = self.n_seen / (self.n_samples * self.setting.epochs)
        losses = self.game.step(self.kinds[-1].to_unit(x), y, done)
        self.n_seen += len(y)
        for player, value in zip(("critic", "generator"), losses, strict=True):
            if not math.isfinite(value):
                raise Diverged(f"the loss of the {player} is {value}")
        return loss

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """The generator keeps what it has learnt to draw."""
        if self.game is None:
            raise RuntimeError("consolidate() needs start_phase() before it")
        chosen = torch.randint(len(y), (MEASURED,), generator=self.random)
        self.memory.end_task(self.game.codes(y[chosen]))
        self.game = None

    def redraw(self, task: int, y: Tensor, random: torch.Generator) -> Tensor:
        """Samples of a finished task, as a data set stores them, shape (n, n_inputs).

        Args:
            task: from 0.
            y: classes wanted, int64, shape (n,).
            random: where the noise comes from; the same noise gives the same samples for ever.
        """
        wanted = codes(y, self.setting.n_classes, self.options.noise, random)
        return self.kinds[task].to_stored(self.memory.redraw(task, wanted))

    def extra_metrics(self) -> dict[str, float]:
        """Width of the generator as a multiple of the start, and the share of it in use."""
        n_weights = sum(weight.numel() for weight in self.memory.weights)
        n_reserved = sum(int(reserved.sum()) for reserved in self.memory.reserved)
        return {
            "generator_growth": self.memory.growth,
            "generator_weights": n_weights,
            "reserved_share": n_reserved / n_weights,
        }

    def state(self) -> dict[str, Tensor]:
        """Generator, critic, moments, what the tasks look like, counters and random numbers."""
        tensors = {**self.memory.state(), **(self.game.state() if self.game else {})}
        for task, kind in enumerate(self.kinds):
            tensors[f"kinds/{task}.classes"], tensors[f"kinds/{task}.limits"] = (
                kind.classes,
                kind.limits,
            )
        counts = [len(self.memory.memories), len(self.kinds), self.n_samples, self.n_seen]
        return {
            **tensors,
            "counters/counts": torch.tensor(counts),
            "counters/random": self.random.get_state(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave, and draw the old tasks again."""
        counts = tensors["counters/counts"].tolist()
        n_finished, n_kinds, self.n_samples, self.n_seen = counts
        self.kinds = [
            Kind(tensors[f"kinds/{task}.classes"], tensors[f"kinds/{task}.limits"])
            for task in range(n_kinds)
        ]
        self.memory.load_state(tensors, n_finished)
        self.game = None
        if n_kinds > n_finished:
            self.game = self._new_game()
            self.game.load_state(tensors)
            self._draw_old_tasks()
        self.random.set_state(tensors["counters/random"])  # after the start of a critic took some

    def state_bytes(self) -> dict[str, int]:
        """With the drawn samples, which are not in `state`."""
        return super().state_bytes() | {"replay": self.old_x.nbytes + self.old_y.nbytes}

    def _new_game(self) -> Game:
        return Game(self.memory, self.setting.n_classes, _rules(self.options), self.random)

    def _draw_old_tasks(self) -> None:
        """Fill `old_x` and `old_y`, from random numbers that only seed and task decide."""
        n_old, count = len(self.memory.memories), self.options.drawn or self.n_samples
        random = torch.Generator().manual_seed(_seed(self.setting.seed, "replay", n_old))
        parts = []
        for task in range(n_old):
            classes = self.kinds[task].classes
            y = classes[torch.arange(count) % len(classes)]
            parts.append((self.redraw(task, y, random), y))
        if parts:
            self.old_x = torch.stack([x for x, _ in parts])
            self.old_y = torch.stack([y for _, y in parts])

    def _some_old(self, n: int) -> tuple[Tensor, Tensor]:
        """`n` samples of every earlier task, and their labels."""
        n_old = len(self.kinds) - 1
        if n_old == 0:
            first = self.kinds[0].limits.new_zeros(0, self.memory.plan.n_values)
            return first, torch.zeros(0, dtype=torch.int64)
        places = torch.randint(self.old_y.shape[1], (n_old, n), generator=self.random)
        tasks = torch.arange(n_old)[:, None]
        return self.old_x[tasks, places].flatten(0, 1), self.old_y[tasks, places].flatten()


def _rules(options: DgmOptions) -> Rules:
    """What the two players have to know."""
    return Rules(
        options.critic,
        options.generator_lr,
        options.critic_lr,
        options.gradient_penalty,
        options.mask_strength,
        options.class_strength,
        options.s_max,
    )


def _seed(seed: int, *purpose: str | int) -> int:
    """A seed of its own for each purpose."""
    parts = [part if isinstance(part, int) else int.from_bytes(part.encode()) for part in purpose]
    return int(np.random.SeedSequence([seed, *parts]).generate_state(1, np.uint64)[0])
