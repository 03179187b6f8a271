"""Operations that treat every channel by itself: from the sums of a layer to its bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from metabit.export.onnx_import.steps import Step

Float64Array = NDArray[np.float64]
Operation = Callable[[Float64Array], Float64Array]


class ByChannel(Protocol):
    """A constant operand as one value per channel: shape () or (n_channels,)."""

    def __call__(self, value: NDArray[Any], *, axis: int = -1) -> Float64Array:
        """`axis`: where a vector lies among the activations' axes; -1 broadcasts as usual."""


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide,
    "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less,
    "LessOrEqual": np.less_equal, "Min": np.minimum, "Max": np.maximum,
}  # fmt: skip
_UNARY: dict[str, Callable[[Any], Any]] = {
    "Neg": np.negative, "Sign": np.sign, "Relu": lambda x: np.maximum(x, 0), "Round": np.rint,
    "Not": lambda x: x == 0, "Floor": np.floor, "Ceil": np.ceil, "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Softsign": lambda x: x / (1 + np.abs(x)),
}  # fmt: skip
#: Operators that round or wrap around in integers, and are followed in floats alone.
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization")
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
_WHOLE: dict[int, type[np.integer[Any]]] = {
    TensorProto.INT8: np.int8, TensorProto.UINT8: np.uint8, TensorProto.INT16: np.int16,
    TensorProto.INT32: np.int32, TensorProto.INT64: np.int64,
}  # fmt: skip

OPERATORS = (
    *_BINARY, *_UNARY, "Identity", "Cast", "Dropout", "Xor", "Where", "Clip", "LeakyRelu", "PRelu",
    "Elu", "HardSigmoid", "BatchNormalization", "BipolarQuant", "MultiThreshold", "QuantizeLinear",
    "DequantizeLinear",
)  # fmt: skip


def operation(step: Step, by_channel: ByChannel) -> Operation | None:
    """What a step does to values of shape (n, n_channels), in float64; None for another kind.

    Truth values are 0 and 1. Every operation rises or falls, so a sign changes once at most.
    """
    name = step.operator
    if name == "Identity":
        return lambda x: x
    if name in _UNARY:
        function = _UNARY[name]
        return lambda x: np.asarray(function(x), dtype=np.float64)
    if name in _BINARY and len(step.operands) == 2:
        return _two(_BINARY[name], step, by_channel)
    others: dict[str, Callable[[Step, ByChannel], Operation | None]] = {
        "Cast": _cast, "Dropout": _dropout, "Xor": _xor, "Where": _where, "Clip": _clip,
        "LeakyRelu": _leaky, "PRelu": _prelu, "Elu": _elu, "HardSigmoid": _hard_sigmoid,
        "BatchNormalization": _batch_norm, "BipolarQuant": _bipolar,
        "MultiThreshold": _multi_threshold,
        "QuantizeLinear": _quantize, "DequantizeLinear": _dequantize,
    }  # fmt: skip
    return others[name](step, by_channel) if name in others else None


def _two(
    function: Callable[[Any, Any], Any], step: Step, by_channel: ByChannel
) -> Operation | None:
    left, right = step.operands
    if right is not None:
        other = by_channel(right)
        return lambda x: np.asarray(function(x, other), dtype=np.float64)
    assert left is not None
    if step.operator == "Div":  # c / x neither rises nor falls
        return None
    first = by_channel(left)
    return lambda x: np.asarray(function(first, x), dtype=np.float64)


def _cast(step: Step, _by_channel: ByChannel) -> Operation | None:
    """To floats, integers and truth values. What a type cannot hold becomes NaN, and is refused
    then: a narrow integer would wrap around, and x != 0 neither rises nor falls."""
    to = step.attributes.get("to")
    if to in FLOATS:
        return lambda x: x
    if to == TensorProto.FLOAT16:
        return lambda x: x.astype(np.float16).astype(np.float64)
    if to == TensorProto.BOOL:
        return lambda x: np.where(x >= 0, x != 0, np.nan)
    if to not in _WHOLE:
        return None
    info = np.iinfo(_WHOLE[to])
    return lambda x: np.where((x > info.min - 1) & (x < info.max + 1), np.trunc(x), np.nan)


def _leaky(step: Step, _by_channel: ByChannel) -> Operation | None:
    slope = float(step.attributes.get("alpha", 0.01))
    return None if slope < 0 else lambda x: np.where(x < 0, slope * x, x)


def _prelu(step: Step, by_channel: ByChannel) -> Operation | None:
    value = step.constant(1)
    if value is None or np.any(value < 0):
        return None
    slope = by_channel(value)
    return lambda x: np.where(x < 0, slope * x, x)


def _elu(step: Step, _by_channel: ByChannel) -> Operation | None:
    size = float(step.attributes.get("alpha", 1.0))
    return None if size < 0 else lambda x: np.where(x < 0, size * np.expm1(np.minimum(x, 0)), x)


def _hard_sigmoid(step: Step, _by_channel: ByChannel) -> Operation:
    slope = float(step.attributes.get("alpha", 0.2))
    middle = float(step.attributes.get("beta", 0.5))
    return lambda x: np.clip(slope * x + middle, 0, 1)


def _dropout(step: Step, _by_channel: ByChannel) -> Operation | None:
    """Nothing, but in training."""
    training = step.constant(2, 0)
    return None if training is None or np.any(training) else lambda x: x


def _xor(step: Step, by_channel: ByChannel) -> Operation:
    constant = step.operands[0] if step.operands[0] is not None else step.operands[1]
    assert constant is not None
    other = by_channel(constant)
    return lambda x: np.asarray((x != 0) != (other != 0), dtype=np.float64)


def _where(step: Step, by_channel: ByChannel) -> Operation | None:
    condition, yes, no = step.operands
    if condition is not None or yes is None or no is None:
        return None
    first, second = by_channel(yes), by_channel(no)
    return lambda x: np.where(x != 0, first, second)


def _clip(step: Step, by_channel: ByChannel) -> Operation:
    low, high = step.constant(1, -np.inf), step.constant(2, np.inf)
    assert low is not None
    assert high is not None
    bounds = by_channel(low), by_channel(high)
    return lambda x: np.clip(x, *bounds)


def _batch_norm(step: Step, by_channel: ByChannel) -> Operation | None:
    if any(value is None for value in step.operands[1:5]) or step.attributes.get("training_mode"):
        return None
    gamma, beta, mean, var = (by_channel(v, axis=1) for v in step.operands[1:5] if v is not None)
    if np.any(var < 0):
        return None
    inv_std = 1 / np.sqrt(var + float(step.attributes.get("epsilon", 1e-5)))
    return lambda x: (x - mean) * inv_std * gamma + beta


def _bipolar(step: Step, by_channel: ByChannel) -> Operation | None:
    value = step.constant(1)
    if value is None:
        return None
    scale = by_channel(value)
    return lambda x: np.where(x >= 0, scale, -scale)


def _multi_threshold(step: Step, by_channel: ByChannel) -> Operation | None:
    """As `metabit.export.onnx.multi_threshold` explains it: thresholds of shape (channels, n)."""
    thresholds, scale, bias = step.constant(1), step.constant(2), step.constant(3)
    if thresholds is None or scale is None or bias is None:
        return None
    reached = [by_channel(column) for column in thresholds.T]
    by, offset = by_channel(scale), by_channel(bias)
    return lambda x: np.sum([x >= t for t in reached], axis=0) * by + offset


def _quantize(step: Step, by_channel: ByChannel) -> Operation | None:
    scale, zero = step.constant(1), step.constant(2)
    if scale is None or zero is None or zero.dtype not in (np.uint8, np.int8):
        return None
    by, offset, info = by_channel(scale), by_channel(zero), np.iinfo(zero.dtype)
    return lambda x: np.clip(np.rint(x / by) + offset, info.min, info.max)


def _dequantize(step: Step, by_channel: ByChannel) -> Operation | None:
    scale, zero = step.constant(1), step.constant(2, 0.0)
    if scale is None or zero is None:
        return None
    by, offset = by_channel(scale), by_channel(zero)
    return lambda x: (x - offset) * by


class Chain:
    """Operations one after another, as a function of integer sums.

    Attributes:
        operators: their names, for the report.
    """

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self.operators: list[str] = []

    def __len__(self) -> int:
        return len(self._operations)

    def append(self, name: str, made: Operation) -> None:
        """Add one at the end."""
        self.operators.append(name)
        self._operations.append(made)

    def prepend(self, factor: Float64Array | float, shift: Float64Array | float = 0.0) -> None:
        """Take (sums - shift) * factor first; both of shape () or (n_channels,)."""
        if np.any(np.asarray(factor) != 1) or np.any(np.asarray(shift) != 0):
            self._operations.insert(0, lambda x: (x - shift) * factor)

    def of(self, values: Float64Array) -> Float64Array:
        """Values of shape (n, n_channels) after all operations."""
        for made in self._operations:
            values = made(values)
        return values
