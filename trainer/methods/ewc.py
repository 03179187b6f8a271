"""Elastic weight consolidation: a weight is as important as the loss is curved along it.

    importance of a task = F = mean over samples of (d log p(y | x) / d weight) ** 2

    separate tasks   penalty = strength * sum over tasks t of F_t * (weight - anchor_t) ** 2
    online           importance = decay * importance + F, anchor = the newest weights

Papers: Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks"; Schwarz et
al. 2018, "Progress and compress" (online). Which Fisher is meant: van de Ven 2025, "On the
computation of the Fisher information in continual learning".

What differs:
* Fisher is diagonal and empirical: the label is the true one, not drawn from the network. Its
  squares are taken sample by sample, exactly, over all samples given (see `per_sample`).
* The separate penalties are kept as one. A sum of parabolas is a parabola: its importance is the
  sum of theirs, its anchor their mean weighted by importance. Gradients are the same; the value
  differs by a constant, so that it is zero at the merged anchor.
* No factor 1/2.
* Classes that do not compete for a sample (see `outputs`) have no part in its p(y | x).
* In a binary network gradients go straight through the sign, and weights are hidden weights.

Bytes: importance and anchor, 8 a weight, however many tasks.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from metabit.trainer.methods.per_sample import Objective, mean_power, protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.recipe.method_options import EwcOptions
from metabit.trainer.recipe.registry import register


def fisher(model: nn.Module, inputs: Tensor, y: Tensor, log_loss: Objective) -> dict[str, Tensor]:
    """Diagonal of the empirical Fisher information, mean over samples, by parameter name.

    Args:
        model: the network; run in evaluation mode, and put back.
        inputs: what it sees, samples first.
        y: labels, int64, shape (n,).
        log_loss: from scores and labels to the sum of -log p over the samples.
    """
    return mean_power(model, inputs, y, log_loss, power=2)


@register
class Ewc(QuadraticMethod):
    """EWC with separate tasks, or online."""

    name = "ewc"
    Options = EwcOptions

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Add the Fisher information of these samples."""
        log_loss = partial(self.setting.outputs.loss, reduction="sum")
        new = fisher(model, self.inputs(x), y, log_loss)
        old = self.importance
        if self.options.online:
            self.remember(model, {k: self.options.decay * old[k] + new[k] for k in new})
            return
        weights = {name: p.detach() for name, p in protected(model).items()}
        anchor = {k: _mean(self.anchor[k], old[k], weights[k], new[k]) for k in new}
        self.remember(model, {k: old[k] + new[k] for k in new})
        self.anchor = anchor


def _mean(a: Tensor, weight_a: Tensor, b: Tensor, weight_b: Tensor) -> Tensor:
    """Mean of a and b by these weights; b where both weights are zero."""
    total = weight_a + weight_b
    share = torch.where(total > 0, weight_a / torch.where(total > 0, total, 1), 0)
    return b + share * (a - b)
