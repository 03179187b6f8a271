"""Dynamic generative memory: a generator with learnt masks draws samples of earlier tasks.

    batch = the samples of the stream, and as many drawn samples of every earlier task
    then one step of the critic and one step of the generator, on the samples of the stream alone

No sample is kept. Each task learns which weights (or units) of the generator it needs. These are
frozen after the task, and the generator grows by as many, so that the next task has the same room.
The classifier is the network of the recipe.

Paper: Ostapenko et al. 2019, "Learning to remember: a synaptic plasticity driven framework for
continual learning". "weights" is its DGMw, "units" its DGMa.

What differs:
* Generator and critic are dense by default, for samples of any shape; in the paper they are
  convolutional. layers = "conv" makes the generator convolutional.
* The classifier is not the critic's second head but the network of the recipe, which can be binary
  and exported. The second head serves only the generator, on every data set; in the paper it
  guides the generator on ImageNet alone. It learns only from the samples of the present task, so
  tasks may share classes.
* The output layer is shared and masked like the others; in the paper each task has a new one.
* With "units" the mask follows normalisation and rectifier. Before them, a masked unit would still
  contribute its offset, and what depends on that offset is not frozen.
* When a task ends, the statistics of its normalisation are measured again, with the final masks.
* The slope of the masks rises evenly to s_max over the whole task. In the paper, "weights" starts
  again in each epoch, which was worse with few steps per epoch.
* Learning rates fall during a task, and Adam's first moment is not used.
* With input_noise the network is trained with noise on real and drawn samples alike.
* Nothing is selected with validation data of old classes: the state after the last step is kept.

Bytes: the generator in float32; for every task one bit per weight (or unit), two numbers per hidden
unit, one offset per output, its classes and range. During a task also embeddings, critic, Adam's
moments of both players, and the drawn samples ("replay"). The drawn samples are never written to a
checkpoint; they are drawn again after a restart. Works with every network, but not with one
normalisation bank per task, because a batch has samples of many tasks.
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
from metabit.trainer.recipe.dgm_options import DgmOptions
from metabit.trainer.recipe.registry import register

MEASURED = 1024
"""Number of drawn samples on which the normalisation of a finished task is measured."""


@dataclass(frozen=True)
class Kind:
    """What is kept about the samples of a task.

    Attributes:
        classes: the labels that occur, int64.
        limits: smallest and largest stored value, in the type in which samples are stored.
    """

    classes: Tensor
    limits: Tensor

    def to_unit(self, x: Tensor) -> Tensor:
        """Stored samples as float32 in -1 .. 1."""
        low, high = self.limits.to(torch.float32)
        unit: Tensor = (x.to(torch.float32) - low) / (high - low).clamp(min=1) * 2 - 1
        return unit

    def to_stored(self, drawn: Tensor) -> Tensor:
        """Drawn samples, rounded and limited to the stored values of the task."""
        low, high = self.limits.to(torch.float32)
        values: Tensor = (drawn + 1) / 2 * (high - low).clamp(min=1) + low
        return values.round().clamp(low, high).to(self.limits.dtype)


@register
class Dgm(Method):
    """Trains on drawn samples of earlier tasks together with new samples."""

    name = "dgm"
    Options = DgmOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.random = torch.Generator().manual_seed(_seed(setting.seed, "training"))
        n_inputs, hidden = setting.n_classes + options.noise, options.generator
        plan = make_plan(options.layers, n_inputs, len(hidden), setting.input_shape)
        self.memory = Generator(plan, hidden, options.variant, self.random, model.device)
        self.kinds: list[Kind] = []
        self.game: Game | None = None
        self.n_samples = 0  # of the task being learnt
        self.n_seen = 0  # samples of this task that steps were made on
        self.old_x = torch.zeros(0, 0, 0)  # (tasks, drawn, n_inputs), as stored
        self.old_y = torch.zeros(0, 0, dtype=torch.int64)

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Let the generator grow, begin masks and critic of the task, and draw earlier tasks."""
        self.kinds.append(Kind(torch.unique(y), torch.stack([x.min(), x.max()])))
        self.memory.begin_task(self.options.grow)
        self.game = self._new_game()
        self.n_samples, self.n_seen = len(y), 0
        self._draw_old_tasks()

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples of the stream, followed by drawn samples of every earlier task."""
        old_x, old_y = self._some_old(self.options.replayed or len(y))
        return (torch.cat([x, old_x]), torch.cat([y, old_y])) if len(old_y) else (x, y)

    def inputs(self, x: Tensor) -> Tensor:
        """What the network reads in training: the samples, with noise if the recipe asks for it."""
        clean = super().inputs(x)
        if self.options.input_noise == 0:
            return clean
        low, high = self.kinds[-1].limits.to(torch.float32)
        noise = torch.randn(x.shape, generator=self.random).to(x.device)
        noisy: Tensor = clean + self.options.input_noise * (high - low) * noise
        return noisy

    def step(self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """Do a step of the classifier, a step of the critic and a step of the generator."""
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
        """Freeze what the generator has learnt to draw."""
        if self.game is None:
            raise RuntimeError("consolidate() needs start_phase() before it")
        chosen = torch.randint(len(y), (MEASURED,), generator=self.random)
        self.memory.end_task(self.game.codes(y[chosen]))
        self.game = None

    def redraw(self, task: int, y: Tensor, random: torch.Generator) -> Tensor:
        """Draw samples of a finished task, as a data set stores them, shape (n, n_inputs).

        Args:
            task: index of the task, from 0.
            y: class of each sample, int64, shape (n,).
            random: source of the noise; the same noise always gives the same samples.
        """
        wanted = codes(y, self.setting.n_classes, self.options.noise, random)
        return self.kinds[task].to_stored(self.memory.redraw(task, wanted))

    def extra_metrics(self) -> dict[str, float]:
        """How much the generator has grown, its number of weights, the share in use, and curves."""
        n_weights = sum(weight.numel() for weight in self.memory.weights)
        n_reserved = sum(int(reserved.sum()) for reserved in self.memory.reserved)
        return {
            "generator_growth": self.memory.growth,
            "generator_weights": n_weights,
            "reserved_share": n_reserved / n_weights,
            **{
                f"{what}_after_task_{n}": number
                for n, numbers in enumerate(self.memory.growth_curve(), start=1)
                for what, number in zip(("weights", "used_weights"), numbers, strict=True)
            },
        }

    def state(self) -> dict[str, Tensor]:
        """Generator, critic, moments, classes and limits of the tasks, counters, random state."""
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
        """Restore what `state` returned, and draw the earlier tasks again."""
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
        self.random.set_state(tensors["counters/random"])  # last: a new critic has drawn numbers

    def state_bytes(self) -> dict[str, int]:
        """Bytes of `state`, and bytes of the drawn samples, which are not part of it."""
        return super().state_bytes() | {"replay": self.old_x.nbytes + self.old_y.nbytes}

    def _new_game(self) -> Game:
        return Game(
            self.memory, self.setting.n_classes, _rules(self.options, self.setting), self.random
        )

    def _draw_old_tasks(self) -> None:
        """Fill `old_x` and `old_y`; the random numbers depend only on the seed and the task."""
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
        """Choose `n` samples of every earlier task; returns them and their labels."""
        n_old = len(self.kinds) - 1
        if n_old == 0:
            first = self.kinds[0].limits.new_zeros(0, self.memory.plan.n_values)
            return first, torch.zeros(0, dtype=torch.int64)
        places = torch.randint(self.old_y.shape[1], (n_old, n), generator=self.random)
        tasks = torch.arange(n_old)[:, None]
        return self.old_x[tasks, places].flatten(0, 1), self.old_y[tasks, places].flatten()


def _rules(options: DgmOptions, setting: Setting) -> Rules:
    """The constants of the game, from the keys of the recipe."""
    *channels, rows, columns = setting.input_shape if options.critic_layers == "conv" else (0, 0)
    return Rules(
        options.critic,
        options.generator_lr,
        options.critic_lr,
        options.gradient_penalty,
        options.mask_strength,
        options.class_strength,
        options.s_max,
        (math.prod(channels), rows, columns) if rows else None,
    )


def _seed(seed: int, *purpose: str | int) -> int:
    """A different seed for each purpose."""
    parts = [part if isinstance(part, int) else int.from_bytes(part.encode()) for part in purpose]
    return int(np.random.SeedSequence([seed, *parts]).generate_state(1, np.uint64)[0])
