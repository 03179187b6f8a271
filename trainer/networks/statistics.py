"""Means and variances of normalisation, measured with the weights as they are.

While a network is trained, its running averages follow the batches of some ten steps, and in each
of them weights flip. Wherever many hidden weights are close to zero, as in wide networks and with
little metaplasticity, the averages belong to networks that are no longer there. So after the last
step of a task they are measured once more, on training samples of the task.

Reference:
    Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
    section 3.2, measures them anew after weights were averaged.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from metabit.trainer.networks.network import Network

AT_ONCE = 500
"""Samples that go through the network at the same time, about."""


@torch.no_grad()
def measure_statistics(model: Network, parts: Iterable[Tensor]) -> None:
    """Put the mean and variance of samples in place of the running averages of the active bank.

    Each layer sees what the layers below it make of the same samples. Frozen layers keep their
    averages, and normalisation of single samples has none.

    Args:
        model: the network in training mode; it is left so.
        parts: what it reads, float32, shape (n, n_inputs) each, about AT_ONCE samples in a part and
            at least two, in an order that does not go by class.
    """
    norms = [norm for norm in model.normalizations if norm.training]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    model.eval()  # no dropout
    for number, part in enumerate(parts):
        for norm in norms:
            norm.train()
            norm.momentum = 1 / (number + 1)  # a plain mean over the parts
        model(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train()
