"""Operators as their opset wrote them, brought into the form of today.

Up to some opset, operators told as attributes what later ones take as inputs. An attribute that is
not known here is refused: whoever passes it over may get other labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from metabit.export.onnx_import.errors import node_name, refuse

Array = NDArray[Any]

OLDEST_OPSET = 7
#: Operator -> attributes that became the inputs of these places.
_BECAME_INPUTS: dict[str, dict[str, int]] = {
    "Clip": {"min": 1, "max": 2},
    "Pad": {"pads": 1, "value": 2},
    "Squeeze": {"axes": 1},
    "Unsqueeze": {"axes": 1},
    "TopK": {"k": 1},
}
_CONVOLUTION = "auto_pad dilations group kernel_shape pads strides"
_POOL = "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"
#: Operator -> attributes that are read, or say nothing about inference.
_KNOWN: dict[str, str] = {
    "ArgMax": "axis keepdims select_last_index", "AveragePool": f"{_POOL} count_include_pad",
    "BatchNormalization": "epsilon momentum training_mode spatial", "Cast": "to saturate",
    "Conv": _CONVOLUTION, "DequantizeLinear": "axis", "Dropout": "ratio seed", "Elu": "alpha",
    "Flatten": "axis",
    "Gemm": "alpha beta transA transB", "HardSigmoid": "alpha beta", "LeakyRelu": "alpha",
    "LogSoftmax": "axis", "MaxPool": _POOL, "Pad": "mode",
    "QuantizeLinear": "axis saturate", "Reshape": "allowzero", "Softmax": "axis",
    "TopK": "axis largest sorted", "Transpose": "perm",
}  # fmt: skip


def operands_of(
    node: onnx.NodeProto, operands: tuple[Array | None, ...], told: Mapping[str, Any], where: str
) -> tuple[Array | None, ...]:
    """Inputs of a node, with those that its opset wrote as attributes.

    Args:
        node: on the path from the samples to the scores.
        operands: its inputs; None for what comes along the path, and for what is left out.
        told: its attributes by name.
        where: name of the file, for messages.

    Raises:
        FormatError: it has an attribute that is not known, or means something else than today's.
    """
    became, known = _BECAME_INPUTS.get(node.op_type, {}), _KNOWN.get(node.op_type, "").split()
    if strange := [name for name in told if name not in became and name not in known]:
        raise refuse(
            where, f"{node_name(node)}: the attribute {strange[0]} is not known, so it cannot be "
            "passed over",
        )  # fmt: skip
    if not told.get("spatial", 1):
        raise refuse(where, f"{node_name(node)}: normalises every place by itself (spatial=0)")
    changed = list(operands)
    for name, place in became.items():
        if name in told:
            if place < len(changed) and changed[place] is not None:
                raise refuse(where, f"{node_name(node)}: {name} is both an attribute and an input")
            changed += [None] * (place + 1 - len(changed))
            changed[place] = np.asarray(told[name])
    return tuple(changed)


def check_opset(proto: onnx.ModelProto, where: str) -> None:
    """Refuse files of opsets before 7: their operators broadcast by other rules.

    Raises:
        FormatError: it is older.
    """
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx") and entry.version < OLDEST_OPSET:
            raise refuse(
                where, f"opset {entry.version}; the oldest that is read is {OLDEST_OPSET}: convert "
                "it with onnx.version_converter",
            )  # fmt: skip


def without_detours(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without sums whose parts cancel: (s - h) + h is s.

    Straight-through estimators write a sign like this, so that it has the gradient of h.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(proto)
    made = {name: node for node in copied.graph.node for name in node.output}
    read = {name for node in copied.graph.node for name in node.input}

    def source(name: str) -> str:
        """Where a tensor comes from, through nodes that change nothing."""
        while name in made and made[name].op_type == "Identity":
            name = made[name].input[0]
        return name

    for node in copied.graph.node:
        if node.op_type == "Add" and len(node.input) == 2:
            for difference, other in (node.input, reversed(node.input)):
                sub = made.get(source(difference))
                if sub is None or sub.op_type != "Sub":
                    continue
                if source(sub.input[1]) == source(other):
                    node.op_type = "Identity"
                    del node.input[1:]
                    node.input[0] = sub.input[0]
                    break
    _drop_unread(copied.graph, read)
    return copied


def _drop_unread(graph: onnx.GraphProto, was_read: set[str]) -> None:
    """Take out nodes that something read before, and nothing reads now, the last one first."""
    read = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if read.intersection(node.output) or not was_read.intersection(node.output):
            read.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
