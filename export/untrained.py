"""A network that has seen nothing yet, packed and ready to learn everything on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.export.fold import fold_threshold, normalise
from metabit.export.spec import (
    EPS_DEFAULT,
    UNTRAINED,
    DenseLayer,
    Float32Array,
    InputSpec,
    LearnState,
    Model,
    Norm,
)

#: Hidden weights start uniformly within this share of the range, so that all are plastic.
START_SHARE = 0.04
#: Scale of hidden normalisation; the straight-through window |y| <= 1 is |normalised| <= 1 / 1.6.
#: Of 0.6, 1, 1.6, 2.5 and 4 it gave the best accuracy on a stream learnt at batch 1.
HIDDEN_GAMMA = 1.6
#: The output keeps its normalisation while a device learns, and learning lets the variance of its
#: sums grow by about this much.
OUTPUT_GROWTH = 9.0


def untrained(
    spec: InputSpec,
    widths: Sequence[int],
    samples: NDArray[np.generic],
    *,
    m: float = 3.0,
    bits: int = 8,
    n_banks: int = 1,
    seed: int = 0,
    step_levels: float = 0.1,
    norm_rate: float = 0.001,
    error_rate: float = 0.003,
    rms_rate: float = 0.01,
) -> Model:
    """A network of random weights whose normalisation fits the data.

    Args:
        spec: its input.
        widths: outputs of each layer; the last is the number of classes.
        samples: some inputs, shape (n, n_inputs), the input's dtype; their labels are not needed.
            The running mean and variance start from them.
        m: metaplasticity at the end of the range.
        bits: bits per hidden weight, 8 or 4.
        n_banks: normalisation banks, all alike.
        seed: of the random weights.
        step_levels, norm_rate, error_rate, rms_rate: see `LearnState`.

    Raises:
        InputError: fewer than two samples, or no widths.
    """
    if len(samples) < 2 or not widths:
        raise InputError(
            "an untrained network needs at least one layer, and two samples for its normalisation",
            code="E-UNTRAINED",
        )
    rng = np.random.default_rng(seed)
    half = 2 ** (bits - 1)
    start = max(1, round(START_SHARE * half))
    eps = float(np.float32(EPS_DEFAULT))
    levels = tuple(
        rng.integers(-start, start, (n_out, n_in)).astype(np.int8)
        for n_in, n_out in pairwise([spec.n_inputs, *widths])
    )
    layers = _fitting_layers(levels, samples.astype(np.int64) - spec.zero_point, eps, n_banks)
    learn = LearnState(
        bits=bits,
        levels=levels,
        m=(float(np.float32(m)),) * len(layers),
        w_max=(1.0,) * len(layers),
        step_levels=float(np.float32(step_levels)),
        norm_rate=float(np.float32(norm_rate)),
        error_rate=float(np.float32(error_rate)),
        rms_rate=float(np.float32(rms_rate)),
    )
    meta = {
        "method": UNTRAINED,
        "m": [m] * len(layers),
        "layer_names": [layer.name for layer in layers],
    }
    return Model(spec, layers, eps, learn, None, meta)


def _fitting_layers(
    levels: Sequence[NDArray[np.int8]], x: NDArray[np.int64], eps: float, n_banks: int
) -> tuple[DenseLayer, ...]:
    """Layers with the signs of these levels, each normalised by what comes to it of some samples.

    Args:
        levels: of each layer, shape (n_out, n_in).
        x: samples less the zero point, shape (n, n_inputs).
        eps: of all normalisation.
        n_banks: normalisation banks, all alike.
    """
    layers: list[DenseLayer] = []
    for index, of_layer in enumerate(levels):
        weights = np.where(of_layer >= 0, 1, -1).astype(np.int8)
        sums = (x @ weights.T.astype(np.int64)).astype(np.int32)
        hidden = index + 1 < len(levels)
        norm = fitting_norm(sums, HIDDEN_GAMMA if hidden else 1.0)
        if not hidden:
            norm = replace(norm, var=norm.var * np.float32(OUTPUT_GROWTH))
        acc_max = weights.shape[1] * (255 if index == 0 else 1)
        thresholds = (fold_threshold(norm, eps, acc_max),) * n_banks if hidden else ()
        layers.append(DenseLayer(f"fc{index + 1}", weights, thresholds, (norm,) * n_banks))
        x = np.where(normalise(sums, norm, eps) >= 0, 1, -1).astype(np.int64)
    return tuple(layers)


def fitting_norm(sums: NDArray[np.int32], gamma: float) -> Norm:
    """Normalisation with the mean and variance of these sums, shape (n, n_out)."""
    n_out = sums.shape[1]

    def column(value: float) -> Float32Array:
        return np.full(n_out, value, dtype=np.float32)

    mean = sums.mean(axis=0).astype(np.float32)
    var = np.maximum(sums.var(axis=0), 1.0).astype(np.float32)
    return Norm(mean, var, column(gamma), column(0.0))
