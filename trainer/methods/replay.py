"""Experience replay: a few old samples are kept, and are trained on together with new ones.

    batch = the samples of the stream, and as many samples drawn from memory

The memory is a reservoir: after n samples of the stream, each of them is in memory with probability
min(1, memory / n). That does not depend on tasks, so task boundaries are not needed.

Papers: Chaudhry et al. 2019, "On tiny episodic memories in continual learning"; the reservoir is
Vitter 1985, "Random sampling with a reservoir", algorithm R.

What differs: samples are kept as the data set stores them, with 8 bits per value. A sample is
offered to the memory once per epoch, so in several epochs it can enter the memory more than once.
Old samples are drawn without repetition, before the new ones are offered.

Bytes: memory * (n_inputs + 8), where a label has 8 bytes, and two counters. Works with every
network, but not with one normalisation bank per task, because a batch has samples of many tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.recipe.method_options import ReplayOptions
from metabit.trainer.recipe.registry import register


class Reservoir:
    """A uniform random sample of everything that was offered to it.

    Args:
        size: number of samples that it can hold.
        seed: seed of its random numbers.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.x = torch.zeros(0, 0, dtype=torch.uint8)
        self.y = torch.zeros(0, dtype=torch.int64)
        self.n_offered = 0
        self.generator = torch.Generator().manual_seed(seed)

    def offer(self, x: Tensor, y: Tensor) -> None:
        """Accept each of these samples with the probability that keeps the memory uniform."""
        if len(self.x) == 0:
            self.x, self.y = x[:0].clone(), y[:0].clone()
        room = self.size - len(self.y)
        self.x, self.y = torch.cat([self.x, x[:room]]), torch.cat([self.y, y[:room]])
        self.n_offered += min(room, len(y))
        for index in range(room, len(y)):
            self.n_offered += 1
            place = int(torch.randint(self.n_offered, (), generator=self.generator))
            if place < self.size:
                self.x[place], self.y[place] = x[index], y[index]

    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """Up to n different samples at random, and their labels."""
        chosen = torch.randperm(len(self.y), generator=self.generator)[:n]
        return self.x[chosen], self.y[chosen]

    def state(self) -> dict[str, Tensor]:
        """Samples, labels, the number of offered samples, and the random state."""
        return {
            "memory/x": self.x,
            "memory/y": self.y,
            "counters/offered": torch.tensor([self.n_offered]),
            "counters/generator": self.generator.get_state(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self.x, self.y = tensors["memory/x"], tensors["memory/y"]
        self.n_offered = int(tensors["counters/offered"])
        self.generator.set_state(tensors["counters/generator"])


@register
class Replay(Method):
    """Trains on a few old samples together with new samples."""

    name = "replay"
    Options = ReplayOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.reservoir = Reservoir(options.memory, setting.seed)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples of the stream, followed by old samples."""
        old_x, old_y = self.reservoir.draw(self.options.replayed or len(y))
        self.reservoir.offer(x, y)
        if len(old_y) == 0:
            return x, y
        return torch.cat([x, old_x]), torch.cat([y, old_y])

    def state(self) -> dict[str, Tensor]:
        """The reservoir."""
        return self.reservoir.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the reservoir."""
        self.reservoir.load_state(tensors)
