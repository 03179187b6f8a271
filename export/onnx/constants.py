"""What of a graph hangs on constants alone, worked out by ONNX's reference evaluator.

Exporters leave such nodes in files: scales computed from weights, shapes computed from the shape
of a sample. Their operators need not be known to whoever reads the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from metabit.errors import FormatError
from metabit.export.onnx.evaluator import evaluator

Array = NDArray[Any]
STANDARD = {"", "ai.onnx"}
"""Domains of ONNX's own operators."""
MAX_ELEMENTS = 1 << 26
"""Of one tensor, with one sample in the batch."""
_ROUNDS = 50


def can_be_worked_out(node: onnx.NodeProto) -> bool:
    """Whether a node is a function of its inputs: one of ONNX's, without graphs, not at random."""
    graphs = any(a.HasField("g") or a.graphs for a in node.attribute)
    named = isinstance(node.op_type, str)  # protobuf gives bytes where it is no text
    return named and node.domain in STANDARD and not graphs and "Random" not in node.op_type


def constant_nodes(graph: onnx.GraphProto) -> set[int]:
    """Indices of nodes that hang on constants alone."""
    known, found = {"", *(tensor.name for tensor in graph.initializer)}, set()
    for index, node in enumerate(graph.node):
        if can_be_worked_out(node) and known.issuperset(node.input):
            known.update(node.output)
            found.add(index)
    return found


def fold_foreign(proto: onnx.ModelProto, known_operators: frozenset[str], where: str) -> None:
    """Put values in place of constant nodes whose operators are not among those known.

    Args:
        proto: with all its tensors; is changed.
        known_operators: nodes of these stay as they are.
        where: name of the file, for messages.

    Raises:
        FormatError: such a node cannot be worked out (E-ONNX-OPERATOR), or gives a tensor that is
            too large, or whose size nobody can tell (E-ONNX).
    """
    graph, constant = proto.graph, constant_nodes(proto.graph)
    foreign = {i for i in constant if graph.node[i].op_type not in known_operators}
    if not foreign:
        return
    needed = {name for i in foreign for name in graph.node[i].input}
    wanted = set(foreign)
    for index in sorted(constant, reverse=True):
        if needed.intersection(graph.node[index].output):
            wanted.add(index)
            needed.update(graph.node[index].input)
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name in needed}
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    for index in sorted(wanted):
        values.update(worked_out(graph.node[index], values, opsets, where))
    _replace(graph, foreign, values)


def with_known_shapes(proto: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """A copy in which shapes of tensors, and what is computed from them, are constants.

    Args:
        proto: with a batch that is not free.
        where: name of the file, for messages.

    Raises:
        FormatError: see `fold_foreign`.
        Exception: ONNX cannot infer its shapes; its exceptions have no common base.
    """
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    for _ in range(_ROUNDS):
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)
        shapes = _shapes(inferred.graph)
        constants = {t.name: t for t in proto.graph.initializer}
        constants |= {t.name: t for t in map(_constant, proto.graph.node) if t is not None}
        values: dict[str, Array] = {}
        folded = set()
        for index, node in enumerate(proto.graph.node):
            if node.op_type == "Shape" and node.input[0] in shapes and node.domain in STANDARD:
                values[node.output[0]] = _shape(node, shapes[node.input[0]])
                folded.add(index)
            elif can_be_worked_out(node) and any(name in values for name in node.input):
                names = [name for name in node.input if name]
                if all(name in values or name in constants for name in names):
                    feed = {n: numpy_helper.to_array(constants[n]) for n in names if n in constants}
                    values.update(worked_out(node, {**feed, **values}, opsets, where))
                    folded.add(index)
        if not folded:
            return proto
        copied = onnx.ModelProto()
        copied.CopyFrom(proto)
        _replace(copied.graph, folded, values)
        proto = copied
    raise FormatError(f"{where}: shapes that follow from shapes without end", code="E-ONNX")


def worked_out(
    node: onnx.NodeProto, known: Mapping[str, Array], opsets: dict[str, int], where: str
) -> dict[str, Array]:
    """The outputs of a node whose inputs are all known, as its opset defines it.

    Raises:
        FormatError: see `fold_foreign`.
    """
    said = f"{where}: the constant node {node.op_type} {node.name or node.output[0]}"
    names = [name for name in dict.fromkeys(node.input) if name]
    tensors = [numpy_helper.from_array(np.asarray(known[n], order="C"), n) for n in names]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "constant", [], outputs, tensors)
    ids = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        # A graph of its own: the evaluator reads a lone node by the newest opset.
        alone = helper.make_model(graph, opset_imports=ids)
        inferred = onnx.shape_inference.infer_shapes(alone, strict_mode=True, data_prop=True)
    except Exception as error:  # its exceptions have no common base
        raise FormatError(f"{said} is refused by ONNX ({error})", code="E-ONNX") from error
    _check_sizes(inferred.graph, said)
    try:
        values = evaluator(alone).run(None, {})
    except Exception as error:  # its exceptions have no common base
        raise FormatError(
            f"{said} cannot be worked out ({error})", code="E-ONNX-OPERATOR"
        ) from error
    return {value.name: np.asarray(v) for value, v in zip(outputs, values, strict=True)}


def _constant(node: onnx.NodeProto) -> TensorProto | None:
    """The tensor of a node Constant, under the name of its output; None for another node."""
    if node.op_type != "Constant" or node.domain not in STANDARD:
        return None
    if [a.name for a in node.attribute] != ["value"]:
        return None
    tensor = TensorProto()
    tensor.CopyFrom(node.attribute[0].t)
    tensor.name = node.output[0]
    return tensor


def _check_sizes(graph: onnx.GraphProto, said: str) -> None:
    """Refuse what would be too large before memory is taken for it."""
    shapes = _shapes(graph)
    for output in graph.output:
        if output.name not in shapes:
            raise FormatError(f"{said}: nobody can tell how large it is", code="E-ONNX")
        if math.prod(shapes[output.name]) > MAX_ELEMENTS:
            raise FormatError(f"{said} has the shape {shapes[output.name]}", code="E-ONNX")


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Shapes that are known whole."""
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        whole = value.type.tensor_type.HasField("shape")
        if whole and all(dim.HasField("dim_value") for dim in dims):
            found[value.name] = tuple(dim.dim_value for dim in dims)
    found.update((tensor.name, tuple(tensor.dims)) for tensor in graph.initializer)
    return found


def _shape(node: onnx.NodeProto, shape: tuple[int, ...]) -> Array:
    """What a node Shape gives; since opset 15 it may be a part."""
    told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return np.array(shape[slice(told.get("start"), told.get("end"))], dtype=np.int64)


def _replace(graph: onnx.GraphProto, nodes: Iterable[int], values: Mapping[str, Array]) -> None:
    """Take nodes out of a graph, and put what they gave among its constants."""
    gone = set(nodes)
    for index in sorted(gone):
        for name in graph.node[index].output:
            if name:
                graph.initializer.append(
                    numpy_helper.from_array(np.asarray(values[name], order="C"), name)
                )
    kept = [node for index, node in enumerate(graph.node) if index not in gone]
    del graph.node[:]
    graph.node.extend(kept)
