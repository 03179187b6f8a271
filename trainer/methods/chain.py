"""A chain of ever slower variables, coupled to each weight: the complex synapse of Benna and Fusi.

    u_1 is the weight, and the optimizer moves it alone. After each step, between neighbours:
    flow_k = coupling / 2**(k - 1) * (u_k - u_(k + 1))
    u_k    = u_k + (flow_(k - 1) - flow_k) / 2**(k - 1)

What is learnt flows from the weight into slower and slower variables, and they pull the weight
back to where it was for long. The k-th variable takes about 4**(k - 1) / (2 * coupling) steps to
follow the one before it: with six variables and a coupling of 0.1, the second takes 20 steps and
the last 5,000.

Papers: Benna and Fusi 2016, "Computational principles of synaptic memory consolidation"; Kaplanis,
Shanahan and Clopath 2018, who couple such chains to the weights of a network. Laborieux et al. 2021
compare their rule with it.

What differs: the step of the recipe's optimizer is what enters the chain, moments and weight decay
included. In a binary network the weight is the hidden weight. The chain begins at rest, with the
value that the weight starts with, and its last variable does not leak, so the sum of all variables,
each times its size 2**(k - 1), changes by what is learnt alone.

Bytes: 4 for each weight and each variable beyond the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Method, Setting, parts_of
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.recipe.method_options import ChainOptions
from metabit.trainer.recipe.registry import register


@register
class CoupledChain(Method):
    """Weights that are coupled to slower variables.

    Attributes:
        slower: by parameter name, the variables beyond the weight, shape (variables - 1, weight).
    """

    name = "chain"
    Options = ChainOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.slower = {
            name: torch.stack([weight.detach()] * (options.variables - 1))
            for name, weight in protected(model).items()
        }

    @property
    def can_repeat(self) -> bool:
        """Its steps are alike."""
        return True

    @torch.no_grad()
    def after_step(self, model: nn.Module) -> None:
        """Let all variables flow for one step, from the values that all of them have now."""
        for name, weight in protected(model).items():
            chain = [weight, *self.slower[name]]
            coupling = self.options.coupling
            # All flows come before any of the variables moves.
            flows = [coupling / 2**k * (u - v) for k, (u, v) in enumerate(pairwise(chain))]
            for k, flow in enumerate(flows):
                chain[k].sub_(flow, alpha=0.5**k)
                chain[k + 1].add_(flow, alpha=0.5 ** (k + 1))

    def state(self) -> dict[str, Tensor]:
        """The slower variables."""
        return {f"slower/{name}": tensor for name, tensor in self.slower.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the slower variables."""
        read = parts_of("slower", tensors)
        self.slower = {name: read[name] for name in self.slower}
