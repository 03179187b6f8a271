"""The layers of a generator, whatever their widths: dense, or convolutions that grow an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class GeneratorLayer:
    """A layer, whose matrix has shape (units after it, units before it, *kernel).

    Attributes:
        kernel: height and width of the kernel; empty in a dense layer.
        stride: distance in the output between pixels that are neighbours in the input.
    """

    kernel: tuple[int, ...] = ()
    stride: int = 1

    @property
    def size(self) -> int:
        """Number of weights between two units."""
        return math.prod(self.kernel)

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Sums of shape (n, units after, ...) for `x` of shape (n, units before, ...)."""
        if not self.kernel:
            return functional.linear(x, weight)
        margin = (self.kernel[0] - self.stride) // 2 if self.stride > 1 else 0
        return functional.conv_transpose2d(
            x, weight.transpose(0, 1), stride=self.stride, padding=margin
        )


@dataclass(frozen=True)
class GeneratorPlan:
    """The layers that lead from code and noise to a sample.

    Attributes:
        layers: the hidden layers and the output layer.
        n_inputs: length of code and noise together.
        n_outputs: units of the output layer: values of a sample, or channels of an image.
        n_values: number of values in a sample.
    """

    layers: tuple[GeneratorLayer, ...]
    n_inputs: int
    n_outputs: int
    n_values: int

    def shapes(self, widths: Sequence[int]) -> list[tuple[int, ...]]:
        """Shapes of all matrices if the hidden layers have these widths."""
        ends = pairwise((self.n_inputs, *widths, self.n_outputs))
        pairs = zip(ends, self.layers, strict=True)
        return [(after, before, *layer.kernel) for (before, after), layer in pairs]

    def spread(self, x: Tensor) -> Tensor:
        """Code and noise, shape (n, n_inputs), in the shape that the first layer reads."""
        return x[:, :, None, None] if self.layers[0].kernel else x


def make_plan(kind: str, n_inputs: int, n_hidden: int, shape: Sequence[int]) -> GeneratorPlan:
    """The layers of a generator.

    Args:
        kind: "dense", or "conv" for images: the first layer makes a small image, and each further
            layer doubles its sides.
        n_inputs: length of code and noise together.
        n_hidden: number of hidden layers.
        shape: shape of a sample; for "conv" (height, width) or (channels, height, width), whose
            sides can be halved `n_hidden` times (see `DgmOptions.cannot_read`).
    """
    n_values = math.prod(shape)
    if kind == "dense":
        return GeneratorPlan((GeneratorLayer(),) * (n_hidden + 1), n_inputs, n_values, n_values)
    *channels, height, width = shape
    shrink = 2**n_hidden
    first = GeneratorLayer((height // shrink, width // shrink))
    return GeneratorPlan(
        (first, *[GeneratorLayer((4, 4), 2)] * n_hidden), n_inputs, math.prod(channels), n_values
    )
