"""Binary multilayer perceptrons."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.networks.dropout import dropout
from metabit.trainer.networks.layers import BinaryLinear, Normalization
from metabit.trainer.networks.network import BinaryNetwork
from metabit.trainer.networks.quantizers import sign_activation
from metabit.trainer.networks.sample_norm import normalization
from metabit.trainer.networks.shapes import MLPConfig


class BinaryMLP(BinaryNetwork):
    """Binary multilayer perceptron.

    Every layer is a binary linear layer followed by normalisation; a sign follows on all but the
    last, whose normalised sums are the class scores. The last layer is binary too.

    Args:
        config: the shape.
        generator: random numbers for the initial hidden weights; None for PyTorch's global
            generator.

    Attributes:
        linears, norms: the layers in order.
        dropouts: what happens to the output of each hidden layer in training.
    """

    def __init__(self, config: MLPConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.linears = nn.ModuleList(
            BinaryLinear(n_in, n_out, config.init_width, generator)
            for n_in, n_out in pairwise(widths)
        )
        self.norms = nn.ModuleList(
            normalization(
                config.normalization,
                n_out,
                config.n_banks,
                config.affine,
                config.eps,
                config.momentum,
            )
            for n_out in widths[1:]
        )
        self.dropouts = nn.ModuleList(dropout(config.dropout, generator) for _ in config.hidden)

    @property
    def layers(self) -> list[tuple[BinaryLinear, Normalization]]:
        """Each binary linear layer with the normalisation that follows it, in order."""
        pairs = zip(self.linears, self.norms, strict=True)
        return [(cast(BinaryLinear, linear), cast(Normalization, norm)) for linear, norm in pairs]

    def forward(self, x: Tensor) -> Tensor:
        """Class scores, shape (n, n_classes).

        Args:
            x: integers as float32, the zero point already subtracted, shape (n, n_inputs).
        """
        *hidden, (last_linear, last_norm) = self.layers
        for (linear, norm), dropped in zip(hidden, self.dropouts, strict=True):
            x = dropped(sign_activation(norm(linear(x))))
        scores: Tensor = last_norm(last_linear(x))
        return scores

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples of shape (n, *input_shape) with n_inputs values each as (n, n_inputs).

        Raises:
            InputError: wrong type or number of values.
        """
        return flat_samples(x, self.config.n_inputs)


def flat_samples(x: NDArray[Any], n_inputs: int) -> NDArray[Any]:
    """Integer samples of any shape as (n, n_inputs).

    Raises:
        InputError: wrong type or number of values.
    """
    if x.dtype not in (np.uint8, np.int8):
        raise InputError(
            f"samples of type {x.dtype}: the network reads uint8 or int8", code="E-DTYPE"
        )
    n_values = math.prod(x.shape[1:])
    if x.ndim < 2 or n_values != n_inputs:
        raise InputError(
            f"samples of shape {x.shape}: need (n, ...), {n_inputs} values each", code="E-SHAPE"
        )
    return x.reshape(len(x), n_values)
