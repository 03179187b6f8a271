"""A network of given shape as float and as 8-bit integers: what other runtimes are given.

Random weights, rectified activations, one scale a tensor: the plain network that somebody would
quantize and deploy in place of the binary one. Times do not depend on the values, but these are
real: every tensor uses its range, and a test computes the outputs another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import ConvLayer, Model
from metabit.export.window import Window

INPUT_SCALE = 1.0 / 255.0


@dataclass(frozen=True)
class RivalShape:
    """A layer without its weights.

    Attributes:
        n_in, n_out: weights of a channel, and channels.
        window: of a convolution, None for a dense layer.
    """

    n_in: int
    n_out: int
    window: Window | None = None


@dataclass(frozen=True)
class Int8Layer:
    """A layer, real value = scale * integer.

    Attributes:
        shape: of the layer.
        weights: shape (n_out, n_in), int8, rows as in `export.spec`.
        bias: shape (n_out,), int32, in units of in_scale * weight_scale.
        in_scale, weight_scale, out_scale: scales; activations are integers from 0 to 255.
        last: nothing follows: the outputs are not rectified.
    """

    shape: RivalShape
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    in_scale: float
    weight_scale: float
    out_scale: float
    last: bool

    @property
    def float_weights(self) -> NDArray[np.float32]:
        """The weights as real values, shape (n_out, n_in)."""
        return self.weights.astype(np.float32) * np.float32(self.weight_scale)

    @property
    def float_bias(self) -> NDArray[np.float32]:
        """The bias as real values, shape (n_out,)."""
        return self.bias.astype(np.float32) * np.float32(self.in_scale * self.weight_scale)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one input: (n_in,), or rows, columns and channels."""
        return (self.shape.n_in,) if self.shape.window is None else self.shape.window.in_shape


def dense(widths: Sequence[int]) -> list[RivalShape]:
    """Dense layers from n_inputs, ..., n_outputs."""
    return [RivalShape(n_in, n_out) for n_in, n_out in pairwise(widths)]


def shapes_of(model: Model) -> list[RivalShape]:
    """The layers of a packed model."""
    return [
        RivalShape(layer.n_in, layer.n_out, layer.window if isinstance(layer, ConvLayer) else None)
        for layer in model.layers
    ]


def random_network(shapes: Sequence[RivalShape], seed: int = 0) -> list[Int8Layer]:
    """A network whose sums fit their range: two standard deviations of them."""
    rng = np.random.default_rng(seed)
    layers = []
    scale = INPUT_SCALE
    for index, shape in enumerate(shapes):
        # 7 bits: without VNNI, x86 adds two products of 8 bits in 16 bits and would saturate.
        weights = rng.integers(-63, 64, (shape.n_out, shape.n_in)).astype(np.int8)
        weight_scale = 1.0 / 64.0
        deviation = np.sqrt(shape.n_in / 3) * 255 * scale / np.sqrt(3)
        bias = rng.normal(0, deviation / 4, shape.n_out) / (scale * weight_scale)
        out_scale = float(2 * deviation / 255)
        layers.append(
            Int8Layer(
                shape, weights, np.rint(bias).astype(np.int32), scale, weight_scale, out_scale,
                last=index + 1 == len(shapes),
            )
        )  # fmt: skip
        scale = out_scale
    return layers
