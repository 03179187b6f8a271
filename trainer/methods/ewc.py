"""Elastic weight consolidation: the importance of a weight is the curvature of the loss along it.

    importance of a task = F = mean over samples of (d log p(y | x) / d weight) ** 2

    separate tasks   penalty = strength * sum over tasks t of F_t * (weight - anchor_t) ** 2
    online           importance = decay * importance + F, anchor = the newest weights

Papers: Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks"; Schwarz et
al. 2018, "Progress and compress" (online). The kinds of Fisher information in use: van de Ven 2025,
"On the computation of the Fisher information in continual learning".

What differs:
* F is diagonal and empirical: it uses the true label, not one drawn from the network. Gradients are
  squared sample by sample, exactly, over all samples given (see `per_sample`).
* The separate penalties are kept as one. A sum of parabolas is a parabola: its importance is the
  sum of the importances, and its anchor is the mean of the anchors, weighted by importance. The
  gradients are the same; the value differs by a constant, so that it is zero at the merged anchor.
* There is no factor 1/2.
* `shuffled = true` is a control: the same importances, given to random weights of their layer.
* Classes that do not compete for a sample (see `outputs`) have no part in its p(y | x).
* In a binary network weights are hidden weights, and gradients pass the sign unchanged.

Bytes: importance and anchor, 8 per weight, for any number of tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.per_sample import Objective, mean_power, protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.recipe.method_options import EwcOptions
from metabit.trainer.recipe.registry import register


def fisher(model: nn.Module, inputs: Tensor, y: Tensor, log_loss: Objective) -> dict[str, Tensor]:
    """Diagonal of the empirical Fisher information, mean over samples, by parameter name.

    Args:
        model: the network. It runs in evaluation mode, and gets back its mode afterwards.
        inputs: what the network reads, samples first.
        y: labels, int64, shape (n,).
        log_loss: function of scores and labels that gives the sum of -log p over the samples.
    """
    return mean_power(model, inputs, y, log_loss, power=2)


@register
class Ewc(QuadraticMethod):
    """EWC with separate tasks, or online."""

    name = "ewc"
    Options = EwcOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.generator = torch.Generator().manual_seed(setting.seed)

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Add the Fisher information of these samples."""
        log_loss = partial(self.setting.outputs.loss, reduction="sum")
        new = fisher(model, self.inputs(x), y, log_loss)
        if self.options.shuffled:
            new = {name: self._shuffled(importance) for name, importance in new.items()}
        old = self.importance
        if self.options.online:
            self.remember(model, {k: self.options.decay * old[k] + new[k] for k in new})
            return
        weights = {name: p.detach() for name, p in protected(model).items()}
        anchor = {k: _mean(self.anchor[k], old[k], weights[k], new[k]) for k in new}
        self.remember(model, {k: old[k] + new[k] for k in new})
        self.anchor = anchor

    def _shuffled(self, importance: Tensor) -> Tensor:
        """The same values at random places."""
        order = torch.randperm(importance.numel(), generator=self.generator)
        return importance.flatten()[order].view_as(importance)

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor; with `shuffled` the random generator too."""
        if not self.options.shuffled:
            return super().state()
        return super().state() | {"counters/generator": self.generator.get_state()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        super().load_state(tensors)
        if self.options.shuffled:
            self.generator.set_state(tensors["counters/generator"])


def _mean(a: Tensor, weight_a: Tensor, b: Tensor, weight_b: Tensor) -> Tensor:
    """Weighted mean of a and b; b where both weights are zero."""
    total = weight_a + weight_b
    share = torch.where(total > 0, weight_a / torch.where(total > 0, total, 1), 0)
    return b + share * (a - b)
