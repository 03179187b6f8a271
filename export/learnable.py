"""A network that only predicts, made ready to learn from where it is.

Its bits stay what they are. What learning needs is added: a hidden weight for every sign, all of
one size because nothing tells which of them matter, and a hidden normalisation that has the
statistics of samples and turns over exactly at the thresholds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.export.convolve import layer_sums
from metabit.export.fold import apply_threshold, fold_threshold, inverse_std
from metabit.export.golden import with_golden
from metabit.export.spec import (
    Float32Array,
    Int8Array,
    Int32Array,
    Layer,
    LearnState,
    Model,
    Norm,
    Threshold,
)
from metabit.export.untrained import HIDDEN_GAMMA, fitting_norm

#: Size of the hidden weights, as a share of the range. Of 0.04, 1/8, 1/4, 1/2 and 0.8 it is the
#: largest with which a network learnt five new digits about as fast as with the smallest.
HIDDEN_SHARE = 0.125
_LARGEST_BETA = 2.0**19  # half of what the format allows


def learnable(
    model: Model, samples: NDArray[Any], *, m: float = 2.0, bits: int = 8,
    share: float = HIDDEN_SHARE,
) -> Model:  # fmt: skip
    """The model with hidden weights and hidden normalisation.

    Args:
        model: one without them.
        samples: some inputs, shape (n, n_inputs), the input's dtype; no labels are needed.
        m: metaplasticity at the end of the range.
        bits: bits per hidden weight, 8 or 4.
        share: size of every hidden weight, as a share of the range: the larger, the more it takes
            to flip a weight.

    Returns:
        a model with the same bits. Scores are the same too, but for rounding where the output layer
        had no statistics of its own.

    Raises:
        InputError: fewer than two samples, the model can learn already, or a threshold lies too far
            from the samples for float32 (E-LEARNABLE).
    """
    if model.learn is not None:
        raise _refuse("it has hidden weights already")
    if len(samples) < 2:
        raise _refuse("two samples or more are needed for its normalisation")
    norms = [_norms_of_bank(model, samples, bank) for bank in range(model.n_banks)]
    layers = tuple(
        _with_norms(layer, tuple(bank[index] for bank in norms), model.eps, index == 0)
        for index, layer in enumerate(model.layers)
    )
    n_layers, level = len(layers), round(share * 2 ** (bits - 1))
    learn = LearnState(
        bits=bits,
        levels=tuple(_levels(layer.weights, level) for layer in layers),
        m=(float(np.float32(m)),) * n_layers,
        w_max=(1.0,) * n_layers,
        **{
            key: float(np.float32(getattr(LearnState, key)))
            for key in ("step_levels", "norm_rate", "error_rate", "rms_rate")
        },
    )
    made = replace(model, layers=layers, learn=learn)
    return made if model.golden is None else with_golden(made, model.golden.inputs)


def _levels(weights: Int8Array, level: int) -> Int8Array:
    """Hidden weights of one size: +level and, as far from zero, -level - 1."""
    return np.where(weights > 0, level, -level - 1).astype(np.int8)


def _norms_of_bank(model: Model, samples: NDArray[Any], bank: int) -> list[Norm]:
    """Normalisation of every layer, with the statistics of the samples."""
    x = samples.astype(np.int64) - model.input.zero_point
    norms = []
    for index, layer in enumerate(model.layers[:-1]):
        sums, threshold = layer_sums(layer, x), layer.thresholds[bank]
        largest = layer.n_in * (255 if index == 0 else 1)
        norms.append(_turning_at(threshold, sums.reshape(-1, layer.n_out), model.eps, largest))
        bits = apply_threshold(sums, threshold).reshape(len(x), -1)
        x = np.where(bits, 1, -1).astype(np.int64)
    output = model.layers[-1]
    sums = layer_sums(output, x).reshape(-1, output.n_out)
    return [*norms, _with_statistics(output.norms[bank], sums, model.eps)]


def _turning_at(threshold: Threshold, sums: Int32Array, eps: float, largest: int) -> Norm:
    """Normalisation whose sign changes at the thresholds, halfway between two sums.

    A channel that never changes has a scale of 0.
    """
    norm = fitting_norm(sums, HIDDEN_GAMMA)
    value = threshold.value.astype(np.float64)
    always, never = value <= -largest, value > largest
    distance = np.where(always | never, 0.0, value - 0.5 - norm.mean)
    least = (distance * HIDDEN_GAMMA / _LARGEST_BETA) ** 2
    var = np.maximum(norm.var, least).astype(np.float32)
    gamma = np.where(always | never, 0.0, np.where(threshold.flip, -HIDDEN_GAMMA, HIDDEN_GAMMA))
    beta = -distance * inverse_std(var, eps) * gamma
    beta = np.where(always | never, np.where(always != threshold.flip, 1.0, -1.0), beta)
    return Norm(norm.mean, var, gamma.astype(np.float32), beta.astype(np.float32))


def _with_statistics(norm: Norm, sums: Int32Array, eps: float) -> Norm:
    """The output's normalisation; where it is a plain scale and shift, with mean and variance."""
    if np.any(norm.mean != 0) or np.any(norm.var != 1):
        return norm
    fitted = fitting_norm(sums, 1.0)
    scale = inverse_std(norm.var, eps).astype(np.float64) * norm.gamma
    gamma = scale / inverse_std(fitted.var, eps)
    beta = norm.beta + fitted.mean.astype(np.float64) * scale
    return replace(fitted, gamma=_float32(gamma), beta=_float32(beta))


def _float32(values: NDArray[np.float64]) -> Float32Array:
    return values.astype(np.float32)


def _with_norms(layer: Layer, norms: tuple[Norm, ...], eps: float, is_first: bool) -> Layer:
    """The layer with its normalisation, which must give its thresholds back."""
    largest = layer.n_in * (255 if is_first else 1)
    folded = tuple(fold_threshold(norm, eps, largest) for norm in norms if layer.thresholds)
    for ours, theirs in zip(folded, layer.thresholds, strict=True):
        inside = (theirs.value > -largest) & (theirs.value <= largest)
        same = (ours.value == theirs.value) & (ours.flip == theirs.flip)
        if not np.all(same | ~inside):
            raise _refuse(f"a threshold of {layer.name} lies too far from its sums for float32")
    return replace(layer, norms=norms, thresholds=folded)


def _refuse(why: str) -> InputError:
    return InputError(f"the model cannot be made to learn: {why}", code="E-LEARNABLE")
