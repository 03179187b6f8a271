"""What follows the sums of the last layer, as the normalisation of a packed model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabit.export.fold import inverse_std
from metabit.export.onnx_import.chain import ByChannel, Float64Array
from metabit.export.onnx_import.errors import refuse
from metabit.export.onnx_import.linear import Linear
from metabit.export.spec import Float32Array, Norm

#: 1 / sqrt(1 + EPS_ONE) is 1 in float32.
EPS_ONE = 2.0**-26
_LARGEST = 2.0**40
#: Sub mean, Mul inv_std, Mul gamma, Add beta: as metabit writes it.
OURS = ["Sub", "Mul", "Mul", "Add"]


@dataclass(frozen=True)
class OutputLayer:
    """Normalisation of the scores.

    Attributes:
        norm: of the output layer.
        eps: added to its variance.
        note: how exact the scores are.
    """

    norm: Norm
    eps: float
    note: str


def output_of(layer: Linear, by_channel: ByChannel, eps: float | None, where: str) -> OutputLayer:
    """The normalisation of the output layer.

    Args:
        layer: with all that follows it.
        by_channel: reads constants.
        eps: what metabit added to the variance when it wrote the file; None for files of others.
        where: name of the file.

    Raises:
        FormatError: the scores are not a shift and a scale of the sums.
    """
    names, steps = layer.chain.operators, layer.steps[1:]
    n_out = len(layer.signs)
    in_order = all(step.operands[0] is None for step in steps)
    if eps is not None and names == OURS and len(layer.chain) == len(OURS) and in_order:
        values = [next(v for v in step.operands if v is not None) for step in steps]
        mean, inv_std, gamma, beta = (_spread(by_channel(v), n_out) for v in values)
        var = variance_of(inv_std, eps)
        if np.array_equal(inverse_std(var, eps), inv_std):
            return OutputLayer(
                Norm(mean, var, gamma, beta), eps, "scores as in the file, bit for bit"
            )
    if names == ["BatchNormalization"] and len(layer.chain) == 1:
        gamma, beta, mean, var = (
            _spread(by_channel(v, axis=1), n_out) for v in steps[0].operands[1:5] if v is not None
        )
        told = float(steps[0].attributes.get("epsilon", 1e-5))
        return OutputLayer(
            Norm(mean, var, gamma, beta), told, "scores up to rounding of the batch norm"
        )
    ends = np.array([0, 1, layer.acc_max, -layer.acc_max, layer.acc_max // 2], dtype=np.float64)
    points = np.repeat(ends[:, None], n_out, axis=1)
    values_at = np.broadcast_to(layer.chain.of(points), points.shape)
    shift = values_at[0]
    scale = (values_at[2] - values_at[3]) / (2 * layer.acc_max)
    close = np.allclose(values_at, shift + ends[:, None] * scale, rtol=1e-9, atol=1e-9)
    if not np.all(np.abs(values_at) < _LARGEST) or not close:
        raise refuse(
            where,
            f"the scores are not a shift and a scale of the sums of {layer.name} "
            f"({', '.join(names)})",
        )
    one, zero = np.ones(n_out, dtype=np.float32), np.zeros(n_out, dtype=np.float32)
    norm = Norm(zero, one, scale.astype(np.float32), shift.astype(np.float32))
    return OutputLayer(norm, EPS_ONE, "scores up to rounding")


def _spread(values: Float64Array, n_out: int) -> Float32Array:
    return np.ascontiguousarray(np.broadcast_to(values, (n_out,)), dtype=np.float32)


def variance_of(inv_std: Float32Array, eps: float) -> Float32Array:
    """A variance with 1 / sqrt(variance + eps) = inv_std in float32, where there is one.

    The expression falls as the variance grows, and floats of one sign sort like their bits.
    """
    low = np.zeros(inv_std.shape, dtype=np.int64)
    high = np.full(inv_std.shape, np.float32(2.0**50).view(np.int32), dtype=np.int64)
    while np.any(high - low > 0):
        middle = (low + high) // 2
        at = inverse_std(middle.astype(np.int32).view(np.float32), eps)
        low = np.where(at > inv_std, middle + 1, low)
        high = np.where(at > inv_std, high, middle)
    return low.astype(np.int32).view(np.float32)
