"""ANPyC: weights that a task can do without are set free for later ones, the others are held.

Two opposed forces. Consolidation holds weights by how much the network's certainty hangs on them:

    entropy    = -sum over a batch of sum over classes of p log p
    g          = d entropy / d weight
    importance = mean over batches of max(0, g * weight + (g * weight) ** 2 / 2)

which is a second-order estimate of the change of entropy where the weight is taken out, with the
squared gradient for the curvature. The penalty is the quadratic one. No label is read.

Pruning goes against it. Behind the normal training of a task, for p = step, 2 step, ..., P percent
of each hidden layer, the p percent of least importance among its weights that were free before the
task are taken out and rest, while the others are trained again. What rests at the end is free for
the next task; weights that an earlier task has used are never taken out. P falls by `prune_decay`
from task to task, and the last task is not pruned. With pruning, importances of tasks add up;
without it the largest counts.

Paper: Peng et al. 2021, "Overcoming long-term catastrophic forgetting through adversarial neural
pruning and synaptic consolidation" (arXiv 1912.09091).

What differs:
* P percent is of all weights of a layer, so that P percent of it are free after the task.
* The head is held like every layer (it is never pruned). With outputs of their own, tasks do not
  pull at each other's heads anyway.
* With `own_weights`, what only later tasks use is taken out while an earlier task is asked for: a
  task sees the weights it was trained with. Without it, as in the released code, a weight that was
  free has no importance, so nothing holds it when a later task takes it up, and every earlier task
  hears it. The task of a sample must be known, as it is for an output of its own.
* A weight that rests is put back after each step, because moments of an optimizer would move it
  without a gradient.
* The step of a weight is not made smaller by its importance; the released code does not do it
  either.
* Biases are held, and never pruned.

Binary networks: a sign has no zero. The weight in the formula is the sign, as taking it out means
going from -1 or +1 to 0, and g is the gradient that goes straight through it. A weight that rests
has its sign drawn anew in every step: the others learn to do without it, whatever it becomes later.
Its hidden weight is next to zero, so the next task can flip it at once.

Bytes: importance and anchor, 8 a weight; with pruning 3 more in hidden layers. Works with every
network that `per_sample` knows; `own_weights` with real-valued ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.methods.base import Setting, evaluating, parts_of
from metabit.trainer.methods.per_sample import protected, weighted_layers
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.networks.conv import BinaryConv2d
from metabit.trainer.networks.layers import BinaryLinear
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.quantizers import sign
from metabit.trainer.recipe.method_options import AnpycOptions
from metabit.trainer.recipe.registry import register

BATCH = 100
"""Samples whose entropies are summed, as in the paper; the formula is not linear in it."""

RESTING = 1e-6
"""Size of a resting hidden weight of a binary network."""

NEVER = 2**15 - 1
"""The task since which a free weight is used."""


def entropy_importance(model: nn.Module, inputs: Tensor, columns: Tensor) -> dict[str, Tensor]:
    """Estimated change of entropy where a weight is taken out, mean over batches, never negative.

    Args:
        model: the network; run in evaluation mode, and put back.
        inputs: what it sees, samples first.
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


def binary_weights(model: nn.Module) -> set[str]:
    """Names of the weights that are used as signs."""
    binary = (BinaryLinear, BinaryConv2d)
    layers = weighted_layers(model).items()
    return {f"{name}.weight" for name, layer in layers if isinstance(layer, binary)}


@register
class Anpyc(QuadraticMethod):
    """Entropy importance, and pruning in phases.

    Attributes:
        since: by name of each hidden layer's weight, the task since which it is used, or NEVER.
        resting: the same, True for what is taken out in the task at hand.
        shares: share of all hidden weights that was free after each task.
    """

    name = "anpyc"
    Options = AnpycOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.since: dict[str, Tensor] = {}
        if options.prune:
            hidden = [f"{name}.weight" for name in weighted_layers(model)][:-1]
            weights = protected(model)
            never = torch.tensor(NEVER, dtype=torch.int16)
            self.since = {name: never.expand(weights[name].shape).clone() for name in hidden}
        self.resting = {name: since != since for name, since in self.since.items()}
        self.shares: list[float] = []
        self.generator = torch.Generator().manual_seed(setting.seed)

    @property
    def free(self) -> dict[str, Tensor]:
        """By name of each hidden layer's weight, True where no task has used it yet."""
        return {name: since == NEVER for name, since in self.since.items()}

    def phases(self, task: int) -> tuple[int, ...]:
        """Training, and a retraining behind each step of pruning; none in the last task."""
        epochs = self.setting.epochs
        if task == self.setting.n_tasks - 1:
            return (epochs,)
        again = self.options.retrain_epochs or epochs
        return (epochs, *[again for _ in self.options.percents(task)])

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Wake what rested in the task before, or let more of what is least important rest."""
        if phase == 0:
            self.resting = {name: torch.zeros_like(mask) for name, mask in self.resting.items()}
            return
        percent = self.options.percents(task)[phase - 1]
        columns = self.setting.outputs.columns(task)
        importance = entropy_importance(model, self.inputs(x), columns)
        for name, free in self.free.items():
            rank = importance[name].clone()
            rank[self.resting[name]] = -1.0  # what rests goes on to
            rank[~free] = torch.inf
            n_resting = min(rank.numel() * percent // 100, int(free.sum()))
            least = torch.argsort(rank.flatten(), stable=True)[:n_resting]
            self.resting[name] = torch.zeros_like(free)
            self.resting[name].view(-1)[least] = True
        self._rest(model)

    @torch.no_grad()
    def _rest(self, model: nn.Module) -> None:
        """Take out what rests: zero, or in a binary network a random sign."""
        weights, binary = protected(model), binary_weights(model)
        for name, mask in self.resting.items():
            if name not in binary:
                weights[name][mask] = 0.0
                continue
            drawn = torch.randint(2, (int(mask.sum()),), generator=self.generator)
            weights[name][mask] = RESTING * (2.0 * drawn - 1)

    def gradients(self, model: nn.Module) -> None:
        """Hide the gradients of what rests."""
        weights = protected(model)
        for name, mask in self.resting.items():
            gradient = weights[name].grad
            if gradient is not None:
                gradient[mask] = 0.0

    def after_step(self, model: nn.Module) -> None:
        """Put back what rests."""
        if any(bool(mask.any()) for mask in self.resting.values()):
            self._rest(model)

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Hold what the task has used; what rests is free, and stays unimportant."""
        columns = self.setting.outputs.columns(task)
        new = entropy_importance(model, self.inputs(x), columns)
        for name, mask in self.resting.items():
            new[name][mask] = 0.0
        old = self.importance
        if self.options.prune:
            self.remember(model, {name: old[name] + new[name] for name in new})
            for name, free in self.free.items():
                self.since[name][free & ~self.resting[name]] = task
            n_weights = sum(since.numel() for since in self.since.values())
            n_free = sum(int(free.sum()) for free in self.free.values())
            self.shares.append(n_free / max(n_weights, 1))
        else:
            self.remember(model, {name: torch.maximum(old[name], new[name]) for name in new})

    @contextlib.contextmanager
    def while_tested(self, model: Network, task: int) -> Iterator[None]:
        """With `own_weights`: without the weights that only later tasks use."""
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
        """Share of the hidden weights that was left free after each task."""
        return {f"free_after_task_{n}": share for n, share in enumerate(self.shares, start=1)}

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor; with pruning what is free and what rests too."""
        if not self.options.prune:
            return super().state()
        return {
            **super().state(),
            **{f"since/{name}": since for name, since in self.since.items()},
            **{f"resting/{name}": mask for name, mask in self.resting.items()},
            "counters/shares": torch.tensor(self.shares, dtype=torch.float64),
            "counters/generator": self.generator.get_state(),
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        super().load_state(tensors)
        if self.options.prune:
            since, resting = parts_of("since", tensors), parts_of("resting", tensors)
            self.since = {name: since[name] for name in self.since}
            self.resting = {name: resting[name] for name in self.resting}
            self.shares = tensors["counters/shares"].tolist()
            self.generator.set_state(tensors["counters/generator"])
