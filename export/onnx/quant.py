"""Quant of QONNX (IntQuant in its newer files), explained by standard operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from metabit.errors import FormatError

OPERATORS = frozenset({"Quant", "IntQuant"})
DOMAINS = frozenset({"qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"})
MOST_BITS = 24
"""A float holds each whole number of so many bits."""
_ROUNDING = {"ROUND": "Round", "HALF_EVEN": "Round", "FLOOR": "Floor", "CEIL": "Ceil"}
_ATTRIBUTES = {"signed", "narrow", "rounding_mode"}
_ROUND_SINCE = 11


def is_quant(node: onnx.NodeProto) -> bool:
    """Whether `explain_quants` takes a node."""
    return node.domain in DOMAINS and node.op_type in OPERATORS


def explain_quants(proto: onnx.ModelProto, where: str) -> None:
    """Put standard operators in place of every Quant(x, scale, zero point, bits).

    It gives scale * (r - zero point), where r is x / scale + zero point, limited to what so many
    bits hold and rounded. With one bit and a sign r is -1 or +1.

    Args:
        proto: with all its tensors; is changed.
        where: name of the file, for messages.

    Raises:
        FormatError: its bits are not constant, or it rounds in a way, or has an attribute, that is
            not known (E-ONNX-OPERATOR).
    """
    opset = max((entry.version for entry in proto.opset_import if not entry.domain), default=18)
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        nodes += _explained(proto, node, opset, where) if is_quant(node) else [node]
    if len(nodes) != len(proto.graph.node):
        copied = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del proto.graph.node[:]
        proto.graph.node.extend(copied)


def _explained(
    proto: onnx.ModelProto, node: onnx.NodeProto, opset: int, where: str
) -> list[onnx.NodeProto]:
    def refuse(why: str) -> FormatError:
        name = node.name or node.output[0]
        return FormatError(f"{where}: node {node.op_type} {name} {why}", code="E-ONNX-OPERATOR")

    told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if strange := sorted(set(told) - _ATTRIBUTES):
        raise refuse(f"has an attribute that is not known: {strange[0]}")
    rounds = told.get("rounding_mode", b"ROUND").decode().upper()
    if rounds not in _ROUNDING or opset < _ROUND_SINCE or len(node.input) != 4:
        raise refuse(
            f"rounds by {rounds} in opset {opset}, with {len(node.input)} inputs; known are "
            f"{', '.join(_ROUNDING)}, from opset {_ROUND_SINCE} on, and 4 inputs"
        )
    x, scale, zero, bits = node.input
    n_bits = _constant(proto, bits)
    if n_bits is None or not 1 <= n_bits <= MOST_BITS or n_bits != int(n_bits):
        raise refuse(f"has no constant number of bits from 1 to {MOST_BITS}")
    is_signed, is_narrow = bool(told.get("signed", 1)), bool(told.get("narrow", 0))
    name = node.output[0]
    made: list[onnx.NodeProto] = []

    def step(operator: str, *inputs: str, **more: Any) -> str:
        made.append(helper.make_node(operator, list(inputs), [f"{name}/{len(made)}"], **more))
        return str(made[-1].output[0])

    def constant(value: float) -> str:
        unique = f"{name}/c{len(proto.graph.initializer)}"
        tensor = numpy_helper.from_array(np.array(value, dtype=np.float32), unique)
        proto.graph.initializer.append(tensor)
        return unique

    at = step("Add", step("Div", x, scale), zero)
    if n_bits == 1 and is_signed:
        below = step("Cast", step("Less", at, constant(0)), to=TensorProto.FLOAT)
        at = step("Add", step("Mul", below, constant(-2)), constant(1))
    else:
        half = 2 ** (int(n_bits) - 1)
        lowest = -half + is_narrow if is_signed else 0
        highest = half - 1 if is_signed else 2 * half - 1 - is_narrow
        at = step(_ROUNDING[rounds], step("Clip", at, constant(lowest), constant(highest)))
    made.append(helper.make_node("Mul", [step("Sub", at, zero), scale], [name], node.name))
    return made


def _constant(proto: onnx.ModelProto, name: str) -> float | None:
    """The number that an initializer or a node Constant holds; None where there is none."""
    found: list[TensorProto] = [t for t in proto.graph.initializer if t.name == name]
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            found += [a.t for a in node.attribute if a.name == "value"]
    if len(found) != 1:
        return None
    values = numpy_helper.to_array(found[0])
    return float(values.reshape(-1)[0]) if values.size == 1 else None
