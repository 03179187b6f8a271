"""Joint training: all tasks so far at once. The upper line; nobody has the memory for it.

    batch = the stream's samples, and as many of every earlier task

Every earlier task keeps its weight in the loss, and the number of steps is that of the other
methods; a step has as many times more samples as there are tasks so far.

What differs from one training on everything: the network is not begun anew at each task.

Bytes: every sample of the tasks so far, n_inputs + 8 each. A checkpoint holds only how many tasks
there were: their samples are made again from the stream. Works with every network, but not with a
normalisation bank per task: a batch has samples of many tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.recipe.method_options import JointOptions
from metabit.trainer.recipe.registry import register


@register
class Joint(Method):
    """Everything is kept, and trained on again."""

    name = "joint"
    Options = JointOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.past: list[tuple[Tensor, Tensor]] = []
        self.generator = torch.Generator().manual_seed(setting.seed)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The stream's samples, and as many different ones of each earlier task."""
        drawn = [(x, y)]
        for old_x, old_y in self.past:
            chosen = torch.randperm(len(old_y), generator=self.generator)[: len(y)]
            drawn.append((old_x[chosen], old_y[chosen]))
        return torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Keep the task, all of it."""
        self.past.append(self.setting.samples(task))

    def state(self) -> dict[str, Tensor]:
        """How many tasks there were, and the random state."""
        return {
            "counters/tasks": torch.tensor([len(self.past)]),
            "counters/generator": self.generator.get_state(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave, with the samples from the stream."""
        self.generator.set_state(tensors["counters/generator"])
        self.past = [self.setting.samples(t) for t in range(int(tensors["counters/tasks"]))]

    def state_bytes(self) -> dict[str, int]:
        """All samples so far, and the counters."""
        return super().state_bytes() | {"samples": sum(x.nbytes + y.nbytes for x, y in self.past)}
