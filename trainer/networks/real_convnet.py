"""Real-valued convolutional networks, which the papers use, to compare binary networks with.

They can be trained and compared but not exported: a `.mbit` file holds a binary network.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.networks.conv import Convolution, flatten_nhwc, max_pool
from metabit.trainer.networks.convnet import as_maps
from metabit.trainer.networks.dropout import dropout
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.sample_norm import normalization
from metabit.trainer.networks.shapes import Padding, RealConvNetConfig


class RealConv2d(Convolution):
    """Two-dimensional convolution with real-valued weights and biases.

    Both start as PyTorch starts them: uniformly in [-b, b], b = 1 / sqrt(inputs of an output).

    Args:
        n_in, n_out: channels of the input and of the output.
        kernel_size: side of the square kernel.
        stride: step of the kernel in both directions.
        padding: "zero" or "valid".
        generator: random numbers for the start; the global generator of PyTorch if None.

    Attributes:
        weight: (n_out, n_in, kernel_size, kernel_size).
        bias: (n_out,).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: int,
        stride: int = 1,
        padding: Padding = "zero",
        generator: torch.Generator | None = None,
    ) -> None:
        bound = 1 / math.sqrt(n_in * kernel_size**2)
        super().__init__(n_in, n_out, kernel_size, stride, padding, bound, generator)
        self.bias = nn.Parameter(torch.empty(n_out).uniform_(-bound, bound, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """Sums of shape (n, n_out, rows, columns) for `x` of shape (n, n_in, rows, columns)."""
        return functional.conv2d(self.padded(x), self.weight, self.bias, self.stride)


class RealConvNet(Network):
    """Blocks of convolution, max-pooling and rectifier, then a real-valued multilayer perceptron.

    Args:
        config: the shape.
        generator: random numbers for the start; None for PyTorch's global generator.

    Attributes:
        convs: the convolutions in order.
        norms: their normalisations; empty if layers are not normalised.
        dropout: what happens to the output of the last block in training.
        dense: the layers that follow, on maps flattened as row, column, channel.
    """

    evaluation_batch = 256

    def __init__(self, config: RealConvNetConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.convs = nn.ModuleList(
            RealConv2d(
                shape[0],
                block.n_channels,
                block.kernel_size,
                block.stride,
                block.padding,
                generator,
            )
            for block, shape in zip(config.blocks, config.map_shapes, strict=False)
        )
        normalized = config.blocks if config.normalized else ()
        self.norms = nn.ModuleList(
            normalization(config.normalization, block.n_channels, config.n_banks, maps=True)
            for block in normalized
        )
        self.dropout = dropout(config.dropout, generator)
        self.dense = RealMLP(config.dense, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores, shape (n, n_classes).

        Args:
            x: integers as float32, the zero point already subtracted, shape (n, *input_shape), or
                flat, in the same order.
        """
        scores: Tensor = self.dense(self.dropout(self.vectors(x)))
        return scores

    def vectors(self, x: Tensor) -> Tensor:
        """Output of the last block, never negative, shape (n, dense.config.n_inputs)."""
        x = self.scaled(x)
        for number, block in enumerate(self.config.blocks):
            x = self.rectified(number, max_pool(self.convs[number](x), block.pool))
        return flatten_nhwc(x)

    def scaled(self, x: Tensor) -> Tensor:
        """Samples as the first convolution reads them: maps of scaled values."""
        maps = x.reshape(len(x), *self.config.input_shape)
        scaled: Tensor = maps * self.config.scale - self.config.shift
        return scaled

    def rectified(self, number: int, sums: Tensor) -> Tensor:
        """Sums of a block, pooled or not, after its normalisation and its rectifier."""
        found: Tensor = self.norms[number](sums) if self.config.normalized else sums
        return functional.relu(found)

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples of shape (n, channels, rows, columns); of a single channel also without it.

        Raises:
            InputError: wrong type or shape.
        """
        return as_maps(x, self.config.input_shape)
