"""Which classes compete for a sample: single, growing and multi-head outputs.

A network has one output per class of its stream from the start, so its size is known before
anything runs. Scenarios differ in which outputs compete for a sample, in the loss and when the
sample is classified:

    all    a single head: every class competes
    seen   a growing head: the classes of the tasks so far compete
    task   a multi-head: only the classes of the sample's own task compete, so the task must be told

Outputs that do not compete get no gradient. When new classes come, the rows of old classes, and
what a method remembers about them, stay where they are: nothing has to be enlarged. After a task
has ended, an optimizer with moments still moves the rows of its classes for a while;
`reset_optimizer` stops that.

Reference:
    van de Ven and Tolias 2019, "Three scenarios for continual learning".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from metabit.trainer.networks.recipe_shape import heads_of


class Outputs:
    """The competing classes of each task.

    Args:
        n_classes: number of outputs of the network.
        groups: the classes of each task, in the order in which tasks are learnt.
        kind: "all", "seen" or "task".
        device: where scores are compared, and every tensor that it returns is.

    Attributes:
        task: the task being learnt, from 0.

    Raises:
        InputError: a class that the network has no output for; with "task", one in two tasks with
            different classes, so that a label would not say whose it is.
    """

    def __init__(
        self,
        n_classes: int,
        groups: Sequence[Sequence[int]],
        kind: str = "all",
        device: torch.device | None = None,
    ) -> None:
        self.n_classes = n_classes
        self.kind = kind
        self.groups = [tuple(sorted(set(group))) for group in groups]
        self.device = device or torch.device("cpu")
        rivals = torch.zeros(n_classes, n_classes, dtype=torch.bool)
        for label, group in heads_of(n_classes, self.groups, kind).items():
            rivals[label, list(group)] = True
        self._rivals = rivals.to(self.device)
        self.start_task(0)

    def start_task(self, task: int) -> None:
        """Note that `task` is being learnt from now on."""
        self.task = task
        self._unseen = torch.ones(self.n_classes, dtype=torch.bool, device=self.device)
        self._unseen[self.columns(task)] = False

    def columns(self, task: int) -> Tensor:
        """The classes that compete for a sample of `task` in a test, int64, in rising order."""
        if self.kind == "all":
            return torch.arange(self.n_classes, device=self.device)
        groups = self.groups[task : task + 1]
        if self.kind == "seen":
            groups = self.groups[: max(task, self.task) + 1]
        return self._classes({label for group in groups for label in group})

    def _classes(self, labels: Iterable[int]) -> Tensor:
        return torch.tensor(sorted(labels), dtype=torch.int64, device=self.device)

    def old_groups(self) -> list[Tensor]:
        """The columns that competed in earlier tasks: one tensor per head."""
        if self.task == 0:
            return []
        if self.kind == "all":
            return [self.columns(0)]
        before = self.groups[: self.task]
        if self.kind == "seen":
            return [self._classes({label for group in before for label in group})]
        return [self._classes(group) for group in dict.fromkeys(before)]

    def competing(self, scores: Tensor, y: Tensor) -> Tensor:
        """`scores` with minus infinity in the columns that do not compete for the label.

        Args:
            scores: shape (n, n_classes).
            y: labels, int64, shape (n,).
        """
        if self.kind == "all":
            return scores
        if self.kind == "task":
            return scores.masked_fill(~self._rivals[y], -torch.inf)
        return scores.masked_fill(self._unseen, -torch.inf)

    def loss(self, scores: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """Cross-entropy of the labels among the classes that compete for them.

        Args:
            scores: shape (n, n_classes).
            y: labels, int64, shape (n,).
            reduction: "mean", "sum" or "none", as PyTorch has them.
        """
        return functional.cross_entropy(self.competing(scores, y), y, reduction=reduction)


def single_head(n_classes: int, n_tasks: int = 1) -> Outputs:
    """Outputs of which every class competes in every task."""
    return Outputs(n_classes, [range(n_classes)] * n_tasks)
