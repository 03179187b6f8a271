"""Synaptic metaplasticity: a hidden weight that is far from zero is hard to pull back.

    step' = f_meta(h) * step   where the optimizer's step would shrink |h|
    step' = step               elsewhere
    f_meta(h) = 1 - tanh(m * |h|) ** 2

Paper: Laborieux, Ernoult, Hirtzlin and Querlioz 2021, "Synaptic metaplasticity in binarized neural
networks", Nature Communications 12:2549.

With window = true the step is damped where it grows a weight too, by 1 - k + k 15/16 f_meta(h), k
rising from 0 to 1 with the mean size of the layer's weights (see `metabit.trainer.metaplasticity`):
that is what metabit's devices do.

What differs: the optimizer's whole step decides whether a weight would shrink. With Adam that is
the sign of its first moment, as in the paper; it also works with SGD. sign(0) is +1.

Bytes: none. The memory is the hidden weight, which training has anyway.

Real-valued networks: the rule can be used there too, though the size of a real weight does not say
how certain its sign is (the control experiment of the paper; docs/METHODS.md has both).
"""

from __future__ import annotations

import torch

from metabit.trainer.methods.base import Method, plain_optimizer
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe.method_options import MetaplasticOptions
from metabit.trainer.recipe.registry import register


@register
class Metaplastic(Method):
    """The metaplastic step, which is part of the optimizer."""

    name = "metaplastic"
    Options = MetaplasticOptions

    @property
    def can_repeat(self) -> bool:
        """Its steps are alike."""
        return True

    def optimizer(self, model: Network) -> torch.optim.Optimizer:
        """Adam or SGD whose steps towards zero are damped."""
        return plain_optimizer(self.options, model, self.options.m, self.options.window)
