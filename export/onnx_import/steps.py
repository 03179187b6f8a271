"""The one path from a graph's input to its scores, as steps; everything constant is worked out.

Weights may come from any constant nodes (packed bits, INT2, Sign or BipolarQuant of float values):
nodes whose inputs are all constant are run once, by ONNX's reference evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from metabit.errors import FormatError
from metabit.export.onnx.constants import with_known_shapes, worked_out
from metabit.export.onnx_import.errors import node_name, refuse
from metabit.export.onnx_import.forms import check_opset, operands_of, without_detours

Array = NDArray[Any]

#: Operators after the scores that do not change which one is largest.
ENDINGS = ("ArgMax", "Softmax", "LogSoftmax", "TopK", "Identity")


@dataclass(frozen=True)
class Step:
    """One node on the path.

    Attributes:
        node: as in the file.
        operands: its inputs in order; None for the value that comes along the path.
        shape: shape of its output for one sample, the batch (1) included.
        attributes: by name.
        kind: ONNX's type of the elements of its output.
    """

    node: onnx.NodeProto
    operands: tuple[Array | None, ...]
    shape: tuple[int, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    kind: int = TensorProto.FLOAT

    @property
    def operator(self) -> str:
        """The operator's type."""
        return str(self.node.op_type)

    def constant(self, index: int, default: float | None = None) -> Array | None:
        """An operand, or `default` where it is left out."""
        if index < len(self.operands) and self.operands[index] is not None:
            return self.operands[index]
        return None if default is None else np.array(default)


@dataclass(frozen=True)
class Path:
    """What `path_of` found.

    Attributes:
        input_type: ONNX's type of the elements of the input.
        input_shape: shape of one sample.
        steps: nodes from the input to the scores, in order.
    """

    input_type: int
    input_shape: tuple[int, ...]
    steps: tuple[Step, ...]


def path_of(proto: onnx.ModelProto, bank: int, where: str) -> Path:
    """The steps of a checked model.

    Args:
        proto: from `metabit.export.onnx.read.load`.
        bank: value of the input ``bank``, where there is one.
        where: name of the file, for messages.

    Raises:
        FormatError: it has several inputs, or its path branches or joins.
    """
    check_opset(proto, where)
    single = without_detours(_for_one_sample(proto, where))
    inferred = _inferred(single)
    shapes = _shapes(inferred)
    kinds = {value.name: int(value.type.tensor_type.elem_type) for value in inferred}
    outputs = {value.name for value in single.graph.output}
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in single.graph.initializer}
    inputs = [value for value in single.graph.input if value.name not in known]
    if inputs[1:] and inputs[1].name == "bank":
        known["bank"] = np.array(bank, dtype=np.int64)
    elif inputs[1:]:
        raise refuse(where, f"it has {len(inputs)} inputs; one is possible")
    at, ended = inputs[0].name, False
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    steps: list[Step] = []
    for node in single.graph.node:
        moving = [name for name in node.input if name and name not in known]
        if not moving:
            known.update(_worked_out(node, known, opsets, where))
        elif node.op_type in ENDINGS and (ended or (moving == [at] and _at_end(single, at))):
            _check_ending(node, where)
            ended = True
        elif ended:
            raise refuse(where, f"node {node_name(node)} comes after the end of the scores")
        elif at in outputs:
            raise refuse(
                where, f"node {node_name(node)} continues from {at}, which is an output: which of "
                "them holds the scores?",
            )  # fmt: skip
        elif moving == [at]:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            operands = tuple(known.get(name) for name in node.input)
            operands = operands_of(node, operands, attributes, where)
            shape = shapes.get(node.output[0], ())
            kind = kinds.get(node.output[0], TensorProto.UNDEFINED)
            steps.append(Step(node, operands, shape, attributes, kind))
            at = node.output[0]
        else:
            raise refuse(
                where,
                f"node {node_name(node)} joins or branches the path (it reads "
                f"{', '.join(moving)}); only chains of layers are possible",
            )
    kind = inputs[0].type.tensor_type.elem_type
    return Path(int(kind), tuple(shapes[inputs[0].name][1:]), tuple(steps))


def _at_end(proto: onnx.ModelProto, tensor: str) -> bool:
    """Whether a tensor is an output, or only endings read it."""
    if tensor in {value.name for value in proto.graph.output}:
        return True
    readers = [node for node in proto.graph.node if tensor in node.input]
    return all(node.op_type in ENDINGS[:-1] for node in readers)


def _for_one_sample(proto: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model with a batch of one, so that every shape is known."""
    single = onnx.ModelProto()
    single.CopyFrom(proto)
    if not single.graph.input:
        raise refuse(where, "it has no input")
    del single.graph.value_info[:]
    for value in single.graph.output:
        value.type.tensor_type.ClearField("shape")
    dims = single.graph.input[0].type.tensor_type.shape.dim
    if not dims or any(not dim.dim_value for dim in dims[1:]):
        raise refuse(where, "only the first dimension of its input, the batch, may be free")
    dims[0].dim_value = 1
    try:
        return with_known_shapes(single, where)
    except FormatError:
        raise
    except Exception as error:  # ONNX's exceptions have no common base
        raise refuse(where, f"ONNX cannot tell its shapes ({error})") from error


def _check_ending(node: onnx.NodeProto, where: str) -> None:
    """Refuse an ending that makes another class the first one."""
    told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    operands_of(node, (None,), told, where)
    axis = told.get("axis", 0 if node.op_type == "ArgMax" else -1)
    last = told.get("select_last_index", 0) or not told.get("largest", 1)
    if node.op_type != "Identity" and (axis not in (1, -1) or last):
        raise refuse(where, f"{node_name(node)} does not choose the first of the largest scores")


def _inferred(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    graph = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    return [*graph.input, *graph.value_info, *graph.output]


def _shapes(values: Sequence[onnx.ValueInfoProto]) -> dict[str, tuple[int, ...]]:
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in values
        if value.type.tensor_type.HasField("shape")
    }


def _worked_out(
    node: onnx.NodeProto, known: Mapping[str, Array], opsets: dict[str, int], where: str
) -> dict[str, Array]:
    """The outputs of a node whose inputs are all constant."""
    if node.op_type == "BipolarQuant":
        x, scale = (known[name] for name in node.input[:2])
        return {node.output[0]: np.where(x >= 0, scale, -scale)}
    return worked_out(node, known, opsets, where)
