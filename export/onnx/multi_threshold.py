"""MultiThreshold of FINN and QONNX with one threshold per channel, in standard operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from metabit.errors import FormatError
from metabit.export.onnx.constants import with_known_shapes

OPERATOR = "MultiThreshold"
DOMAINS = frozenset({"qonnx.custom_op.general", "finn.custom_op.general"})
_ATTRIBUTES = {"out_scale", "out_bias", "out_dtype", "data_layout"}
_LAYOUTS = ("NC", "NCHW", "NHWC")
_DIMENSIONS_OF_MAPS = 4


def explain_multi_thresholds(proto: onnx.ModelProto, where: str) -> None:
    """Put standard operators in place of every MultiThreshold(x, thresholds).

    It gives out_scale * (thresholds that x has reached) + out_bias; with one threshold, a bit.

    Args:
        proto: with all its tensors; is changed.
        where: name of the file, for messages.

    Raises:
        FormatError: it has several thresholds per channel, or an attribute that is not known
            (E-ONNX-OPERATOR).
    """
    while (index := _first(proto)) is not None:
        node = proto.graph.node[index]

        def refuse(why: str, name: str = node.name or node.output[0]) -> FormatError:
            return FormatError(f"{where}: node {OPERATOR} {name} {why}", code="E-ONNX-OPERATOR")

        made, constants = _explained(node, _shapes(proto, where), refuse)
        proto.graph.initializer.extend(constants)
        proto.graph.node.pop(index)
        for offset, replacing in enumerate(made):
            proto.graph.node.insert(index + offset, replacing)


def _first(proto: onnx.ModelProto) -> int | None:
    places = (
        i
        for i, node in enumerate(proto.graph.node)
        if node.op_type == OPERATOR and node.domain in DOMAINS
    )
    return next(places, None)


def _shapes(proto: onnx.ModelProto, where: str) -> dict[str, list[int]]:
    """Shapes for one sample, as far as they follow from the graph."""
    single = onnx.ModelProto()
    single.CopyFrom(proto)
    for value in single.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
    single = with_known_shapes(single, where)
    graph = onnx.shape_inference.infer_shapes(single, data_prop=True).graph
    found = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            found.setdefault(value.name, [dim.dim_value for dim in dims])
    return found


def _explained(
    node: onnx.NodeProto, shapes: dict[str, list[int]], refuse: Callable[[str], FormatError]
) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """Nodes and constants that stand for a node: x < t is 1 or 0; the scale and the bias follow."""
    told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if strange := sorted(set(told) - _ATTRIBUTES):
        raise refuse(f"has an attribute that is not known: {strange[0]}")
    x, thresholds = node.input
    layout = told.get("data_layout", b"NCHW").decode()
    if x not in shapes or thresholds not in shapes or layout not in _LAYOUTS:
        raise refuse("has a shape that does not follow from the graph")
    if shapes[thresholds][1:] != [1]:
        raise refuse(
            f"has thresholds of the shape {shapes[thresholds]}; with one per channel, shape "
            "(channels, 1), it gives bits"
        )
    is_first = len(shapes[x]) == _DIMENSIONS_OF_MAPS and layout == "NCHW"
    scale, bias = float(told.get("out_scale", 1.0)), float(told.get("out_bias", 0.0))
    name = node.output[0]
    values: dict[str, NDArray[Any]] = {
        "to": np.array([-1, 1, 1] if is_first else [-1], dtype=np.int64),
        "scale": np.array(-scale, dtype=np.float32),
        "bias": np.array(scale + bias, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Reshape", [thresholds, f"{name}/to"], [f"{name}/thresholds"]),
        helper.make_node("Less", [x, f"{name}/thresholds"], [f"{name}/below"]),
        helper.make_node("Cast", [f"{name}/below"], [f"{name}/number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}/number", f"{name}/scale"], [f"{name}/scaled"]),
        helper.make_node("Add", [f"{name}/scaled", f"{name}/bias"], [name]),
    ]
    return nodes, [numpy_helper.from_array(v, f"{name}/{key}") for key, v in values.items()]
