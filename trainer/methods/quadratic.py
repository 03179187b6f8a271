"""The quadratic penalty of all methods that measure how important each weight is.

    penalty = strength * sum over weights of importance * (weight - anchor) ** 2

In a binary network the weight is the hidden weight. The penalty pulls it towards its old value, and
so keeps its sign the better, the further that value was from zero.

What differs: the factor is strength, not strength / 2. The papers do not agree on it (EWC has the
half, SI and MAS do not), so a strength cannot be carried over from one program to another.

With plain SGD a step of this penalty moves a weight by rate * 2 * strength * importance of its
distance from the anchor. Above 1 it would pass the anchor, and above 2 it would end farther away
than it began, and swing ever further. An importance above 1 / (rate * 2 * strength) therefore
counts as that value, with which one step ends at the anchor. Importances that grow from task to
task then hold a weight fast instead of tearing it away. With momentum a weight may still swing, but
it comes to rest. Adam needs no limit: the length of its steps does not grow with the pull.

Bytes: importance and anchor, 4 each per weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.blocks import blocks
from metabit.trainer.methods.base import Method, Setting, parts_of
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe.method_options import QuadraticOptions


class QuadraticMethod(Method):
    """A method that remembers an importance and an anchor for each weight.

    Subclasses override `consolidate`, in which they set both.

    Attributes:
        importance, anchor: by parameter name, in the shape of the parameter.
    """

    Options = QuadraticOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        weights = protected(model)
        self.importance = {name: torch.zeros_like(p).detach() for name, p in weights.items()}
        self.anchor = {name: p.detach().clone() for name, p in weights.items()}
        self.protects = False  # nothing is important before the first consolidation
        self._optimizer: torch.optim.Optimizer | None = None

    def optimizer(self, model: Network) -> torch.optim.Optimizer:
        """A fresh optimizer, which is kept in mind because its rate limits the pull."""
        self._optimizer = super().optimizer(model)
        return self._optimizer

    @property
    def can_repeat(self) -> bool:
        """Steps between two consolidations are alike."""
        return True

    @property
    def pulls(self) -> bool:
        """Whether the penalty says anything yet."""
        return self.protects and self.options.strength != 0

    @property
    def most(self) -> float:
        """The importance with which one step of plain SGD just reaches the anchor.

        It rises where the rate falls. Infinite with other optimizers.
        """
        if not isinstance(self._optimizer, torch.optim.SGD):
            return math.inf
        rate: float = self._optimizer.param_groups[0]["lr"]  # all groups have the same
        strength: float = self.options.strength
        pull = rate * 2 * strength  # of importance 1
        return 1 / pull if pull else math.inf

    @torch.no_grad()
    def penalty(self, model: nn.Module) -> Tensor | None:
        """strength * sum of importance * (weight - anchor) ** 2; None before a consolidation.

        A number without a graph: its gradient has a closed form, which `gradients` adds.
        """
        if not self.pulls:
            return None
        weights = protected(model)
        total = next(iter(weights.values())).new_zeros(())
        most = self.most
        for name, weight in weights.items():
            for w, anchor, importance in blocks(weight, self.anchor[name], self.importance[name]):
                off = w - anchor
                total += torch.dot(off, _at_most(importance, most) * off)
        strength: float = self.options.strength
        return total * strength

    @torch.no_grad()
    def gradients(self, model: nn.Module) -> None:
        """Add the gradient of the penalty, 2 * strength * importance * (weight - anchor)."""
        if not self.pulls:
            return
        factor, most = 2 * self.options.strength, self.most
        for name, weight in protected(model).items():
            if weight.grad is None:  # it has no part in the loss, and is pulled all the same
                weight.grad = torch.zeros_like(weight)
            for gradient, w, anchor, importance in blocks(
                weight.grad, weight, self.anchor[name], self.importance[name]
            ):
                gradient.addcmul_(_at_most(importance, most), w - anchor, value=factor)

    def remember(self, model: nn.Module, importance: Mapping[str, Tensor]) -> None:
        """Keep these importances, and the present weights as the anchor."""
        self.importance = {name: tensor.contiguous() for name, tensor in importance.items()}
        self.anchor = {name: p.detach().clone() for name, p in protected(model).items()}
        self.protects = True

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor."""
        return {
            **{f"importance/{name}": tensor for name, tensor in self.importance.items()},
            **{f"anchor/{name}": tensor for name, tensor in self.anchor.items()},
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore importance and anchor."""
        found = parts_of("importance", tensors), parts_of("anchor", tensors)
        for mine, read in zip((self.importance, self.anchor), found, strict=True):
            for name in mine:
                mine[name] = read[name]
        self.protects = any(bool(tensor.any()) for tensor in self.importance.values())


def _at_most(importance: Tensor, most: float) -> Tensor:
    """The importances, none above `most`."""
    return importance if most == math.inf else importance.clamp(max=most)
