"""Trains a binary network on arrays: no recipe, no run folder, one task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metabit.trainer.devices import one_thread_without_denormals
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.metaplastic import Metaplastic
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.outputs import single_head
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.recipe.method_options import MetaplasticOptions

SLOWEST = 0.001
"""Learning rate of the last step, as a share of the first."""


@dataclass(frozen=True)
class Course:
    """How a network is trained.

    Attributes:
        hidden: widths of the hidden layers.
        epochs: passes over the samples.
        batch: samples per step.
        lr: learning rate of the first step; it falls along half a cosine.
        m: metaplasticity coefficient.
        seed: of the initial weights and of the order of samples.
    """

    hidden: tuple[int, ...]
    epochs: int
    batch: int
    lr: float
    m: float
    seed: int


def train_arrays(
    x: NDArray[Any], y: NDArray[np.integer], n_classes: int, zero_point: int, course: Course
) -> BinaryMLP:
    """A binary network that has learnt these samples.

    Args:
        x: two samples or more, shape (n, n_inputs), uint8 or int8.
        y: their labels, shape (n,), in [0, n_classes).
        n_classes: outputs of the network.
        zero_point: the stored integer that stands for zero.
        course: how to train.

    Raises:
        InputError: the network or the course is out of range.
        Diverged: a loss is not finite; a smaller `lr` helps.
    """
    with one_thread_without_denormals():
        generator = torch.Generator().manual_seed(course.seed)
        net = BinaryMLP(MLPConfig(x.shape[1], course.hidden, n_classes), generator)
        setting = Setting(
            zero_point=zero_point, dtype=str(x.dtype), input_shape=x.shape[1:],
            outputs=single_head(n_classes),
        )  # fmt: skip
        method = Metaplastic(MetaplasticOptions(lr=course.lr, m=course.m), net, setting)
        optimizer = method.optimizer(net)
        samples, labels = torch.tensor(x), torch.tensor(y, dtype=torch.int64)
        # Whole batches of nearly one size: a batch of one sample has no variance.
        n_batches = max(1, len(labels) // course.batch)
        n_steps, step = course.epochs * n_batches, 0
        net.train()
        for _ in range(course.epochs):
            order = torch.randperm(len(labels), generator=generator)
            for chosen in order.tensor_split(n_batches):
                share = 0.5 * (1 + math.cos(math.pi * step / n_steps))
                for group in optimizer.param_groups:
                    group["lr"] = course.lr * max(share, SLOWEST)
                method.step(net, optimizer, samples[chosen], labels[chosen])
                step += 1
        net.eval()
    return net
