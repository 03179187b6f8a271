"""Shapes of networks, as frozen dataclasses that refuse what cannot be built.

Nothing here needs PyTorch, so a recipe whose network does not fit its samples is refused before
PyTorch is loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from metabit.errors import InputError, nearest
from metabit.trainer.recipe.network import NORMALIZATIONS

EXACT_LIMIT = 2**24
"""float32 can represent every integer below this."""

Padding = Literal["one", "zero", "valid"]
BINARY_PADDINGS = ("one", "valid")
REAL_PADDINGS = ("zero", "valid")

LARGEST_8_BIT = 255
"""Largest |x - zero_point| of 8-bit inputs."""

MapShape = tuple[int, int, int]
"""Channels, rows, columns."""


def network_error(message: str) -> InputError:
    """The error of a network that cannot be built."""
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
        normalization: "batch"; or "instance" or "sample", of each sample by itself.
        dropout: share of the values that a dense layer reads which are zero in training; samples
            are read whole.

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
    normalization: str = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.n_inputs < 1 or self.n_inputs * 255 >= EXACT_LIMIT:
            raise network_error(
                f"n_inputs = {self.n_inputs}: must be 1 to {(EXACT_LIMIT - 1) // 255}, "
                "so that sums of 8-bit inputs stay exact in float32"
            )
        for layer, width in enumerate(self.hidden, start=1):
            if not 1 <= width < EXACT_LIMIT:
                raise network_error(f"hidden layer {layer} has width {width}: must be 1 or more")
        if self.n_classes < 2:
            raise network_error(f"n_classes = {self.n_classes}: must be 2 or more")
        if self.n_banks < 1:
            raise network_error(f"n_banks = {self.n_banks}: must be 1 or more")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise network_error(f"eps = {self.eps}: must be above 0")
        if not 0 < self.momentum <= 1:
            raise network_error(f"momentum = {self.momentum}: must be above 0 and at most 1")
        if not (math.isfinite(self.init_width) and self.init_width > 0):
            raise network_error(f"init_width = {self.init_width}: must be above 0")
        if self.normalization not in NORMALIZATIONS:
            hint = nearest(self.normalization, NORMALIZATIONS)
            raise network_error(f'normalization "{self.normalization}": no such kind; {hint}')
        if not 0 <= self.dropout < 1:
            raise network_error(f"dropout = {self.dropout}: must be 0 or more, below 1")

    @property
    def widths(self) -> tuple[int, ...]:
        """Lengths of all vectors from the input to the scores."""
        return (self.n_inputs, *self.hidden, self.n_classes)


@dataclass(frozen=True)
class RealMLPConfig:
    """Shape of a real-valued multilayer perceptron.

    Attributes:
        n_inputs: values in an input vector.
        hidden: widths of the hidden layers.
        n_classes: number of outputs.
        n_banks: normalisation banks, one per task; a stream uses one.
        normalized: normalise before each rectifier; the scores are not normalised.
        scale: factor of the input integers, such as 1 / 255 for pixels.
        shift: is subtracted after the multiplication.
        normalization: "batch"; or "instance" or "sample", of each sample by itself.
        dropout: share of the values that a dense layer reads which are zero in training; samples
            are read whole.

    Raises:
        InputError: a width or a number of classes or banks is out of range.
    """

    n_inputs: int
    hidden: tuple[int, ...]
    n_classes: int
    n_banks: int = 1
    normalized: bool = False
    scale: float = 1.0
    shift: float = 0.0
    normalization: str = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        MLPConfig(  # the same limits
            self.n_inputs,
            self.hidden,
            self.n_classes,
            self.n_banks,
            normalization=self.normalization,
            dropout=self.dropout,
        )


@dataclass(frozen=True)
class ConvBlock:
    """Convolution, max-pooling, normalisation and sign.

    Attributes:
        n_channels: channels of the output.
        kernel_size, stride, padding: of the convolution; see `BinaryConv2d`.
        pool: side of the windows of max-pooling; 1 means no pooling.
    """

    n_channels: int
    kernel_size: int = 3
    stride: int = 1
    padding: Padding = "one"
    pool: int = 1


def map_shapes(
    input_shape: MapShape,
    blocks: tuple[ConvBlock, ...],
    max_input: int,
    paddings: tuple[str, ...],
) -> tuple[MapShape, ...]:
    """Channels, rows and columns of the input and of the output of each block.

    Args:
        input_shape: of a sample.
        blocks: the convolutions in order.
        max_input: largest |x| of a sample; after a block it is 1.
        paddings: what a block may have.

    Raises:
        InputError: there is no block, or a block does not fit; the message says which.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise network_error(
            f"input_shape = {input_shape}: must be channels, rows, columns, each 1 or more"
        )
    if not blocks:
        raise network_error("no blocks: give at least one, or use a multilayer perceptron")
    shapes = [input_shape]
    for number, block in enumerate(blocks, start=1):
        largest = max_input if number == 1 else 1
        shapes.append(_after(block, shapes[-1], number, largest, paddings))
    return tuple(shapes)


@dataclass(frozen=True)
class ConvNetConfig:
    """Shape of a binary convolutional network: blocks, then dense layers.

    Attributes:
        input_shape: channels, rows and columns of a sample.
        blocks: the convolutions in order, at least one.
        hidden: widths of the dense hidden layers; empty if scores follow the blocks directly.
        n_classes: number of outputs.
        n_banks: normalisation banks, one per task; a stream uses one.
        affine: whether normalisation learns a scale and an offset.
        eps, momentum: of the normalisation.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
        normalization: "batch"; or "instance" or "sample", of each sample by itself.
        dropout: share of the values that a dense layer reads which are zero in training; samples
            are read whole.

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
    normalization: str = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _ = self.dense  # computing it checks every block and the dense part

    @cached_property
    def map_shapes(self) -> tuple[MapShape, ...]:
        """Channels, rows and columns of the input and of the output of each block.

        Raises:
            InputError: a block that does not fit.
        """
        return map_shapes(self.input_shape, self.blocks, LARGEST_8_BIT, BINARY_PADDINGS)

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
            normalization=self.normalization,
            dropout=self.dropout,
        )


@dataclass(frozen=True)
class RealConvNetConfig:
    """Shape of a real-valued convolutional network: blocks, then dense layers.

    Attributes:
        input_shape: channels, rows and columns of a sample.
        blocks: the convolutions in order, at least one; each is followed by a rectifier.
        hidden: widths of the dense hidden layers; empty if scores follow the blocks directly.
        n_classes: number of outputs.
        n_banks: normalisation banks, one per task; a stream uses one.
        normalized: normalise before each rectifier; the scores are not normalised.
        scale: factor of the input integers, such as 1 / 255 for pixels.
        shift: is subtracted after the multiplication.
        normalization: "batch"; or "instance" or "sample", of each sample by itself.
        dropout: share of the values that a dense layer reads which are zero in training; samples
            are read whole.

    Raises:
        InputError: a value is out of range, or a map becomes too small; the message says where.
    """

    input_shape: MapShape
    blocks: tuple[ConvBlock, ...]
    hidden: tuple[int, ...]
    n_classes: int
    n_banks: int = 1
    normalized: bool = False
    scale: float = 1.0
    shift: float = 0.0
    normalization: str = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _ = self.dense  # computing it checks every block and the dense part

    @cached_property
    def map_shapes(self) -> tuple[MapShape, ...]:
        """Channels, rows and columns of the input and of the output of each block.

        Raises:
            InputError: a block that does not fit.
        """
        return map_shapes(self.input_shape, self.blocks, 1, REAL_PADDINGS)

    @cached_property
    def dense(self) -> RealMLPConfig:
        """Shape of the dense part, which reads the flattened maps of the last block."""
        return RealMLPConfig(
            math.prod(self.map_shapes[-1]),
            self.hidden,
            self.n_classes,
            self.n_banks,
            self.normalized,
            normalization=self.normalization,
            dropout=self.dropout,
        )


def largest_input(number: int) -> int:
    """Largest |x| that block `number` reads, counted from 1; after a sign it is 1."""
    return LARGEST_8_BIT if number == 1 else 1


def _after(
    block: ConvBlock, shape: MapShape, number: int, max_input: int, paddings: tuple[str, ...]
) -> MapShape:
    """Shape of the output of a block. Raises InputError where the block does not fit."""
    where = f"block {number}"
    kernel = (block.kernel_size, block.stride, block.padding)
    check_convolution(shape[0], block.n_channels, *kernel, max_input, where, paddings)
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


def check_convolution(
    n_in: int,
    n_out: int,
    kernel_size: int,
    stride: int,
    padding: str,
    max_input: int,
    where: str = "convolution",
    paddings: tuple[str, ...] = BINARY_PADDINGS,
) -> None:
    """Refuse a convolution that cannot be built; it has the arguments of `BinaryConv2d`.

    Raises:
        InputError: a value is out of range, or sums could reach 2**24; begins with `where`.
    """
    named = {"n_in": n_in, "n_out": n_out, "kernel_size": kernel_size, "stride": stride}
    for name, value in (named | {"max_input": max_input}).items():
        if value < 1:
            raise network_error(f"{where}, {name} = {value}: must be 1 or more")
    if padding not in paddings:
        hint = nearest(padding, paddings)
        raise network_error(f'{where}, padding "{padding}": no such padding; {hint}')
    largest = n_in * kernel_size**2 * max_input
    if largest >= EXACT_LIMIT:
        raise network_error(
            f"{where} of {n_in} channels with a {kernel_size} x {kernel_size} kernel: sums reach "
            f"{largest} and must stay below {EXACT_LIMIT} to be exact in float32; use fewer "
            "channels or a smaller kernel"
        )


def convolved_size(
    size: int, kernel_size: int, stride: int, padding: Padding, where: str = "convolution"
) -> int:
    """Side of a map of side `size` after a convolution.

    Raises:
        InputError: an unpadded map is smaller than the kernel; begins with `where`.
    """
    if padding != "valid":
        return (size - 1) // stride + 1
    if size < kernel_size:
        raise network_error(
            f"{where} with a {kernel_size} x {kernel_size} kernel on a map of side {size}: "
            'use padding "one" or a smaller kernel'
        )
    return (size - kernel_size) // stride + 1
