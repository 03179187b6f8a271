"""Can an interpreter run a TFLite graph: shapes, types, order?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
import tflite

from metabit.errors import CorruptError
from metabit.export.tflite.graph import Graph, Operator, Tensor

TensorShape = tuple[int, ...]

_ACTIVATIONS = range(4)  # none, relu, relu to [-1, 1], relu to [0, 6]
_MAX_STEP = 1 << 16
_MAX_SIDE = 1 << 20
_EIGHT_BIT = ("int8", "uint8")


def check(graph: Graph, inputs: Sequence[int], outputs: Sequence[int], where: str) -> None:
    """Refuse a graph whose operators do not give what its tensors say.

    Raises:
        CorruptError: code E-TFLITE; names the operator by what it makes.
    """

    def refuse(why: str) -> NoReturn:
        raise CorruptError(f"{where}: {why}", code="E-TFLITE")

    known = {n for n, tensor in enumerate(graph.tensors) if tensor.value is not None}
    for n in inputs:
        if n not in range(len(graph.tensors)) or n in known:
            refuse(f"tensor {n} cannot be an input")
        known.add(n)
    for operator in graph.operators:
        made = operator.outputs[0] if len(operator.outputs) == 1 else -1
        needed = set(operator.inputs) - ({-1} if operator.kind == "FULLY_CONNECTED" else set())
        if made not in range(len(graph.tensors)) or made in known or not needed <= known:
            refuse(f"{operator.kind}: reads or writes tensors out of order")
        output = graph.tensors[made]
        try:
            shape = _shape_and_types(graph, operator, output)
        except _Wrong as wrong:
            refuse(f"{operator.kind} that makes {output.name}: {wrong}")
        if shape != output.shape:
            refuse(f"{operator.kind} makes {list(shape)}, {output.name} is {list(output.shape)}")
        known.add(made)
    if not outputs or not set(outputs) <= known:
        refuse("an output that no operator makes")


class _Wrong(Exception):
    """What does not fit, in words."""


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise _Wrong(what)


def _shape_and_types(graph: Graph, operator: Operator, output: Tensor) -> TensorShape:
    """Shape of what an operator makes."""
    operands = [graph.tensors[n] if n >= 0 else None for n in operator.inputs]
    tensors = [tensor for tensor in operands if tensor is not None]
    least, most, rule = _RULES[operator.kind]
    _need(least <= len(operands) <= most, f"{len(operands)} inputs")
    _need(bool(tensors) and tensors[0] is operands[0], "no first input")
    _need(tensors[0].shape[:1] == (-1,), "its first input is a constant")
    _need(operator.options.get("FusedActivationFunction", 0) in _ACTIVATIONS, "unknown activation")
    return rule(operator, tensors, output)


def _constant(tensor: Tensor, dtype: str) -> np.ndarray:
    _need(
        tensor.value is not None and tensor.dtype == dtype, f"{tensor.name} is no {dtype} constant"
    )
    assert tensor.value is not None
    return tensor.value


def _products(x: Tensor, rest: list[Tensor], y: Tensor, n_out: int) -> None:
    """Types of a sum of products with weights and, perhaps, a bias."""
    weights, *bias = rest
    wide = "float32" if x.dtype == "float32" else "int32"
    _need(x.dtype in ("int8", "float32") and y.dtype == x.dtype, f"{x.dtype} to {y.dtype}")
    _constant(weights, x.dtype)
    for tensor in bias:
        _constant(tensor, wide)
        _need(tensor.shape == (n_out,), f"a bias of the shape {list(tensor.shape)}")
    if x.dtype == "int8":
        _multiplier(x, weights, y)
        _need(weights.zero_point == 0, "weights with a zero point")


def _multiplier(x: Tensor, other: Tensor, y: Tensor) -> None:
    """What integers are multiplied by; interpreters abort on a scale that is far off."""
    if x.scale is None or other.scale is None or y.scale is None:
        raise _Wrong("no scale")
    factor = x.scale * other.scale / y.scale
    _need(2.0**-30 < factor < 2.0**30, f"a multiplier of {factor}")


def _dense(operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, weights, *bias = tensors
    _need(
        len(weights.shape) == 2 and math.prod(x.shape[1:]) == weights.shape[1],
        "weights of another length",
    )
    _need(operator.options.get("WeightsFormat", 0) == 0, "shuffled weights")
    _need(
        operator.options.get("KeepNumDims", 0) == 0 or len(x.shape) == 2,
        "more than two dimensions kept",
    )
    _products(x, [weights, *bias], y, weights.shape[0])
    return (-1, weights.shape[0])


def _slide(operator: Operator, sides: TensorShape, kernel: TensorShape) -> TensorShape:
    """Rows and columns where a window of this size is moved over a map."""
    options, made = operator.options, []
    for side, size, letter in zip(sides, kernel, "HW", strict=True):
        step = options.get(f"Stride{letter}", 0)
        dilation = options.get(f"Dilation{letter}Factor", 1)
        _need(1 <= step <= _MAX_STEP and 1 <= dilation <= _MAX_STEP, "a step out of range")
        if options.get("Padding", 0) == tflite.Padding.SAME:
            made.append(-(-side // step))
        else:
            made.append((side - (size - 1) * dilation - 1) // step + 1)
    _need(min(made) > 0, "a window larger than its map")
    return tuple(made)


def _convolution(operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, weights, *bias = tensors
    _need(len(x.shape) == 4 and len(weights.shape) == 4, "no map")
    n_out, *kernel, channels = weights.shape
    _need(channels == x.shape[3], "weights for other channels")
    _products(x, [weights, *bias], y, n_out)
    return (-1, *_slide(operator, x.shape[1:3], tuple(kernel)), n_out)


def _pool(operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    (x,) = tensors
    _same_type(x, y)
    kernel = tuple(operator.options.get(f"Filter{side}", 0) for side in ("Height", "Width"))
    _need(len(x.shape) == 4 and all(1 <= k <= _MAX_STEP for k in kernel), "no map, or no window")
    return (-1, *_slide(operator, x.shape[1:3], kernel), x.shape[3])


def _same_type(*tensors: Tensor) -> None:
    first = tensors[0]
    for tensor in tensors:
        _need(tensor.dtype == first.dtype, f"{first.dtype} and {tensor.dtype}")
        _need((tensor.scale is None) == (first.scale is None), "a scale is missing")


def _arithmetic(operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, other = tensors
    _same_type(x, other, y)
    eight_bit = x.dtype == "int8" and operator.kind == "MUL"
    _need(x.dtype == "float32" or eight_bit, f"arithmetic in {x.dtype}")
    if eight_bit:
        _multiplier(x, other, y)
    fits = other.shape in (x.shape, (), (1,), x.shape[-1:]) and other.shape != (-1,)
    _need(fits, f"an operand of the shape {list(other.shape)}")
    return x.shape


def _pad(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, sides, value = tensors
    _same_type(x, value, y)
    _constant(value, x.dtype)
    amounts = _constant(sides, "int32")
    _need(sides.shape == (len(x.shape), 2) and value.shape in ((), (1,)), "wrong sides")
    _need(bool(np.all((amounts >= 0) & (amounts < _MAX_SIDE))), "sides out of range")
    _need(not amounts[0].any(), "a padded batch")
    scales = {(t.scale, t.zero_point) for t in (x, value, y)}
    _need(len(scales) == 1, "other scales")
    padded = [side + int(pair.sum()) for side, pair in zip(x.shape[1:], amounts[1:], strict=True)]
    return (-1, *padded)


def _reshape(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, target = tensors
    _same_type(x, y)
    shape = tuple(int(n) for n in _constant(target, "int32").ravel())
    _need(shape[:1] == (-1,) and min(shape[1:], default=1) > 0, f"the shape {list(shape)}")
    _need(math.prod(shape[1:]) == math.prod(x.shape[1:]), f"the shape {list(shape)}")
    return shape


def _quantize(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    (x,) = tensors
    _need(x.dtype in (*_EIGHT_BIT, "float32") and y.dtype in _EIGHT_BIT, f"{x.dtype} to {y.dtype}")
    _need(y.scale is not None and (x.dtype == "float32" or x.scale is not None), "no scale")
    if x.scale is not None and y.scale is not None:
        _need(2.0**-30 < x.scale / y.scale < 2.0**30, "scales far apart")
    return x.shape


def _dequantize(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    (x,) = tensors
    _need(x.dtype in _EIGHT_BIT and y.dtype == "float32", f"{x.dtype} to {y.dtype}")
    _need(x.scale is not None, "no scale")
    return x.shape


def _cast(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    (x,) = tensors
    _need(x.dtype in _EIGHT_BIT and y.dtype == "float32", f"{x.dtype} to {y.dtype}")
    return x.shape


def _arg_max(_operator: Operator, tensors: list[Tensor], y: Tensor) -> TensorShape:
    x, axis = tensors
    _need(x.dtype in (*_EIGHT_BIT, "float32") and y.dtype == "int32", f"{x.dtype} to {y.dtype}")
    _need(
        len(x.shape) == 2 and _constant(axis, "int32").ravel().tolist() in ([1], [-1]), "the axis"
    )
    return (-1,)


#: Operator: fewest and most inputs, and what follows from them.
_RULES: dict[str, tuple[int, int, Callable[[Operator, list[Tensor], Tensor], TensorShape]]] = {
    "FULLY_CONNECTED": (2, 3, _dense),
    "CONV_2D": (3, 3, _convolution),
    "MAX_POOL_2D": (1, 1, _pool),
    "MUL": (2, 2, _arithmetic),
    "ADD": (2, 2, _arithmetic),
    "SUB": (2, 2, _arithmetic),
    "PADV2": (3, 3, _pad),
    "RESHAPE": (2, 2, _reshape),
    "QUANTIZE": (1, 1, _quantize),
    "DEQUANTIZE": (1, 1, _dequantize),
    "CAST": (1, 1, _cast),
    "ARG_MAX": (2, 2, _arg_max),
}
