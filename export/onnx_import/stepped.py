"""Samples that a graph rounds to a few values before its first layer: a layer of their own.

It compares each value of a sample with the same few thresholds, as a convolution of side 1 with
weights of +1 does (see raw_input.py); the next layer repeats its weights for its bits.
"""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from metabit.export.onnx_import.activations import MOST_STEPS, Activations, in_steps
from metabit.export.onnx_import.chain import Chain, Float64Array
from metabit.export.onnx_import.linear import Linear
from metabit.export.onnx_import.samples import INTEGERS, Quantization, Seen
from metabit.export.onnx_import.steps import Step
from metabit.export.window import Window

NAME = "steps"
"""Of the layer."""
_MOST_SUM = 255


def stepped_input(
    input_type: int, chain: Chain, told: Quantization | None, shape: tuple[int, ...], step: Step
) -> tuple[Seen, tuple[int, ...], Linear, Activations] | None:
    """The layer in front.

    Args:
        input_type: ONNX's type of the input.
        chain: operations on it.
        told: how 8-bit samples stand for floats.
        shape: of what the first layer reads, without the batch.
        step: the first layer.

    Returns:
        what the layer sees, the shape of a sample, the layer and its bits; None where samples are
        not rounded to a few values in even steps, each in the same way, or where a convolution
        reads several channels, which one layer of +1 would add up.
    """
    is_float = input_type == TensorProto.FLOAT
    if not len(chain) or (is_float and told is None) or not (is_float or input_type in INTEGERS):
        return None
    sample = told if is_float and told is not None else Quantization(INTEGERS[input_type])
    info = np.iinfo(sample.dtype)
    sums = np.arange(info.min, info.max + 1, dtype=np.float64)[:, None] - sample.zero_point
    unit = sample.scale if is_float else 1.0
    values = chain.of(sums * unit)
    is_alike = np.array_equal(values, np.broadcast_to(values[:, :1], values.shape))
    if not is_alike or not 2 <= len(np.unique(values[:, 0])) <= MOST_STEPS + 1:
        return None
    if step.operator == "Conv":
        if len(shape) != 3 or shape[0] != 1:
            return None
        sides = shape[1], shape[2]
    else:
        sides = shape if len(shape) == 2 else (1, math.prod(shape))
    layer = Linear(
        NAME, np.ones((1, 1), dtype=np.int8), Window((*sides, 1), 1, padding="valid"), _MOST_SUM
    )
    lowest, highest = sums[0], sums[-1]

    def value_of(x: Float64Array) -> Float64Array:
        return chain.of(np.clip(x, lowest, highest)[:, None] * unit)[:, 0]

    bits = in_steps(value_of, 1, _MOST_SUM)
    return None if bits is None else (Seen(sample, unit, np.zeros(1)), sides, layer, bits)
