"""Normalisation, evaluated exactly, and folded with the sign into one integer threshold.

The float32 operations here are the specification that the trainer's evaluation mode, the NumPy
reference and the C core share: each is rounded on its own, in this order, and nothing is fused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metabit.errors import InputError
from metabit.export.spec import Float32Array, Int32Array, Int64Array, Norm, Threshold

INT32_MIN = -(2**31)


def square_root(x: Float32Array | np.float32) -> Float32Array:
    """The square root, float32, correctly rounded: NumPy's own is not, of float32 on 32-bit Arm."""
    root: Float32Array = np.sqrt(np.asarray(x, np.float64)).astype(np.float32)
    return root


def inverse_std(var: Float32Array, eps: float) -> Float32Array:
    """1 / sqrt(var + eps), float32, each operation correctly rounded."""
    result: Float32Array = np.float32(1) / square_root(var + np.float32(eps))
    return result


def normalise(acc: Int32Array, norm: Norm, eps: float) -> Float32Array:
    """((acc - mean) * inv_std) * gamma + beta.

    Args:
        acc: shape (..., n_out), integer sums, below 2**24 in size.
        norm: the bank to use.
        eps: added to the variance.

    Returns:
        shape (..., n_out), float32.
    """
    centred = acc.astype(np.float32) - norm.mean
    result: Float32Array = (centred * inverse_std(norm.var, eps)) * norm.gamma + norm.beta
    return result


def fold_threshold(norm: Norm, eps: float, acc_max: int) -> Threshold:
    """Find, per channel, the integer at which the normalised value changes its sign.

    The float expression itself is evaluated, every operation of which is monotone in the sum: the
    packed network then has the same bits, always.

    Args:
        norm: shape (n_out,) values.
        eps: added to the variance.
        acc_max: the largest sum that the layer can produce.

    Returns:
        see `find_thresholds`.

    Raises:
        InputError: NaN or infinity in the normalisation (E-NOT-FINITE).
    """
    for name in ("mean", "var", "gamma", "beta"):
        if not np.all(np.isfinite(getattr(norm, name))):
            raise InputError(
                f"normalisation {name} holds NaN or infinity: the training diverged; lower lr",
                code="E-NOT-FINITE",
            )
    return find_thresholds(
        lambda acc: normalise(acc.astype(np.int32), norm, eps) >= 0, norm.mean.size, acc_max
    )


def find_thresholds(
    is_set: Callable[[Int64Array], np.ndarray], n_out: int, acc_max: int
) -> Threshold:
    """The place in [-acc_max, acc_max] at which each channel's bit changes, by bisection.

    Args:
        is_set: sums, one per channel, to bits; both of shape (n_out,). It changes once at most.
        n_out: channels.
        acc_max: the largest sum.

    Returns:
        thresholds for bit = (acc >= value) != flip. A channel that never changes its sign gets
        the value -2**31.
    """
    # low and high keep different signs; where they do not, the channel is constant.
    low = np.full(n_out, -acc_max, dtype=np.int64)
    high = np.full(n_out, acc_max, dtype=np.int64)
    sign_low, sign_high = is_set(low), is_set(high)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        same_as_low = is_set(middle) == sign_low
        low = np.where(same_as_low, middle, low)
        high = np.where(same_as_low, high, middle)
    constant = sign_low == sign_high
    value = np.where(constant, INT32_MIN, high).astype(np.int32)
    flip = np.where(constant, ~sign_high, ~sign_high & sign_low)
    return Threshold(value=value, flip=flip.astype(np.bool_))


def apply_threshold(acc: Int32Array, threshold: Threshold) -> np.ndarray:
    """bit = (acc >= value) != flip, shape (..., n_out), bool."""
    bits: np.ndarray = (acc >= threshold.value) != threshold.flip
    return bits


def scores_from_logits(logits: Float32Array) -> Int32Array:
    """Map float32 logits to int32 so that the order of the integers is the order of the floats.

    A positive float's bits already sort as an integer; a negative one's are mirrored. -0 and +0
    get the same score, 0.
    """
    bits = np.ascontiguousarray(logits, dtype=np.float32).view(np.int32)
    mirrored = np.int32(INT32_MIN) - bits
    return np.where(bits < 0, mirrored, bits).astype(np.int32)


def logits_from_scores(scores: Int32Array) -> Float32Array:
    """The inverse of `scores_from_logits`."""
    mirrored = np.int32(INT32_MIN) - scores
    return np.where(scores < 0, mirrored, scores).astype(np.int32).view(np.float32)
