"""ANPyC: weights that a task can do without are freed for later tasks, the others are protected.

It has two parts. Consolidation protects a weight by how much the network's certainty depends on it:

    entropy    = -sum over a batch of sum over classes of p log p
    g          = d entropy / d weight
    importance = mean over batches of max(0, g * weight + (g * weight) ** 2 / 2)

This is a second-order estimate of how much the entropy changes when the weight is removed, with the
squared gradient in place of the curvature. The penalty is the quadratic one. Labels are not used.
With `importance = "samples"`, which the paper does not have, it is

    importance = mean over samples of |d entropy of the sample / d weight| * size

in which gradients of opposite sign do not cancel. The size is |weight|, but for a pruned weight,
which is zero, the mean |weight| of the others in its layer: it stands for what a later task may
make of it, and so the pruned weights that earlier tasks are sensitive to move least.

Pruning frees weights. After the normal training of a task, for p = step, 2 step, ..., P percent of
each hidden layer: of the weights that were free before the task, those with the least importance
are pruned, as many as p percent of the layer, and the others are trained again. Weights that are
pruned at the end are free for the next task. Weights that an earlier task uses are never pruned. P
is multiplied by `prune_decay` from task to task, and the last task is not pruned. With pruning,
importances of tasks are added; without it, the largest counts.

Paper: Peng et al. 2021, "Overcoming long-term catastrophic forgetting through adversarial neural
pruning and synaptic consolidation" (arXiv 1912.09091).

What differs:
* P is a percentage of all weights of a layer, so P percent of the layer are free after the task.
* The output layer is protected like every layer, and never pruned. Where tasks have outputs of
  their own, they do not change the output layers of other tasks anyway.
* With `own_weights`, a task is tested with the weights that it was trained with: the weights that
  only later tasks use are set to zero. Without it, as in the released code, a weight that was free
  has no importance. Nothing protects it when a later task uses it, and it then disturbs every
  earlier task. The task of a sample must be known, as it must for outputs per task.
* With `neurons`, which the released code does not have, whole neurons are pruned by the sum of
  their importances, and what leads from a free neuron to a neuron or an output in use stays zero
  (see neuron_pruning.py). Importances of single weights then protect what is in use.
* A pruned weight is reset after each step, because the moments of an optimizer would move it even
  without a gradient.
* The importance of a weight does not make its steps smaller; the released code does not do that
  either.
* Biases are protected, and pruned only with their neuron.

Binary networks: a sign has no zero. The weight in the formula is the sign, because removing it
changes it from -1 or +1 to 0, and g is the gradient that passes the sign unchanged. A pruned weight
gets a random sign in every step, so that the others learn to do without it, whatever it becomes
later. Its hidden weight is next to zero, so the next task can flip it at once.

Bytes: importance and anchor, 8 per weight; with pruning 3 more per weight of a hidden layer, of
which a mask that follows from the rest is 1. Works with every network that `per_sample` supports;
`own_weights` and `neurons` need a real-valued network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.methods.base import Setting, evaluating, parts_of
from metabit.trainer.methods.neuron_pruning import (
    NEVER,
    first_tasks,
    neuron_importance,
    require_plain,
    zero_weights,
)
from metabit.trainer.methods.per_sample import mean_power, protected, weighted_layers
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.networks.conv import BinaryConv2d
from metabit.trainer.networks.layers import BinaryLinear
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.quantizers import sign
from metabit.trainer.recipe.method_options import AnpycOptions
from metabit.trainer.recipe.registry import register

BATCH = 100
"""Samples whose entropies are summed, as in the paper; the formula is not linear in it."""

PRUNED = 1e-6
"""Size of a pruned hidden weight of a binary network."""


def entropy_importance(model: nn.Module, inputs: Tensor, columns: Tensor) -> dict[str, Tensor]:
    """Estimated change of entropy when a weight is removed, mean over batches, never negative.

    Args:
        model: the network. It runs in evaluation mode, and gets back its mode afterwards.
        inputs: what the network reads, samples first.
        columns: the classes that compete, int64.

    Returns:
        by parameter name, in the parameter's shape.
    """
    weights = protected(model)
    binary = binary_weights(model)
    sizes = {name: sign(p.detach()) if name in binary else p for name, p in weights.items()}
    totals = {name: torch.zeros_like(p).detach() for name, p in weights.items()}
    batches = torch.split(inputs, BATCH)
    with evaluating(model):
        for batch in batches:
            log_p = functional.log_softmax(model(batch)[:, columns], dim=1)
            entropy = -(log_p.exp() * log_p).sum()
            gradients = torch.autograd.grad(entropy, list(weights.values()))
            for name, gradient in zip(weights, gradients, strict=True):
                first = gradient * sizes[name].detach()
                totals[name] += (first + first**2 / 2).clamp(min=0)
    return {name: total / len(batches) for name, total in totals.items()}


def sample_importance(
    model: nn.Module, inputs: Tensor, columns: Tensor, pruned: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Mean over samples of |gradient of the sample's entropy| times the weight's size.

    Args:
        model: the network. It runs in evaluation mode, and gets back its mode afterwards.
        inputs: what the network reads, samples first.
        columns: the classes that compete, int64.
        pruned: masks by parameter name; these weights have the mean size of the others.

    Returns:
        by parameter name, in the parameter's shape.
    """

    def entropy(scores: Tensor, _: Tensor) -> Tensor:
        log_p = functional.log_softmax(scores[:, columns], dim=1)
        return -(log_p.exp() * log_p).sum()

    none = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    found = mean_power(model, inputs, none, entropy, power=1)
    binary = binary_weights(model)
    for name, weight in protected(model).items():
        if name in binary:
            continue  # the size of a sign is 1, pruned or not
        size = weight.detach().abs()
        mask = pruned.get(name)
        if mask is not None and mask.any() and not mask.all():
            size[mask] = size[~mask].mean()
        found[name] *= size
    return found


def binary_weights(model: nn.Module) -> set[str]:
    """Names of the weights whose signs are used."""
    binary = (BinaryLinear, BinaryConv2d)
    layers = weighted_layers(model).items()
    return {f"{name}.weight" for name, layer in layers if isinstance(layer, binary)}


@register
class Anpyc(QuadraticMethod):
    """Entropy importance, and pruning in phases.

    Attributes:
        since: by name of each hidden layer's weight, the first task that uses it, the present task
            included, or NEVER; int16. One number per weight or, with `neurons`, per neuron.
        pruned: by parameter name, True for weights that are kept at zero for now.
        shares: share of the hidden weights, or neurons, that was free after each task.
    """

    name = "anpyc"
    Options = AnpycOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self._model = model
        self.since: dict[str, Tensor] = {}
        if options.neurons:
            require_plain(model)
        if options.prune:
            weights = protected(model)
            for name in [f"{name}.weight" for name in weighted_layers(model)][:-1]:
                like = weights[name].flatten(1)[:, 0] if options.neurons else weights[name]
                self.since[name] = torch.full_like(like, NEVER, dtype=torch.int16)
        self.pruned: dict[str, Tensor] = {}
        self._prunes = False  # whether any weight is pruned, known without a look at the masks
        self._is_real = not binary_weights(model)
        self.shares: list[float] = []
        self.generator = torch.Generator().manual_seed(setting.seed)

    @property
    def can_repeat(self) -> bool:
        """Steps are alike in a real-valued network; in a binary one they draw random signs."""
        return self._is_real

    @property
    def free(self) -> dict[str, Tensor]:
        """By name of each hidden layer's weight, True for weights or neurons without a task."""
        return {name: since == NEVER for name, since in self.since.items()}

    def phases(self, task: int) -> tuple[int, ...]:
        """Epochs of the training, and of each training after a step of pruning."""
        epochs = self.setting.epochs
        if task == self.setting.n_tasks - 1:
            return (epochs,)
        again = self.options.retrain_epochs or epochs
        return (epochs, *[again for _ in self.options.percents(task)])

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Before the first phase, return pruned weights to use; before the others, prune more."""
        if phase == 0:
            for since in self.since.values():
                since[since == NEVER] = task
        else:
            percent = self.options.percents(task)[phase - 1]
            importance = self._importance(model, x, self.setting.outputs.columns(task))
            for name, since in self.since.items():
                self._prune(importance, name, since, task, percent)
        self._find_pruned(model)
        self._reset_pruned(model)

    def _prune(
        self, importance: dict[str, Tensor], name: str, since: Tensor, task: int, percent: int
    ) -> None:
        """Set `since` to NEVER for a percentage of a layer: what the task can best do without."""
        if self.options.neurons:
            rank = neuron_importance(importance, name)
        else:
            rank = importance[name].clone()
        rank[since == NEVER] = -1.0  # pruned weights stay pruned
        rank[since < task] = torch.inf
        n_pruned = min(rank.numel() * percent // 100, int((since >= task).sum()))
        least = torch.argsort(rank.flatten(), stable=True)[:n_pruned]
        since[since == NEVER] = task
        since.view(-1)[least] = NEVER

    def _find_pruned(self, model: Network) -> None:
        """Set the masks of the weights that are kept at zero in the present phase."""
        self.pruned = self.free
        if self.options.neurons:
            outputs = first_tasks(self.setting.outputs, model.device)
            self.pruned = zero_weights(model, list(self.since.values()), outputs)
        self._prunes = any(bool(mask.any()) for mask in self.pruned.values())

    def _importance(self, model: Network, x: Tensor, columns: Tensor) -> dict[str, Tensor]:
        """Of every protected weight for these samples, by the formula that the recipe chooses."""
        if self.options.importance == "samples":
            return sample_importance(model, self.inputs(x), columns, self.pruned)
        return entropy_importance(model, self.inputs(x), columns)

    @torch.no_grad()
    def _reset_pruned(self, model: nn.Module) -> None:
        """Set pruned weights to zero, or in a binary network to a random sign."""
        weights, binary = protected(model), binary_weights(model)
        for name, mask in self.pruned.items():
            if name not in binary:
                weights[name].masked_fill_(mask, 0.0)
                continue
            drawn = torch.randint(2, (int(mask.sum()),), generator=self.generator)
            weights[name][mask] = PRUNED * (2.0 * drawn.to(mask.device) - 1)

    def gradients(self, model: nn.Module) -> None:
        """Add the pull of the penalty, and set the gradients of pruned weights to zero."""
        super().gradients(model)
        weights = protected(model)
        for name, mask in self.pruned.items():
            gradient = weights[name].grad
            if gradient is not None:
                gradient.masked_fill_(mask, 0.0)

    def after_step(self, model: nn.Module) -> None:
        """Reset pruned weights, which the optimizer may have moved."""
        if self._prunes:
            self._reset_pruned(model)

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """Protect what the task has used; pruned weights become free.

        A pruned weight has no importance, or with `importance = "samples"` its sensitivity.
        """
        columns = self.setting.outputs.columns(task)
        new = self._importance(model, x, columns)
        if self.options.importance == "batches":
            for name, mask in self.pruned.items():
                new[name][mask] = 0.0
        old = self.importance
        if self.options.prune:
            self.remember(model, {name: old[name] + new[name] for name in new})
            n_all = sum(since.numel() for since in self.since.values())
            n_free = sum(int(free.sum()) for free in self.free.values())
            self.shares.append(n_free / max(n_all, 1))
        else:
            self.remember(model, {name: torch.maximum(old[name], new[name]) for name in new})

    @contextlib.contextmanager
    def while_tested(self, model: Network, task: int) -> Iterator[None]:
        """With `own_weights`, a context in which weights that only later tasks use are zero."""
        if not self.options.own_weights or task >= self.setting.outputs.task:
            yield
            return
        weights = protected(model)
        kept = {name: weights[name].detach().clone() for name in self.since}
        with torch.no_grad():
            for name, since in self.since.items():
                weights[name][since > task] = 0.0
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in kept.items():
                    weights[name].copy_(weight)

    def extra_metrics(self) -> dict[str, float]:
        """Share of the hidden weights, or neurons, that was free after each task."""
        return {f"free_after_task_{n}": share for n, share in enumerate(self.shares, start=1)}

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor; with pruning also the first task of each weight or neuron."""
        if not self.options.prune:
            return super().state()
        return {
            **super().state(),
            **{f"since/{name}": since for name, since in self.since.items()},
            "counters/shares": torch.tensor(self.shares, dtype=torch.float64),
            "counters/generator": self.generator.get_state(),
        }

    def state_bytes(self) -> dict[str, int]:
        """Bytes that are kept, with the masks of pruned weights, which follow from `since`."""
        masks = sum(mask.nbytes for mask in self.pruned.values())
        return super().state_bytes() | ({"pruned": masks} if masks else {})

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        super().load_state(tensors)
        if self.options.prune:
            since = parts_of("since", tensors)
            self.since = {name: since[name] for name in self.since}
            self._find_pruned(self._model)
            self.shares = tensors["counters/shares"].tolist()
            self.generator.set_state(tensors["counters/generator"])
