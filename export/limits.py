"""The limits of a network in a .mbit file, which its reader and its writer share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metabit.errors import InputError
from metabit.export.shapes import LayerShape, layers_problem, shape_of
from metabit.export.spec import MAX_BANKS, MAX_INPUTS, MAX_LAYERS, InputSpec, Model, Norm


def network_problem(
    spec: InputSpec, eps: float, n_banks: int, shapes: Sequence[LayerShape]
) -> str | None:
    """What breaks a limit of the format, or None."""
    low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
    if not 1 <= len(shapes) <= MAX_LAYERS:
        return f"{len(shapes)} layers; 1 to {MAX_LAYERS} are possible"
    if not 1 <= n_banks <= MAX_BANKS:
        return f"{n_banks} banks; 1 to {MAX_BANKS} are possible"
    if not low <= spec.zero_point <= high:
        return f"zero point {spec.zero_point} is outside {spec.dtype}"
    if not (_lies(spec.scale, 1e-30, 1e30) and _lies(eps, 1e-8, 1)):
        return "scale must lie in [1e-30, 1e30] and eps in [1e-8, 1]"
    if any(n < 1 for n in spec.shape) or not 1 <= spec.n_inputs <= MAX_INPUTS:
        return f"input shape {spec.shape}; 1 to {MAX_INPUTS} values are possible"
    window = shapes[0].window
    padded = window is not None and window.padding == "one" and window.kernel_size > 1
    if padded and spec.zero_point == high:
        return f"padding of zero point + 1, which {spec.dtype} does not have with {high}"
    return layers_problem(spec.shape, shapes)


def learn_problem(
    bits: int, step: float, rates: tuple[float, float, float], pairs: np.ndarray
) -> str | None:
    """What is wrong with the constants of the learning rule, or None.

    Args:
        bits: bits per hidden weight.
        step: step_levels.
        rates: norm_rate, error_rate, rms_rate.
        pairs: shape (n_layers, 2), m and w_max.
    """
    if bits not in (4, 8):
        return f"{bits}-bit hidden weights; 4 or 8 are possible"
    if not (math.isfinite(step) and 0 <= step <= 256):
        return f"step {step}; 0 to 256 levels are possible"
    if not all(_lies(rate, 1e-9, 0.999999) for rate in rates):
        return "rates must lie in [1e-9, 0.999999]"
    m_ok = np.isfinite(pairs).all() and (pairs[:, 0] >= 0).all() and (pairs[:, 0] <= 30).all()
    if not (m_ok and all(_lies(w_max, 1e-30, 1e30) for w_max in pairs[:, 1])):
        return "m must lie in [0, 30] and w_max in [1e-30, 1e30]"
    return None


def _lies(value: float, low: float, high: float) -> bool:
    """Whether a value lies in a range as the C core compares them: as float32, all three."""
    with np.errstate(over="ignore"):
        return bool(np.float32(low) <= np.float32(value) <= np.float32(high))


def norm_problem(norm: Norm) -> str | None:
    """What is out of the ranges that keep all arithmetic finite, or None."""
    limits = {
        "mean": (-(2.0**25), 2.0**25),
        "var": (0.0, 2.0**50),
        "gamma": (-(2.0**20), 2.0**20),
        "beta": (-(2.0**20), 2.0**20),
    }
    for name, (low, high) in limits.items():
        values = getattr(norm, name)
        if not np.all((values >= low) & (values <= high)):
            return f"normalisation {name} is not in [{low:g}, {high:g}]"
    return None


def check_limits(model: Model) -> None:
    """Raise InputError when a model cannot be written."""
    shapes = [shape_of(layer) for layer in model.layers]
    problem = network_problem(model.input, model.eps, model.n_banks, shapes)
    if not problem and any(len(la.thresholds) != model.n_banks for la in model.layers[:-1]):
        problem = "a hidden layer does not have one threshold set per bank"
    if not problem and model.learn is not None:
        learn = model.learn
        pairs = np.array([learn.m, learn.w_max], dtype=np.float64).T
        rates = (learn.norm_rate, learn.error_rate, learn.rms_rate)
        problem = learn_problem(learn.bits, learn.step_levels, rates, pairs)
        if not problem and any(len(layer.norms) != model.n_banks for layer in model.layers):
            problem = "a layer that learns does not have one normalisation per bank"
    problem = problem or next(
        (p for layer in model.layers for norm in layer.norms if (p := norm_problem(norm))), None
    )
    if problem:
        raise InputError(f"cannot pack this model: {problem}", code="E-LIMIT")
