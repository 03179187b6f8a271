"""One quadratic penalty for every method that says how important each weight is.

    penalty = strength * sum over weights of importance * (weight - anchor) ** 2

In a binary network the weight is the hidden weight: the penalty pulls it towards where it was, and
so keeps its sign the better the further it was from zero. In a real-valued network it is the weight
itself.

Differences: the factor is strength, not strength / 2. Papers disagree on it (EWC has the half, SI
and MAS do not), so a strength is not a number to be carried from one program to another.

Bytes: importance and anchor, 4 each a weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Method, Setting, parts_of
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.recipe.method_options import QuadraticOptions


class QuadraticMethod(Method):
    """A method whose memory is an importance and an anchor for each weight.

    Subclasses override `consolidate` and set both there.

    Attributes:
        importance, anchor: by parameter name, in the parameter's shape.
    """

    Options = QuadraticOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        weights = protected(model)
        self.importance = {name: torch.zeros_like(p).detach() for name, p in weights.items()}
        self.anchor = {name: p.detach().clone() for name, p in weights.items()}
        self.protects = False  # nothing is important before the first consolidation

    def penalty(self, model: nn.Module) -> Tensor | None:
        """strength * sum of importance * (weight - anchor) ** 2; None before there is any."""
        if not self.protects or self.options.strength == 0:
            return None
        parts = [
            (self.importance[name] * (weight - self.anchor[name]) ** 2).sum()
            for name, weight in protected(model).items()
        ]
        total: Tensor = self.options.strength * torch.stack(parts).sum()
        return total

    def remember(self, model: nn.Module, importance: Mapping[str, Tensor]) -> None:
        """Take these importances, with the weights as they are now for an anchor."""
        self.importance = dict(importance)
        self.anchor = {name: p.detach().clone() for name, p in protected(model).items()}
        self.protects = True

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor."""
        return {
            **{f"importance/{name}": tensor for name, tensor in self.importance.items()},
            **{f"anchor/{name}": tensor for name, tensor in self.anchor.items()},
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up importance and anchor."""
        found = parts_of("importance", tensors), parts_of("anchor", tensors)
        for mine, read in zip((self.importance, self.anchor), found, strict=True):
            for name in mine:
                mine[name] = read[name]
        self.protects = any(bool(tensor.any()) for tensor in self.importance.values())
