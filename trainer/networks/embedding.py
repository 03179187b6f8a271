"""Outputs that are a point in space: the class is the one whose point is nearest.

A network with such outputs is not asked for one of a fixed number of classes. Every class has a
point, which is known beforehand, and a new class needs no new output. The loss is zero once each
sample is nearer to the point of its class, by a margin, than to any other:

    loss = mean over samples of max(0, margin + |F(x) - p_y|^2 - |F(x) - p_c|^2)

p_y is the point of the right class, and p_c the nearest of the others.

Reference:
    Schroff, Kalenichenko and Philbin 2015, "FaceNet: a unified embedding for face recognition and
    clustering", for the triplet loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from metabit.trainer.networks.outputs import Outputs


class Embedding(Outputs):
    """A triplet loss in place of the cross-entropy; every output belongs to every class.

    Args:
        points: the point of each class, float32, shape (n_points, n_outputs).
        groups: the classes of each task, in the order in which tasks are learnt. While a task is
            learnt, samples are kept away from the points of its own classes alone: the others are
            not known yet, or not any more.
        margin: by how much nearer a sample is to be to its own point, in squared distance.
    """

    def __init__(
        self, points: Tensor, groups: Sequence[Sequence[int]], margin: float = 0.2
    ) -> None:
        super().__init__(
            points.shape[1], [range(points.shape[1])] * len(groups), device=points.device
        )
        self.points = points
        self.classes = [torch.tensor(sorted(group), device=points.device) for group in groups]
        self.margin = margin

    def loss(self, scores: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """The triplet loss with the nearest wrong point.

        Args:
            scores: what the network gives, shape (n, n_outputs).
            y: classes of the present task, int64, shape (n,).
            reduction: "mean", "sum" or "none".
        """
        known = self.classes[self.task]
        distances = self._distances(scores, known)
        own = known == y[:, None]
        right = distances.masked_fill(~own, 0.0).sum(1)
        wrong = distances.masked_fill(own, torch.inf).amin(1)
        losses = functional.relu(self.margin + right - wrong)
        if reduction == "none":
            return losses
        return losses.mean() if reduction == "mean" else losses.sum()

    def nearest(self, scores: Tensor, classes: Tensor) -> Tensor:
        """The class of the nearest point for each row of `scores`, among some classes."""
        return classes[self._distances(scores, classes).argmin(1)]

    def _distances(self, scores: Tensor, classes: Tensor) -> Tensor:
        """Squared distance of each row to the points of some classes, (n, n_classes)."""
        return ((scores[:, None] - self.points[classes]) ** 2).sum(2)
