"""Bop: a binary weight has no hidden weight; it flips after gradients have opposed it for long.

    average = (1 - adaptivity) * average + adaptivity * gradient
    flip the weight where |average| > threshold and the average has the sign of the weight

A high threshold requires more evidence before a flip, and so keeps more of what was learnt before.
Nothing else protects earlier tasks.

Paper: Helwegen et al. 2019, "Latent weights do not exist: rethinking binarized neural network
optimization".

What differs: nothing in the rule. The recipe's optimizer trains the normalisation, and the keys lr,
momentum and weight_decay concern only that. Weights start with the signs that hidden weights would
start with, and the parameter called hidden weight holds -1 or +1.

Bytes: the average, 4 per weight. A hidden weight, which would also have 4 bytes, is not needed.
Binary networks only, dense or convolutional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from metabit.trainer.methods.base import Method, Setting, parts_of
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.quantizers import sign
from metabit.trainer.optim import learning_weights
from metabit.trainer.recipe.method_options import BopOptions
from metabit.trainer.recipe.registry import register


@register
class Bop(Method):
    """Flips in place of steps."""

    name = "bop"
    Options = BopOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.average: dict[str, Tensor] = {}
        for name, weight in learning_weights(model).items():
            weight.data = sign(weight.data)
            self.average[name] = torch.zeros_like(weight.data)

    @property
    def can_repeat(self) -> bool:
        """Its steps are alike."""
        return True

    @torch.no_grad()
    def gradients(self, model: Network) -> None:
        """Move the averages, flip weights, and remove gradients so that no optimizer uses them."""
        for name, weight in learning_weights(model).items():
            gradient, average = weight.grad, self.average[name]
            if gradient is None:
                raise RuntimeError(f"{name}: no gradient before gradients()")
            average.mul_(1 - self.options.adaptivity).add_(self.options.adaptivity * gradient)
            flips = (average.abs() > self.options.threshold) & (sign(average) == weight)
            weight.copy_(torch.where(flips, -weight, weight))
            weight.grad = None

    def state(self) -> dict[str, Tensor]:
        """The averages."""
        return {f"average/{name}": tensor for name, tensor in self.average.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the averages."""
        read = parts_of("average", tensors)
        self.average = {name: read[name] for name in self.average}
