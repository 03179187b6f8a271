"""An ONNX graph that computes in double what it computed in float: its rounding goes away."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SINGLE, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def in_double(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which constants, casts, inputs and outputs of float are double.

    ONNX's reference evaluator runs it; sums of weights of one size are then exact.
    """
    wide = onnx.ModelProto()
    wide.CopyFrom(proto)
    del wide.graph.value_info[:]
    for value in (*wide.graph.input, *wide.graph.output):
        if value.type.tensor_type.elem_type == _SINGLE:
            value.type.tensor_type.elem_type = _DOUBLE
    for tensor in wide.graph.initializer:
        _widen_tensor(tensor)
    _widen(wide.graph.node)
    for function in wide.functions:
        _widen(function.node)
    return wide


def _widen(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _widen_tensor(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == _SINGLE:
                attribute.i = _DOUBLE
            elif node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
                told = helper.get_attribute_value(attribute)
                tensor = numpy_helper.from_array(np.array(told, dtype=np.float64), "wide")
                attribute.CopyFrom(helper.make_attribute("value", tensor))


def _widen_tensor(tensor: TensorProto) -> None:
    if tensor.data_type == _SINGLE:
        values = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
