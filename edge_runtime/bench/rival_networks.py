"""A network of given layer widths as float and as 8-bit integers: what other runtimes are given.

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

INPUT_SCALE = 1.0 / 255.0


@dataclass(frozen=True)
class Int8Dense:
    """A dense layer, real value = scale * integer.

    Attributes:
        weights: shape (n_out, n_in), int8.
        bias: shape (n_out,), int32, in units of in_scale * weight_scale.
        in_scale, weight_scale, out_scale: scales; activations are integers from 0 to 255.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    in_scale: float
    weight_scale: float
    out_scale: float

    @property
    def float_weights(self) -> NDArray[np.float32]:
        """The weights as real values, shape (n_out, n_in)."""
        return self.weights.astype(np.float32) * np.float32(self.weight_scale)

    @property
    def float_bias(self) -> NDArray[np.float32]:
        """The bias as real values, shape (n_out,)."""
        return self.bias.astype(np.float32) * np.float32(self.in_scale * self.weight_scale)


def random_network(widths: Sequence[int], seed: int = 0) -> list[Int8Dense]:
    """A network n_inputs -> ... -> n_outputs whose sums fit their range: two deviations of them."""
    rng = np.random.default_rng(seed)
    layers = []
    scale = INPUT_SCALE
    for n_in, n_out in pairwise(widths):
        # 7 bits: without VNNI, x86 adds two products of 8 bits in 16 bits and would saturate.
        weights = rng.integers(-63, 64, (n_out, n_in)).astype(np.int8)
        weight_scale = 1.0 / 64.0
        deviation = np.sqrt(n_in / 3) * 255 * scale / np.sqrt(3)
        out_scale = float(2 * deviation / 255)
        unit = scale * weight_scale
        bias = np.rint(rng.normal(0, deviation / 4, n_out) / unit).astype(np.int32)
        layers.append(Int8Dense(weights, bias, scale, weight_scale, out_scale))
        scale = out_scale
    return layers
