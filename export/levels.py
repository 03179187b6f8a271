"""Hidden weights to b-bit levels and back.

A level q in [-2**(b-1), 2**(b-1) - 1] stands for the hidden weight (q + 1/2) / 2**(b-1) * w_max:
the levels lie symmetrically around zero and the two's complement sign bit is the binary weight. A
4-bit level is the 8-bit level shifted right by four.
"""

from __future__ import annotations

import numpy as np

from metabit.errors import InputError
from metabit.export.spec import Float32Array, Int8Array

#: m * |hidden| at the end of the range. f_meta(3) = 0.0099: beyond it a weight hardly moves.
DEPTH_DEFAULT = 3.0


def saturation(hidden: Float32Array, m: float, depth: float = DEPTH_DEFAULT) -> float:
    """The hidden weight at which the range ends.

    With metaplasticity it is the point where f_meta has become negligible, m * w_max = depth.
    Without it the range covers the weights that are there.

    Args:
        hidden: hidden weights of one layer, any shape.
        m: the trainer's metaplasticity coefficient of that layer, >= 0.
        depth: m * w_max.
    """
    if m > 0:
        return depth / m
    return max(float(np.abs(hidden).max()), 1e-6)


def quantize_hidden(hidden: Float32Array, w_max: float, bits: int) -> Int8Array:
    """The nearest level of each hidden weight, saturating; the sign is kept exactly, sign(0) = +1.

    Args:
        hidden: shape (n_out, n_in), float32, finite.
        w_max: hidden weight at the end of the range, > 0.
        bits: 8 or 4.

    Returns:
        shape (n_out, n_in), int8.

    Raises:
        InputError: other bits (E-BITS), NaN or infinity (E-NOT-FINITE).
    """
    if bits not in (4, 8):
        raise InputError(f"{bits}-bit hidden weights: choose 8 or 4 bits", code="E-BITS")
    if not np.all(np.isfinite(hidden)):
        raise InputError(
            "hidden weights hold NaN or infinity: the training diverged; lower lr",
            code="E-NOT-FINITE",
        )
    half = 2 ** (bits - 1)
    level = np.floor(hidden.astype(np.float64) / w_max * half)
    level = np.where(hidden >= 0, np.maximum(level, 0), np.minimum(level, -1))
    clipped: Int8Array = np.clip(level, -half, half - 1).astype(np.int8)
    return clipped


def dequantize_hidden(levels: Int8Array, w_max: float, bits: int) -> Float32Array:
    """The hidden weight that each level stands for, shape of `levels`, float32."""
    half = 2 ** (bits - 1)
    hidden: Float32Array = ((levels.astype(np.float32) + 0.5) / half * w_max).astype(np.float32)
    return hidden


def convert_levels(levels: Int8Array, from_bits: int, to_bits: int) -> Int8Array:
    """Levels of another width: 8 to 4 drops the low half, 4 to 8 lands in mid-step."""
    if from_bits == to_bits:
        return levels
    if (from_bits, to_bits) == (8, 4):
        return levels >> 4
    return ((levels.astype(np.int16) << 4) | 8).astype(np.int8)
