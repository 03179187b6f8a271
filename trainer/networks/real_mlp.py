"""A real-valued multilayer perceptron: the network of the papers, to compare binary networks with.

It can be trained and compared but not exported: a `.mbit` file holds a binary network.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.networks.dropout import dropout
from metabit.trainer.networks.mlp import flat_samples
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.sample_norm import normalization
from metabit.trainer.networks.shapes import RealMLPConfig


class RealMLP(Network):
    """Linear layers with biases and rectifiers between them.

    Weights start as PyTorch starts them: uniformly between -b and b, b = 1 / sqrt(inputs).

    Args:
        config: the shape.
        generator: random numbers for the start; None for PyTorch's global generator.

    Attributes:
        linears: the layers in order.
        norms: their normalisations, except for the last layer; empty if layers are not normalised.
        dropouts: what happens to the output of each hidden layer in training.
    """

    def __init__(self, config: RealMLPConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        widths = (config.n_inputs, *config.hidden, config.n_classes)
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        with torch.no_grad():
            for linear, n_in in zip(self.linears, widths, strict=False):
                for parameter in linear.parameters():
                    bound = 1 / math.sqrt(n_in)
                    parameter.uniform_(-bound, bound, generator=generator)
        n_normalized = config.hidden if config.normalized else ()
        self.norms = nn.ModuleList(
            normalization(config.normalization, n, config.n_banks) for n in n_normalized
        )
        self.dropouts = nn.ModuleList(dropout(config.dropout, generator) for _ in config.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores, shape (n, n_classes).

        Args:
            x: integers as float32, the zero point already subtracted, shape (n, n_inputs).
        """
        x = x * self.config.scale - self.config.shift
        *hidden, last = self.linears
        for number, linear in enumerate(hidden):
            x = linear(x)
            x = functional.relu(self.norms[number](x) if self.config.normalized else x)
            x = self.dropouts[number](x)
        scores: Tensor = last(x)
        return scores

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples of shape (n, *input_shape) with n_inputs values each as (n, n_inputs).

        Raises:
            InputError: wrong type or number of values.
        """
        return flat_samples(x, self.config.n_inputs)
