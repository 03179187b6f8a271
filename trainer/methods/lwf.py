"""Learning without forgetting: the new network shall classify new samples as the old one does.

    penalty = strength * sum over earlier tasks of
              T^2 * mean over the batch of KL(softmax(old / T) || softmax(new / T))

over the classes that competed in the earlier task. The old network is a copy, made at the last
consolidation. No old sample is kept.

Papers: Li and Hoiem 2016, "Learning without forgetting"; T^2 and the divergence are from Hinton,
Vinyals and Dean 2015, "Distilling the knowledge in a neural network"; the scale is from van de Ven
and Tolias 2019, "Three scenarios for continual learning".

What differs:
* With one head per task (outputs "task") every earlier head counts once, as in the paper. Where
  earlier tasks share their outputs, there is a single divergence, which is multiplied by the number
  of earlier tasks. So with N tasks so far the new task has a share of 1 / N in the objective, as in
  van de Ven and Tolias. The whole objective is N times larger than theirs, which makes no
  difference to Adam.
* The divergence replaces the cross-entropy, which has the same gradients. Only old classes are
  compared; the new classes of a growing head have no part in it.
* The old network runs in evaluation mode, with the bank that was active when it was copied. The
  scores of the new network are taken from its training pass.

It helps where new samples resemble old ones, as in split streams, so that the old outputs say
something about them. On permuted inputs the old outputs say nothing. On ten permuted MNIST tasks
the published accuracy is 72.6 percent, while plain training reaches 78.5.

Bytes: a copy of the network, and scores and samples of one batch. The copy has 4 bytes per hidden
weight and normalisation value in training; a device would keep its bits. Works with every network.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.methods.base import Method, Setting, parts_of
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe.method_options import LwfOptions
from metabit.trainer.recipe.registry import register


@register
class Lwf(Method):
    """The old network as a teacher."""

    name = "lwf"
    Options = LwfOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.teacher = _frozen_copy(model)
        self.bank = 0  # the teacher's normalisation bank
        self.n_learnt = 0  # consolidations so far; there is no teacher before the first
        self._x: Tensor | None = None
        self._scores: Tensor | None = None
        model.register_forward_hook(self._note_scores)

    def _note_scores(self, model: nn.Module, _: Any, scores: Tensor) -> None:
        """Keep the scores: a second pass would count the batch twice in the running statistics."""
        if model.training:
            self._scores = scores

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the samples, so that the teacher can classify them."""
        self._x = x
        return x, y

    def penalty(self, model: Network) -> Tensor | None:
        """How much the answers for this batch differ from the teacher's."""
        if self.n_learnt == 0 or self.options.strength == 0:
            return None
        if self._x is None or self._scores is None:
            raise RuntimeError("penalty() needs batch() and a training pass before it")
        with torch.no_grad():
            old = self.teacher(self.inputs(self._x))
        outputs = self.setting.outputs
        groups = outputs.old_groups() or [outputs.columns(outputs.task)]
        parts = [self._divergence(old[:, group], self._scores[:, group]) for group in groups]
        times = self.n_learnt / len(groups)  # each of the tasks that share outputs counts
        total: Tensor = self.options.strength * times * torch.stack(parts).sum()
        return total

    def _divergence(self, old: Tensor, new: Tensor) -> Tensor:
        """T^2 * KL between two sets of scores, (n, classes of an old task); mean over the batch."""
        t = self.options.temperature
        old, new = (functional.log_softmax(scores / t, dim=1) for scores in (old, new))
        divergence = functional.kl_div(new, old, reduction="batchmean", log_target=True)
        scaled: Tensor = t**2 * divergence
        return scaled

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """Make the present network the teacher."""
        self.teacher.load_state_dict(model.state_dict())
        self.n_learnt += 1
        self.bank = model.active_bank
        self.teacher.use_bank(self.bank)

    def state(self) -> dict[str, Tensor]:
        """The teacher, its bank, and the number of tasks that it has learnt."""
        tensors = {f"teacher/{name}": tensor for name, tensor in self.teacher.state_dict().items()}
        return {**tensors, "counters/teacher": torch.tensor([self.n_learnt, self.bank])}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self.teacher.load_state_dict(parts_of("teacher", tensors))
        self.n_learnt, self.bank = (int(value) for value in tensors["counters/teacher"])
        self.teacher.use_bank(self.bank)

    def state_bytes(self) -> dict[str, int]:
        """Bytes of the teacher, and of the samples and scores of the latest batch."""
        noted = [tensor for tensor in (self._x, self._scores) if tensor is not None]
        return super().state_bytes() | {"batch": sum(tensor.nbytes for tensor in noted)}


def _frozen_copy(model: Network) -> Network:
    teacher = copy.deepcopy(model).eval()
    for parameter in teacher.parameters():
        parameter.requires_grad_(False)
    return teacher
