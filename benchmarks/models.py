"""Packed networks of any size, with random weights: what times are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from metabit.export.container import dumps
from metabit.export.spec import (
    ConvLayer,
    DenseLayer,
    InputSpec,
    Int8Array,
    Layer,
    Model,
    Norm,
    Threshold,
)
from metabit.export.window import Window

#: A 3x3 convolution of 115.6 M multiplications in each stage of ResNet-18: side and channels.
RESNET_18 = ((56, 64), (28, 128), (14, 256), (7, 512))


def dense(widths: Sequence[int], seed: int = 0) -> bytes:
    """n_inputs -> ... -> n_outputs, for inference only."""
    rng = np.random.default_rng(seed)
    sizes = list(pairwise(widths))
    layers = [
        _dense(f"fc{i + 1}", _signs(rng, n_out, n_in), last=i + 1 == len(sizes))
        for i, (n_in, n_out) in enumerate(sizes)
    ]
    return dumps(Model(InputSpec("uint8", (widths[0],), 1.0, 128), tuple(layers)))


def convolution(side: int, channels: int, seed: int = 0) -> bytes:
    """A map of bits, a 3x3 convolution of it (layer 1), and as little as possible after that."""
    rng = np.random.default_rng(seed)
    first = _conv("to bits", rng, (side, side, 1), 1, channels)
    subject = _conv("3x3", rng, (side, side, channels), 3, channels)
    small = _conv("away", rng, (side, side, channels), 1, 8, stride=max(1, side // 7))
    n_left = int(np.prod(small.out_shape))
    layers: tuple[Layer, ...] = (
        first, subject, small, _dense("out", _signs(rng, 2, n_left), last=True),
    )  # fmt: skip
    return dumps(Model(InputSpec("uint8", (side, side, 1), 1.0, 128), layers))


def _signs(rng: np.random.Generator, *shape: int) -> Int8Array:
    return (2 * rng.integers(0, 2, shape, dtype=np.int8) - 1).astype(np.int8)


def _no_thresholds(n_out: int) -> tuple[Threshold, ...]:
    """Sums are compared with zero: which bits come out does not change the time."""
    return (Threshold(np.zeros(n_out, dtype=np.int32), np.zeros(n_out, dtype=np.bool_)),)


def _dense(name: str, weights: Int8Array, last: bool) -> DenseLayer:
    n_out = len(weights)
    if not last:
        return DenseLayer(name, weights, _no_thresholds(n_out), ())
    zeros, ones = np.zeros(n_out, dtype=np.float32), np.ones(n_out, dtype=np.float32)
    return DenseLayer(name, weights, (), (Norm(zeros, ones, ones, zeros),))


def _conv(
    name: str, rng: np.random.Generator, shape: tuple[int, int, int], k: int, n_out: int,
    stride: int = 1,
) -> ConvLayer:  # fmt: skip
    window = Window(shape, k, stride)
    return ConvLayer(name, _signs(rng, n_out, window.n_in), _no_thresholds(n_out), (), window)
