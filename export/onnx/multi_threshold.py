"""MultiThreshold of FINN and QONNX, explained by standard operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from metabit.errors import FormatError
from metabit.export.onnx.constants import with_known_shapes

OPERATOR = "MultiThreshold"
DOMAINS = frozenset({"qonnx.custom_op.general", "finn.custom_op.general"})
MOST_THRESHOLDS = 255
"""Of one channel: activations of 8 bits."""
_OURS = "metabit.multi_threshold"
_ATTRIBUTES = {"out_scale", "out_bias", "out_dtype", "data_layout"}
_LAYOUTS = ("NC", "NCHW", "NHWC")
_DIMENSIONS_OF_MAPS = 4
_RANKS = ("2", "3", "4", "5")
_AXES_ARE_INPUTS_SINCE = 13


def explain_multi_thresholds(proto: onnx.ModelProto, where: str) -> None:
    """Explain every MultiThreshold(x, thresholds) by a function of standard operators.

    It gives out_scale * (thresholds that x has reached) + out_bias. Scale and bias become inputs,
    and channels of maps are the last axis where it is read.

    Args:
        proto: with all its tensors; is changed.
        where: name of the file, for messages.

    Raises:
        FormatError: it has too many thresholds per channel, or an attribute that is not known
            (E-ONNX-OPERATOR).
    """
    opset = max((entry.version for entry in proto.opset_import if not entry.domain), default=18)
    while (index := _first(proto)) is not None:
        node = proto.graph.node[index]

        def refuse(why: str, name: str = node.name or node.output[0]) -> FormatError:
            return FormatError(f"{where}: node {OPERATOR} {name} {why}", code="E-ONNX-OPERATOR")

        made, rank = _explained(proto, node, _shapes(proto, where), refuse)
        function = _function(rank, opset)
        if function.domain not in {known.domain for known in proto.functions}:
            proto.functions.append(function)
            proto.opset_import.add(domain=function.domain, version=1)
        proto.graph.node.pop(index)
        for offset, replacing in enumerate(made):
            proto.graph.node.insert(index + offset, replacing)


def is_explained(node: onnx.NodeProto) -> bool:
    """Whether a node is what `explain_multi_thresholds` put in the place of another one."""
    return node.op_type == OPERATOR and node.domain.startswith(_OURS)


def explains(function: onnx.FunctionProto) -> bool:
    """Whether `explain_multi_thresholds` has added this function, to the letter."""
    before, _, rank = function.domain.rpartition(".")
    if before != _OURS or rank not in _RANKS or not function.opset_import:
        return False
    made = _function(int(rank), function.opset_import[0].version)
    return bool(made.SerializeToString() == function.SerializeToString())


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
    proto: onnx.ModelProto, node: onnx.NodeProto, shapes: dict[str, list[int]],
    refuse: Callable[[str], FormatError],
) -> tuple[list[onnx.NodeProto], int]:  # fmt: skip
    """Nodes that stand for a node, and the dimensions of what it reads."""
    told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if strange := sorted(set(told) - _ATTRIBUTES):
        raise refuse(f"has an attribute that is not known: {strange[0]}")
    x, thresholds = node.input
    layout = told.get("data_layout", b"NCHW").decode()
    known = x in shapes and thresholds in shapes and layout in _LAYOUTS
    if not known or str(len(shapes[x])) not in _RANKS:
        raise refuse("has a shape that does not follow from the graph")
    rank, sides = len(shapes[x]), shapes[thresholds]
    if len(sides) != 2 or not 1 <= sides[1] <= MOST_THRESHOLDS:
        raise refuse(
            f"has thresholds of the shape {sides}; shape (channels, thresholds) with at most "
            f"{MOST_THRESHOLDS} per channel is possible"
        )
    name = node.output[0]
    numbers = {"scale": told.get("out_scale", 1.0), "bias": told.get("out_bias", 0.0)}
    for key, value in numbers.items():
        constant = numpy_helper.from_array(np.array(value, dtype=np.float32), f"{name}/{key}")
        proto.graph.initializer.append(constant)
    operands = [thresholds, *(f"{name}/{key}" for key in numbers)]
    more = {"domain": f"{_OURS}.{rank}"}
    if rank != _DIMENSIONS_OF_MAPS or layout != "NCHW":
        made = [helper.make_node(OPERATOR, [x, *operands], [name], node.name, **more)]
        return made, rank
    last, found = f"{name}/last", f"{name}/found"
    made = [
        helper.make_node("Transpose", [x], [last], perm=[0, 2, 3, 1]),
        helper.make_node(OPERATOR, [last, *operands], [found], node.name, **more),
        helper.make_node("Transpose", [found], [name], perm=[0, 3, 1, 2]),
    ]
    return made, rank


def _function(rank: int, opset: int) -> onnx.FunctionProto:
    """MultiThreshold(x, thresholds, scale, bias) of x with channels last, as an opset writes it."""
    told: dict[str, Any] = {"axes": [rank]}
    body: list[onnx.NodeProto] = []
    axes: list[str] = []
    if opset >= _AXES_ARE_INPUTS_SINCE:
        value = numpy_helper.from_array(np.array([rank], dtype=np.int64), "axes")
        body, axes, told = [helper.make_node("Constant", [], ["axes"], value=value)], ["axes"], {}
    body += [
        helper.make_node("Unsqueeze", ["x", *axes], ["values"], **told),
        helper.make_node("Less", ["values", "thresholds"], ["is_below"]),
        helper.make_node("Not", ["is_below"], ["is_reached"]),
        helper.make_node("Cast", ["is_reached"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["numbers", *axes], ["reached"], keepdims=0, **told),
        helper.make_node("Mul", ["reached", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["y"]),
    ]
    inputs, opsets = ["x", "thresholds", "scale", "bias"], [helper.make_opsetid("", opset)]
    return helper.make_function(f"{_OURS}.{rank}", OPERATOR, inputs, ["y"], body, opsets)
