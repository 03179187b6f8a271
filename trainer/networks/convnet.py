"""Binary convolutional networks, described by dataclasses, and two of them by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.errors import InputError, nearest
from metabit.trainer.networks.conv import (
    LARGEST_8_BIT,
    BinaryConv2d,
    MapNormalization,
    Padding,
    check_convolution,
    convolved_size,
    flatten_nhwc,
    max_pool,
    network_error,
)
from metabit.trainer.networks.layers import BinaryLinear, Normalization
from metabit.trainer.networks.mlp import BinaryMLP, MLPConfig
from metabit.trainer.networks.network import BinaryNetwork
from metabit.trainer.networks.quantizers import sign_activation

MapShape = tuple[int, int, int]
"""Channels, rows, columns."""


@dataclass(frozen=True)
class ConvBlock:
    """Convolution, max-pooling, normalisation and sign.

    Attributes:
        n_channels: channels of the output.
        kernel_size, stride, padding: of the convolution; see `BinaryConv2d`.
        pool: side of the windows of max-pooling; 1 for none.
    """

    n_channels: int
    kernel_size: int = 3
    stride: int = 1
    padding: Padding = "one"
    pool: int = 1


@dataclass(frozen=True)
class ConvNetConfig:
    """Shape of a binary convolutional network: blocks, then dense layers.

    Attributes:
        input_shape: channels, rows and columns of a sample.
        blocks: the convolutions in order, at least one.
        hidden: widths of the dense hidden layers; empty for scores right behind the blocks.
        n_classes: number of outputs.
        n_banks: normalisation banks, one per task; a stream uses one.
        affine: whether normalisation learns a scale and an offset.
        eps, momentum: of the normalisation.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].

    Raises:
        InputError: a value is out of range, or a map becomes too small; the message says where.
    """

    input_shape: MapShape
    blocks: tuple[ConvBlock, ...]
    hidden: tuple[int, ...]
    n_classes: int
    n_banks: int = 1
    affine: bool = True
    eps: float = 1e-5
    momentum: float = 0.1
    init_width: float = 0.1

    def __post_init__(self) -> None:
        if len(self.input_shape) != 3 or min(self.input_shape) < 1:
            raise network_error(
                f"input_shape = {self.input_shape}: must be channels, rows, columns, each 1 or more"
            )
        if not self.blocks:
            raise network_error("no blocks: give at least one, or use a multilayer perceptron")
        _ = self.dense  # checks every block on the way, and the dense part

    @cached_property
    def map_shapes(self) -> tuple[MapShape, ...]:
        """Channels, rows and columns of the input and behind each block.

        Raises:
            InputError: a block that does not fit.
        """
        shapes = [self.input_shape]
        for number, block in enumerate(self.blocks, start=1):
            shapes.append(_behind(block, shapes[-1], number))
        return tuple(shapes)

    @cached_property
    def dense(self) -> MLPConfig:
        """Shape of the dense part, which reads the flattened maps of the last block."""
        n_channels, rows, columns = self.map_shapes[-1]
        return MLPConfig(
            n_inputs=n_channels * rows * columns,
            hidden=self.hidden,
            n_classes=self.n_classes,
            n_banks=self.n_banks,
            affine=self.affine,
            eps=self.eps,
            momentum=self.momentum,
            init_width=self.init_width,
        )


def _largest_input(number: int) -> int:
    """Largest |x| in front of block `number`, counted from 1; behind a sign it is 1."""
    return LARGEST_8_BIT if number == 1 else 1


def _behind(block: ConvBlock, shape: MapShape, number: int) -> MapShape:
    """Shape behind a block. Raises InputError where it does not fit."""
    where = f"block {number}"
    kernel = (block.kernel_size, block.stride, block.padding)
    check_convolution(shape[0], block.n_channels, *kernel, _largest_input(number), where)
    if block.pool < 1:
        raise network_error(f"{where}, pool = {block.pool}: must be 1 or more")
    sums = [convolved_size(side, *kernel, where) for side in shape[1:]]
    rows, columns = (side // block.pool for side in sums)
    if min(rows, columns) < 1:
        raise network_error(
            f"{where}: windows of {block.pool} x {block.pool} do not fit sums of "
            f"{sums[0]} x {sums[1]}: pool less"
        )
    return block.n_channels, rows, columns


class BinaryConvNet(BinaryNetwork):
    """Binary convolutional network: blocks on maps, then a binary multilayer perceptron.

    The maps are flattened as row, column, channel (see `flatten_nhwc`).

    Args:
        config: the shape.
        generator: random numbers for the initial hidden weights; PyTorch's global ones if None.

    Attributes:
        convs, norms: the convolutions and their normalisations in order.
        dense: the layers behind them.
    """

    # Unfolded patches of more samples would take gigabytes in a wide network.
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
                    _largest_input(number),
                    config.init_width,
                    generator,
                )
            )
            self.norms.append(
                MapNormalization(
                    block.n_channels, config.n_banks, config.affine, config.eps, config.momentum
                )
            )
        self.dense = BinaryMLP(config.dense, generator)

    @property
    def blocks(self) -> list[tuple[ConvBlock, BinaryConv2d, MapNormalization]]:
        """Each block with its convolution and normalisation, in order."""
        parts = zip(self.config.blocks, self.convs, self.norms, strict=True)
        return [
            (block, cast(BinaryConv2d, conv), cast(MapNormalization, norm))
            for block, conv, norm in parts
        ]

    @property
    def layers(self) -> list[tuple[BinaryConv2d | BinaryLinear, Normalization]]:
        """Each layer with binary weights and the normalisation that follows it, in order."""
        return [*((conv, norm) for _, conv, norm in self.blocks), *self.dense.layers]

    def vectors(self, x: Tensor) -> Tensor:
        """Activations behind the last block, -1 and +1, shape (n, dense.config.n_inputs)."""
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
        scores: Tensor = self.dense(self.vectors(x))
        return scores

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples of shape (n, channels, rows, columns); of a single channel also without it.

        Raises:
            InputError: wrong type or shape.
        """
        return as_maps(x, self.config.input_shape)


def as_maps(x: NDArray[Any], shape: MapShape) -> NDArray[Any]:
    """Integer samples as (n, *shape); single-channel ones may come without the channel axis.

    Nothing else is reshaped: a picture with its channels last has the right number of values too,
    and would be misread in silence.

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


CONFIGS: dict[str, ConvNetConfig] = {
    # 8 x 8 digits.
    "digits-small": ConvNetConfig(
        input_shape=(1, 8, 8),
        blocks=(ConvBlock(32), ConvBlock(64, pool=2)),
        hidden=(),
        n_classes=10,
    ),
    # 28 x 28 pictures of MNIST and Fashion-MNIST: 50,080 weights, 6.1 KiB packed.
    "fashion-small": ConvNetConfig(
        input_shape=(1, 28, 28),
        blocks=(ConvBlock(32, pool=2), ConvBlock(64, pool=2)),
        hidden=(),
        n_classes=10,
    ),
    # 32 x 32 colour pictures, the network of the CIFAR-10 stream of Laborieux et al. 2021.
    "cifar-vgg": ConvNetConfig(
        input_shape=(3, 32, 32),
        blocks=(
            ConvBlock(128),
            ConvBlock(128, pool=2),
            ConvBlock(256),
            ConvBlock(256, pool=2),
            ConvBlock(512),
            ConvBlock(512, padding="valid", pool=2),
        ),
        hidden=(2048, 2048),
        n_classes=10,
    ),
}
"""Networks by name; `dataclasses.replace` changes the number of classes, banks and so on."""


def named(name: str) -> ConvNetConfig:
    """The configuration of this name.

    Raises:
        InputError: no such name; the nearest is given.
    """
    if name not in CONFIGS:
        raise network_error(f'no convolutional network "{name}": {nearest(name, CONFIGS)}')
    return CONFIGS[name]
