"""Synaptic intelligence: the importance of a weight is how much its own path lowered the loss.

    path       = sum over steps of -gradient * (weight after the step - weight before it)
    importance = importance + max(path, 0) / ((weight - anchor) ** 2 + damping)

Importance is computed at each consolidation. The anchor is the weight at the consolidation before,
and the path starts again at zero.

Paper: Zenke, Poole and Ganguli 2017, "Continual learning through synaptic intelligence".

What differs: in a binary network the weight is the hidden weight, and its gradient passes the sign
unchanged. As in the paper, the path uses the gradient of the task's loss alone, which is noted
before the gradient of the penalty is added to it. The change of a weight is the whole step of the
optimizer, including moments and weight decay.

Bytes: importance, anchor and path, 12 per weight, and two copies within a step, 8 per weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Setting, parts_of
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.recipe.method_options import SiOptions
from metabit.trainer.recipe.registry import register


@register
class Si(QuadraticMethod):
    """Importance from the path of each weight, with the quadratic penalty."""

    name = "si"
    Options = SiOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.path = {name: torch.zeros_like(p).detach() for name, p in protected(model).items()}
        self._before: dict[str, tuple[Tensor, Tensor]] = {}  # gradient and weight, within a step

    @torch.no_grad()
    def gradients(self, model: nn.Module) -> None:
        """Note the gradient of the task's loss and the weights before the step; add the pull."""
        for name, weight in protected(model).items():
            if weight.grad is not None:
                self._before[name] = weight.grad.clone(), weight.detach().clone()
        super().gradients(model)

    @torch.no_grad()
    def after_step(self, model: nn.Module) -> None:
        """Add this step to the path."""
        weights = protected(model)
        for name, (gradient, before) in self._before.items():
            self.path[name] -= gradient * (weights[name] - before)
        self._before = {}

    @torch.no_grad()
    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Turn the path into importance; the samples are not needed."""
        total: dict[str, Tensor] = {}
        for name, weight in protected(model).items():
            moved = (weight - self.anchor[name]) ** 2 + self.options.damping
            total[name] = self.importance[name] + self.path[name].clamp(min=0) / moved
            self.path[name] = torch.zeros_like(self.path[name])
        self.remember(model, total)

    def state(self) -> dict[str, Tensor]:
        """Importance, anchor and path."""
        return super().state() | {f"path/{name}": tensor for name, tensor in self.path.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore importance, anchor and path."""
        super().load_state(tensors)
        read = parts_of("path", tensors)
        self.path = {name: read[name] for name in self.path}

    def state_bytes(self) -> dict[str, int]:
        """Bytes of the state, and of the gradients and weights that are noted within a step."""
        n_bytes = sum(tensor.nbytes for tensor in self.path.values())
        return super().state_bytes() | {"step": 2 * n_bytes}
