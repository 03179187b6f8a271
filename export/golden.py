"""A packed model run the plain way, in NumPy: what golden scores are made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.export.convolve import layer_sums
from metabit.export.fold import apply_threshold, normalise, scores_from_logits
from metabit.export.spec import BoolArray, Golden, Int32Array, Model

#: Samples that travel in a file if nothing else is asked for.
GOLDEN_DEFAULT = 4


def run(
    model: Model, samples: NDArray[np.generic], bank: int = 0
) -> tuple[list[BoolArray], Int32Array]:
    """Bits of the hidden layers, and scores.

    Args:
        model: a packed model.
        samples: shape (n, n_inputs), the input's dtype.
        bank: normalisation bank.

    Returns:
        for each hidden layer a bool array of shape (n, values), and the scores, shape
        (n, n_outputs), int32; their order is the order of the logits.
    """
    x = samples.astype(np.int64) - model.input.zero_point
    hidden = []
    for layer in model.layers[:-1]:
        bits = apply_threshold(layer_sums(layer, x), layer.thresholds[bank])
        hidden.append(bits.reshape(len(x), layer.n_positions * layer.n_out))
        x = np.where(hidden[-1], 1, -1).astype(np.int64)
    output = model.layers[-1]
    sums = layer_sums(output, x)[:, 0]
    return hidden, scores_from_logits(normalise(sums, output.norms[bank], model.eps))


def model_scores(model: Model, samples: NDArray[np.generic], bank: int = 0) -> Int32Array:
    """Only the scores of `run`."""
    return run(model, samples, bank)[1]


def with_golden(model: Model, samples: NDArray[Any]) -> Model:
    """The model with these samples, shape (n, n_inputs), and their scores, to test itself with."""
    return replace(model, golden=Golden(samples, model_scores(model, samples)))


def with_random_golden(model: Model, n: int = GOLDEN_DEFAULT) -> Model:
    """The model with `n` random samples and their scores, where there are no real ones."""
    info = np.iinfo(model.input.dtype)
    samples = np.random.default_rng(0).integers(info.min, info.max + 1, (n, model.n_inputs))
    return with_golden(model, samples.astype(info.dtype))
