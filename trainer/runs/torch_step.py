"""An ordinary training step in PyTorch, for comparison with the time of a step of the engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import to_input
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.optim import MetaplasticAdam, parameter_groups

ByteSamples = NDArray[np.uint8] | NDArray[np.int8]


def torch_step(
    widths: Sequence[int],
    samples: ByteSamples,
    labels: NDArray[np.int32],
    *,
    zero_point: int,
    m: float,
) -> Callable[[int], None]:
    """A function that learns n samples, one per step; each call continues where the last ended.

    A batch of one sample has no batch statistics, so normalisation uses its running values, which
    is slightly less work. PyTorch uses one thread, because more threads slow such a small step.

    Args:
        widths: n_inputs, ..., n_outputs of a binary multilayer perceptron.
        samples: shape (n, n_inputs).
        labels: shape (n,), in [0, n_outputs).
        zero_point: the input value that means zero.
        m: metaplasticity coefficient.
    """
    torch.set_num_threads(1)
    net = BinaryMLP(MLPConfig(widths[0], tuple(widths[1:-1]), widths[-1]))
    net.eval()
    optimizer = MetaplasticAdam(parameter_groups(net, m), lr=0.005)
    inputs = to_input(samples, zero_point)
    targets = torch.from_numpy(labels.astype(np.int64))

    order = itertools.cycle(range(len(inputs)))

    def learn(n: int) -> None:
        for k in itertools.islice(order, n):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(inputs[k : k + 1]), targets[k : k + 1])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return learn
