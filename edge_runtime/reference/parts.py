"""What the NumPy runtime holds: a layer that learns, a forward pass, errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabit.export.spec import Float32Array, Int8Array, Int32Array, Int64Array


@dataclass
class LayerState:
    """What a learning layer changes: shapes (n_out, n_in) and (n_out,)."""

    levels: Int8Array
    mean: Float32Array
    var: Float32Array
    mean_error: Float32Array
    mean_product: Float32Array
    shrinking: Int64Array  # f_meta by size, in 1/65536
    growing: Int64Array  # probability of a move that lets a hidden weight grow, likewise
    rms: np.float32
    inv_std: Float32Array


@dataclass
class Pass:
    """One layer in one forward pass; a dense layer has one position."""

    x: Int64Array  # what it saw: x - zero_point, or +-1, flat
    sums: Int32Array  # (n_positions, n_out), pooled
    winners: Int64Array  # (n_positions, n_out) where in the window of pooling the sum was
    normalised: Float32Array  # (n_positions, n_out)
    y: Float32Array  # (n_positions, n_out)


@dataclass
class Errors:
    """Errors of one layer for one sample: d * unit."""

    d: Int32Array  # (n_positions, n_out)
    unit: np.float32  # a power of two, or 0 where all are 0


@dataclass
class Sent:
    """What one sample leaves for the moves of a step."""

    predicted: int
    passes: list[Pass]
    errors: dict[int, Errors]
