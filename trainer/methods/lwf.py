"""Learning without forgetting: the new network shall answer new samples as the old one does.

    penalty = strength * T^2 * mean over the batch of KL(softmax(old / T) || softmax(new / T))

The old network is a copy made at the last consolidation. No old sample is kept.

Paper: Li and Hoiem 2016, "Learning without forgetting"; T^2 and the divergence are from Hinton,
Vinyals and Dean 2015, "Distilling the knowledge in a neural network".

What differs: one head for all tasks, where the paper has one a task; the divergence in place of the
cross-entropy, whose gradients are the same. The old network answers in evaluation mode with the
bank that was active when it was copied; the new one's scores are those of the training pass.

Bytes: a copy of the network (in training it is 4 bytes a hidden weight and normalisation value; a
device would keep its bits), and the scores and samples of one batch. Works with every network.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.methods.base import Method, Setting, under
from metabit.trainer.methods.registry import register
from metabit.trainer.models import BinaryMLP
from metabit.trainer.recipe_method import ConsolidatingRecipe
from metabit.trainer.tables import require


@dataclass(frozen=True)
class LwfOptions(ConsolidatingRecipe):
    """[method] with name = "lwf".

    Attributes:
        strength: factor of the penalty; 0 is plain training.
        temperature: T; higher lets the small probabilities count more.
    """

    strength: float = 1.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.strength >= 0, "[method] strength", self.strength, "must be 0 or more")
        require(self.temperature > 0, "[method] temperature", self.temperature, "must be above 0")


@register
class Lwf(Method):
    """The old network as a teacher."""

    name = "lwf"
    Options = LwfOptions

    def __init__(self, options: Any, model: BinaryMLP, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.teacher = _frozen_copy(model)
        self.bank = -1  # of the teacher; -1 while there is none
        self._x: Tensor | None = None
        self._scores: Tensor | None = None
        model.register_forward_hook(self._note_scores)

    def _note_scores(self, model: nn.Module, _: Any, scores: Tensor) -> None:
        """A second training pass would count the batch twice in the running statistics."""
        if model.training:
            self._scores = scores

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the samples for the teacher."""
        self._x = x
        return x, y

    def penalty(self, model: BinaryMLP) -> Tensor | None:
        """How far the scores of this batch are from the teacher's."""
        if self.bank < 0 or self.options.strength == 0:
            return None
        if self._x is None or self._scores is None:
            raise RuntimeError("penalty() needs batch() and a training pass before it")
        t = self.options.temperature
        with torch.no_grad():
            old = functional.log_softmax(self.teacher(self.inputs(self._x)) / t, dim=1)
        new = functional.log_softmax(self._scores / t, dim=1)
        divergence = functional.kl_div(new, old, reduction="batchmean", log_target=True)
        penalty: Tensor = self.options.strength * t**2 * divergence
        return penalty

    def consolidate(self, model: BinaryMLP, x: Tensor, y: Tensor, task: int) -> None:
        """The network as it is now becomes the teacher."""
        self.teacher.load_state_dict(model.state_dict())
        self.bank = model.layers[0][1].active_bank
        self.teacher.use_bank(self.bank)

    def state(self) -> dict[str, Tensor]:
        """The teacher and its bank."""
        tensors = {f"teacher/{name}": tensor for name, tensor in self.teacher.state_dict().items()}
        return {**tensors, "teacher_bank/number": torch.tensor([self.bank])}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        self.teacher.load_state_dict(under(tensors, "teacher"))
        self.bank = int(tensors["teacher_bank/number"])
        if self.bank >= 0:
            self.teacher.use_bank(self.bank)

    def state_bytes(self) -> dict[str, int]:
        """The teacher, and what is noted of the latest batch."""
        noted = [tensor for tensor in (self._x, self._scores) if tensor is not None]
        return super().state_bytes() | {"batch": sum(tensor.nbytes for tensor in noted)}


def _frozen_copy(model: BinaryMLP) -> BinaryMLP:
    teacher = copy.deepcopy(model).eval()
    for parameter in teacher.parameters():
        parameter.requires_grad_(False)
    return teacher
