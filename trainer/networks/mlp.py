"""Binary multilayer perceptrons, described by a dataclass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.networks.layers import BinaryLinear, Normalization
from metabit.trainer.networks.network import BinaryNetwork
from metabit.trainer.networks.quantizers import sign_activation

EXACT_LIMIT = 2**24
"""float32 holds every integer below this."""


def _refuse(message: str) -> InputError:
    return InputError(f"network: {message}", code="E-NETWORK")


@dataclass(frozen=True)
class MLPConfig:
    """Shape of a binary multilayer perceptron.

    Attributes:
        n_inputs: values in an input vector.
        hidden: widths of the hidden layers; empty for a single binary layer.
        n_classes: number of outputs.
        n_banks: normalisation banks, one per task; a stream uses one.
        affine: whether normalisation learns a scale and an offset.
        eps, momentum: of the normalisation.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].

    Raises:
        InputError: a value is out of range; the message names it.
    """

    n_inputs: int
    hidden: tuple[int, ...]
    n_classes: int
    n_banks: int = 1
    affine: bool = True
    eps: float = 1e-5
    momentum: float = 0.1
    init_width: float = 0.1

    def __post_init__(self) -> None:
        if self.n_inputs < 1 or self.n_inputs * 255 >= EXACT_LIMIT:
            raise _refuse(
                f"n_inputs = {self.n_inputs}: must be 1 to {(EXACT_LIMIT - 1) // 255}, "
                "so that sums of 8-bit inputs stay exact in float32"
            )
        for layer, width in enumerate(self.hidden, start=1):
            if not 1 <= width < EXACT_LIMIT:
                raise _refuse(f"hidden layer {layer} has width {width}: must be 1 or more")
        if self.n_classes < 2:
            raise _refuse(f"n_classes = {self.n_classes}: must be 2 or more")
        if self.n_banks < 1:
            raise _refuse(f"n_banks = {self.n_banks}: must be 1 or more")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise _refuse(f"eps = {self.eps}: must be above 0")
        if not 0 < self.momentum <= 1:
            raise _refuse(f"momentum = {self.momentum}: must be above 0 and at most 1")
        if not (math.isfinite(self.init_width) and self.init_width > 0):
            raise _refuse(f"init_width = {self.init_width}: must be above 0")

    @property
    def widths(self) -> tuple[int, ...]:
        """Lengths of all vectors from the input to the scores."""
        return (self.n_inputs, *self.hidden, self.n_classes)


class BinaryMLP(BinaryNetwork):
    """Binary multilayer perceptron.

    Every layer is a binary linear layer followed by normalisation; a sign follows on all but the
    last, whose normalised sums are the class scores. The last layer is binary too.

    Args:
        config: the shape.
        generator: random numbers for the initial hidden weights; PyTorch's global ones if None.

    Attributes:
        linears, norms: the layers in order.
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
            Normalization(n_out, config.n_banks, config.affine, config.eps, config.momentum)
            for n_out in widths[1:]
        )

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
        for linear, norm in hidden:
            x = sign_activation(norm(linear(x)))
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
