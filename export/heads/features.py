"""What a head sees of samples, in NumPy: features of many samples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.export.convolve import layer_sums
from metabit.export.fold import apply_threshold, normalise
from metabit.export.head_spec import CountingHead, HeadSource
from metabit.export.spec import Float32Array, Int8Array, Int32Array, Model

FEATURE_UNIT = 16
"""Steps of a feature per deviation of what it is made of, or per unit of a logit."""
FOLD_LIMIT = FEATURE_UNIT
SIZE_LIMIT = 2 * FEATURE_UNIT

F = np.float32


def source_values(
    model: Model, source: HeadSource, layer: int, samples: NDArray[np.generic], bank: int = 0
) -> tuple[Float32Array, Float32Array]:
    """What features are made of, and the network's logits.

    Args:
        model: a packed model.
        source, layer: see `CountingHead`.
        samples: shape (n, n_inputs), the input's dtype.
        bank: normalisation bank.

    Returns:
        values, shape (n, n_source), and logits, shape (n, n_outputs), float32.
    """
    x: NDArray[np.int64] = samples.reshape(len(samples), -1).astype(np.int64)
    x = x - model.input.zero_point
    values: NDArray[np.integer] = x
    for index, hidden in enumerate(model.layers[:-1]):
        sums = layer_sums(hidden, x)
        bits = apply_threshold(sums, hidden.thresholds[bank])
        if index == layer and source == "sums":
            values = sums[:, 0]
        if index == layer and source == "ones":
            values = bits.reshape(len(x), hidden.n_positions, hidden.n_out).sum(axis=1)
        x = np.where(bits.reshape(len(x), -1), 1, -1).astype(np.int64)
    output = model.layers[-1]
    logits = normalise(layer_sums(output, x)[:, 0], output.norms[bank], model.eps)
    return values.astype(F), logits


def round_within(values: Float32Array, limit: int) -> Int32Array:
    """Rounded to integers, halves upward, between -limit and limit."""
    rounded: Int32Array = np.floor(np.clip(values, -limit, limit) + F(0.5)).astype(np.int32)
    return rounded


def features(head: CountingHead, values: Float32Array, logits: Float32Array) -> Int8Array:
    """Features of samples, shape (n, n_features), int8.

    Args:
        head: how features are made.
        values, logits: from `source_values`.
    """
    centred = (values - head.centre) * head.gain
    if head.folds:
        here = round_within(centred[:, : head.n_units], FOLD_LIMIT)
        other = round_within(centred[:, ::-1][:, : head.n_units], SIZE_LIMIT)
        units = here + (3 * np.abs(other) >> 2)
    else:
        units = round_within(centred[:, : head.n_units], 127)
    scores = round_within(logits[:, : head.n_scores] * F(FEATURE_UNIT), 127)
    return np.concatenate([units, scores], axis=1).astype(np.int8)
