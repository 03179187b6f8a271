"""Joint training: all tasks so far at once. This is the upper bound; no device has the memory.

    batch = the samples of the stream, and as many samples of every earlier task

Every earlier task keeps its weight in the loss. The number of steps is the same as with the other
methods, and each step has n times as many samples, where n is the number of tasks so far.

What differs from training on everything at once: the network is not started again at each task.

Bytes: all samples of the tasks so far, n_inputs + 8 each. A checkpoint holds only the number of
tasks, because their samples can be made again from the stream. Works with every network, but not
with one normalisation bank per task, because a batch has samples of many tasks.
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
    """Keeps all samples, and trains on them again."""

    name = "joint"
    Options = JointOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.past: list[tuple[Tensor, Tensor]] = []
        self.generator = torch.Generator().manual_seed(setting.seed)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples of the stream, and as many different samples of each earlier task."""
        drawn = [(x, y)]
        for old_x, old_y in self.past:
            chosen = torch.randperm(len(old_y), generator=self.generator)[: len(y)]
            drawn.append((old_x[chosen], old_y[chosen]))
        return torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Keep all samples of the task."""
        self.past.append(self.setting.samples(task))

    def state(self) -> dict[str, Tensor]:
        """The number of tasks so far, and the random state."""
        return {
            "counters/tasks": torch.tensor([len(self.past)]),
            "counters/generator": self.generator.get_state(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned, and the samples from the stream."""
        self.generator.set_state(tensors["counters/generator"])
        self.past = [self.setting.samples(t) for t in range(int(tensors["counters/tasks"]))]

    def state_bytes(self) -> dict[str, int]:
        """All samples so far, and the counters."""
        return super().state_bytes() | {"samples": sum(x.nbytes + y.nbytes for x, y in self.past)}
