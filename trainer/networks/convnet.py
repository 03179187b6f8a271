"""Binary convolutional networks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.networks.conv import BinaryConv2d, flatten_nhwc, max_pool
from metabit.trainer.networks.dropout import dropout
from metabit.trainer.networks.layers import BinaryLinear, Normalization
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import BinaryNetwork
from metabit.trainer.networks.quantizers import sign_activation
from metabit.trainer.networks.sample_norm import normalization
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MapShape, largest_input


class BinaryConvNet(BinaryNetwork):
    """Binary convolutional network: blocks on maps, then a binary multilayer perceptron.

    The maps are flattened as row, column, channel (see `flatten_nhwc`).

    Args:
        config: the shape.
        generator: random numbers for the initial hidden weights; None for PyTorch's global
            generator.

    Attributes:
        convs, norms: the convolutions and their normalisations in order.
        dropout: what happens to the output of the last block in training.
        dense: the layers that follow them.
    """

    # In a wide network the unfolded patches of more samples would need gigabytes.
    evaluation_batch = 64

    def __init__(self, config: ConvNetConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for number, block in enumerate(config.blocks, start=1):
            n_in = config.map_shapes[number - 1][0]
            self.convs.append(
                BinaryConv2d(
                    n_in,
                    block.n_channels,
                    block.kernel_size,
                    block.stride,
                    block.padding,
                    largest_input(number),
                    config.init_width,
                    generator,
                )
            )
            self.norms.append(
                normalization(
                    config.normalization,
                    block.n_channels,
                    config.n_banks,
                    config.affine,
                    config.eps,
                    config.momentum,
                    maps=True,
                )
            )
        self.dropout = dropout(config.dropout, generator)
        self.dense = BinaryMLP(config.dense, generator)

    @property
    def blocks(self) -> list[tuple[ConvBlock, BinaryConv2d, Normalization]]:
        """Each block with its convolution and normalisation, in order."""
        parts = zip(self.config.blocks, self.convs, self.norms, strict=True)
        return [
            (block, cast(BinaryConv2d, conv), cast(Normalization, norm))
            for block, conv, norm in parts
        ]

    @property
    def layers(self) -> list[tuple[BinaryConv2d | BinaryLinear, Normalization]]:
        """Each layer with binary weights and the normalisation that follows it, in order."""
        return [*((conv, norm) for _, conv, norm in self.blocks), *self.dense.layers]

    def vectors(self, x: Tensor) -> Tensor:
        """Output of the last block, -1 and +1, shape (n, dense.config.n_inputs)."""
        x = x.reshape(len(x), *self.config.input_shape)
        for block, conv, norm in self.blocks:
            x = sign_activation(norm(max_pool(conv(x), block.pool)))
        return flatten_nhwc(x)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores, shape (n, n_classes).

        Args:
            x: integers as float32, the zero point already subtracted, shape (n, *input_shape), or
                flat, in the same order.
        """
        scores: Tensor = self.dense(self.dropout(self.vectors(x)))
        return scores

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples of shape (n, channels, rows, columns); of a single channel also without it.

        Raises:
            InputError: wrong type or shape.
        """
        return as_maps(x, self.config.input_shape)


def as_maps(x: NDArray[Any], shape: MapShape) -> NDArray[Any]:
    """Integer samples as (n, *shape); samples of a single channel may lack the channel axis.

    Nothing else is reshaped. An image whose channels come last has the right number of values too,
    and would be misread without notice.

    Raises:
        InputError: wrong type or shape.
    """
    if x.dtype not in (np.uint8, np.int8):
        raise InputError(
            f"samples of type {x.dtype}: the network reads uint8 or int8", code="E-DTYPE"
        )
    if shape[0] == 1 and x.ndim == 3:
        x = x[:, np.newaxis]
    if x.ndim != 4 or x.shape[1:] != shape:
        raise InputError(
            f"samples of shape {x.shape}: need (n, {', '.join(map(str, shape))}), channels first",
            code="E-SHAPE",
        )
    return x
