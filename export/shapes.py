"""Shapes from a sample to the scores: which layer fits after which, for readers and the writer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import (
    MAX_MAP,
    MAX_OUTPUTS,
    MAX_POOL,
    MAX_ROW,
    ConvLayer,
    DenseLayer,
    Int8Array,
    Layer,
    Norm,
    Threshold,
)
from metabit.export.window import Window

MAX_BYTE = 255
MAX_TAPS = 65_535
"""Kernel positions times channels: so many int16 errors reach one input, and fit 32 bits."""


@dataclass(frozen=True)
class LayerShape:
    """A layer without its weights.

    Attributes:
        n_out: channels.
        n_in: weights of a channel.
        window: where a convolution looks; None for a dense layer.
    """

    n_out: int
    n_in: int
    window: Window | None = None

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of what it hands on; only where `problem` finds none."""
        return (self.n_out,) if self.window is None else (*self.window.out_sides, self.n_out)

    def problem(self, before: tuple[int, ...]) -> str | None:
        """Why the layer does not fit after values of shape `before`, or None."""
        if not 1 <= self.n_out <= MAX_OUTPUTS:
            return f"{self.n_out} channels; 1 to {MAX_OUTPUTS} are possible"
        if self.window is not None:
            problem = _window_problem(self.window, before, self.n_out)
            if problem:
                return problem
        expected = math.prod(before) if self.window is None else self.window.n_in
        if self.n_in != expected or expected > MAX_ROW:
            return f"{self.n_in} weights per channel; it reads {expected}, at most {MAX_ROW}"
        return None


def shape_of(layer: Layer) -> LayerShape:
    """The shape of a layer."""
    window = layer.window if isinstance(layer, ConvLayer) else None
    return LayerShape(layer.n_out, layer.n_in, window)


def layer_of(
    shape: LayerShape,
    name: str,
    weights: Int8Array,
    thresholds: tuple[Threshold, ...],
    norms: tuple[Norm, ...],
) -> Layer:
    """The layer of a shape; the other arguments are as for `Layer`."""
    if shape.window is None:
        return DenseLayer(name, weights, thresholds, norms)
    return ConvLayer(name, weights, thresholds, norms, shape.window)


def maps_of(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Rows, columns and channels of values of this shape; None where they are no maps."""
    if len(shape) == 2:
        return (shape[0], shape[1], 1)
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def map_samples(x: NDArray[Any]) -> NDArray[Any]:
    """Samples as convolutions read them: pictures of shape (n, channels, rows, columns), as data
    sets have them, become (n, rows, columns, channels); maps of one channel may come without it.
    """
    return np.ascontiguousarray(np.moveaxis(x, 1, 3)) if x.ndim == 4 else x


def _window_problem(window: Window, before: tuple[int, ...], n_out: int) -> str | None:
    if window.in_shape != maps_of(before):
        return f"a convolution over maps of {window.in_shape} after values of {before}"
    for name, value, most in (
        ("kernel side", window.kernel_size, MAX_BYTE),
        ("stride", window.stride, MAX_BYTE),
        ("pool", window.pool, MAX_POOL),
    ):
        if not 1 <= value <= most:
            return f"{name} {value}; 1 to {most} is possible"
    if window.kernel_size**2 * n_out > MAX_TAPS:
        return f"{n_out} channels of a {window.kernel_size}^2 kernel; at most {MAX_TAPS} together"
    if min(window.sum_sides) < 1 or min(window.out_sides) < 1:
        return f"its kernel or its pooling does not fit maps of {window.in_shape}"
    if math.prod(window.sum_sides) * n_out > MAX_MAP:
        return f"{window.sum_sides} sums of {n_out} channels; at most {MAX_MAP} together"
    return None


def layers_problem(input_shape: tuple[int, ...], shapes: Sequence[LayerShape]) -> str | None:
    """The first layer that does not fit, in words, or None."""
    before = input_shape
    for index, shape in enumerate(shapes):
        problem = shape.problem(before)
        if problem:
            return f"layer {index}: {problem}"
        before = shape.out_shape
    return "the last layer is a convolution; end with a dense one" if len(before) > 1 else None


def default_names(shapes: Sequence[LayerShape]) -> list[str]:
    """conv1, conv2, ..., fc1, fc2, ..."""
    kinds = ["fc" if shape.window is None else "conv" for shape in shapes]
    return [f"{kind}{kinds[: i + 1].count(kind)}" for i, kind in enumerate(kinds)]
