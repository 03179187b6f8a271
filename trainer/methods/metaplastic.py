"""Synaptic metaplasticity: a hidden weight that is far from zero is hard to pull back.

    step' = f_meta(h) * step   where the optimizer's step would shrink |h|, else step
    f_meta(h) = 1 - tanh(m * |h|) ** 2

Paper: Laborieux, Ernoult, Hirtzlin and Querlioz 2021, "Synaptic metaplasticity in binarized neural
networks", Nature Communications 12:2549.

What differs: the optimizer's whole step decides whether a weight shrinks, which is the same as the
first moment of Adam in the paper, and holds for SGD too; sign(0) is +1.

Bytes: none. The hidden weight, which training has anyway, is the memory.

Real-valued networks: the rule runs on them but does not help, because the size of a real weight
does not tell how sure its sign is (the paper's control experiment).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from metabit.trainer.methods.base import Method, plain_optimizer
from metabit.trainer.methods.registry import register
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe.method import MethodRecipe
from metabit.trainer.recipe.tables import require


@dataclass(frozen=True)
class MetaplasticOptions(MethodRecipe):
    """[method] with name = "metaplastic", which is also the default.

    Attributes:
        m: metaplasticity coefficient, one number or one per layer; 0 is plain training. The useful
            value falls with the learning rate and the number of steps: about 10 at 1,200 steps of
            0.005 a task.
    """

    m: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        values = self.m if isinstance(self.m, tuple) else (self.m,)
        require(all(m >= 0 for m in values), "[method] m", self.m, "must be 0 or more")


@register
class Metaplastic(Method):
    """The metaplastic step, which is part of the optimizer."""

    name = "metaplastic"
    Options = MetaplasticOptions

    def optimizer(self, model: Network) -> torch.optim.Optimizer:
        """Adam or SGD whose steps towards zero are damped."""
        return plain_optimizer(self.options, model, self.options.m)
