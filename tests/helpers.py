"""Random models and samples that tests of every part share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metabit.export.fold import fold_threshold, normalise, scores_from_logits
from metabit.export.spec import (
    DenseLayer,
    Golden,
    InputSpec,
    Int32Array,
    LearnState,
    Model,
    Norm,
)

Samples = NDArray[np.uint8] | NDArray[np.int8]


def random_samples(rng: np.random.Generator, spec: InputSpec, n: int) -> Samples:
    """n samples over the whole range of the dtype, with a third of exact zero points."""
    info = np.iinfo(spec.dtype)
    x = rng.integers(info.min, info.max + 1, size=(n, spec.n_inputs))
    x[rng.random(x.shape) < 0.33] = spec.zero_point
    return x.astype(np.int8) if spec.dtype == "int8" else x.astype(np.uint8)


def random_norm(rng: np.random.Generator, n_out: int, spread: float) -> Norm:
    """Means and variances that fit sums of size `spread`; scales of both signs and some zeros."""
    gamma = rng.normal(0, 1, n_out).astype(np.float32)
    gamma[rng.random(n_out) < 0.1] = 0
    return Norm(
        mean=rng.normal(0, spread / 2, n_out).astype(np.float32),
        var=(spread**2 * rng.uniform(0.2, 2, n_out)).astype(np.float32),
        gamma=gamma,
        beta=rng.normal(0, 0.3, n_out).astype(np.float32),
    )


def random_model(
    sizes: Sequence[int],
    *,
    seed: int = 0,
    dtype: str = "uint8",
    zero_point: int = 0,
    n_banks: int = 1,
    bits: int = 8,
    learnable: bool = True,
    golden: int = 3,
    m: float = 2.0,
    step_levels: float = 0.3,
) -> Model:
    """A random network of dense layers `sizes` = (n_inputs, ..., n_outputs)."""
    rng = np.random.default_rng(seed)
    assert dtype in ("uint8", "int8")
    spec = InputSpec("int8" if dtype == "int8" else "uint8", (sizes[0],), 1.0, zero_point)
    half = 2 ** (bits - 1)
    eps = float(np.float32(1e-5))
    levels, layers = [], []
    for index, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        hidden = rng.normal(0, half / 4, (n_out, n_in))
        levels.append(np.clip(np.floor(hidden), -half, half - 1).astype(np.int8))
        spread = np.sqrt(n_in) * (90.0 if index == 0 else 1.0)
        norms = tuple(random_norm(rng, n_out, float(spread)) for _ in range(n_banks))
        acc_max = n_in * (255 if index == 0 else 1)
        hidden_layer = index + 2 < len(sizes)
        layers.append(
            DenseLayer(
                name=f"fc{index + 1}",
                weights=np.where(levels[-1] >= 0, 1, -1).astype(np.int8),
                thresholds=tuple(fold_threshold(n, eps, acc_max) for n in norms)
                if hidden_layer
                else (),
                norms=norms if learnable or not hidden_layer else (),
            )
        )
    n_layers = len(layers)
    learn = LearnState(
        bits=bits,
        levels=tuple(levels),
        m=(float(np.float32(m)),) * n_layers,
        w_max=(1.0,) * n_layers,
        step_levels=float(np.float32(step_levels)),
        norm_rate=float(np.float32(0.01)),
        error_rate=float(np.float32(0.02)),
        rms_rate=float(np.float32(0.05)),
    )
    model = Model(spec, tuple(layers), eps, learn if learnable else None, None, {"name": "random"})
    x = random_samples(rng, spec, golden)
    return Model(
        spec, model.layers, eps, model.learn, Golden(x, plain_scores(model, x)), model.meta
    )


def plain_scores(model: Model, x: Samples, bank: int = 0) -> Int32Array:
    """Scores computed from the float normalisation alone, without any threshold or packing."""
    values = x.astype(np.int64) - model.input.zero_point
    for index, layer in enumerate(model.layers):
        sums = (values @ layer.weights.T.astype(np.int64)).astype(np.int32)
        if not layer.norms:  # exported without hidden normalisation
            threshold = layer.thresholds[bank]
            values = np.where((sums >= threshold.value) != threshold.flip, 1, -1)
            continue
        y = normalise(sums, layer.norms[bank], model.eps)
        if index + 1 == len(model.layers):
            return scores_from_logits(y)
        values = np.where(y >= 0, 1, -1).astype(np.int64)
    raise AssertionError("a model has an output layer")
