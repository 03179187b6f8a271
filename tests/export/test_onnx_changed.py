"""Graphs that were changed at random: the import keeps ONNX Runtime's labels, or refuses."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import onnx
import pytest
from helpers.random_models import random_model, small_convnet
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from metabit.compare.align import align
from metabit.compare.compare import random_samples
from metabit.compare.onnx_file import OnnxArtefact
from metabit.compare.packed import PackedArtefact
from metabit.errors import FormatError, MetabitError
from metabit.export.onnx.read import check
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.onnx_import.importer import Imported, from_onnx

N_GRAPHS = 120
UNARY = ("Neg", "Sign", "Relu", "Identity", "Round")
BINARY = ("Add", "Sub", "Mul", "Div", "Min", "Max", "Greater", "GreaterOrEqual", "Less")
OTHERS = {
    "GreaterOrEqual": ("Greater", "Less", "LessOrEqual"), "Add": ("Sub", "Mul", "Max"),
    "Sub": ("Add", "Div", "Min"), "Mul": ("Div", "Add", "Sub"),
}  # fmt: skip
#: Powers of two: others round, and a sum that meets a threshold may fall on either side.
NUMBERS = (-1, 0, 1, 2, -0.5, 0.5, 4, -2, 128)


def insert(proto: onnx.ModelProto, rng: random.Random) -> None:
    """An operator on what a node makes, before all that read it."""
    nodes = proto.graph.node
    at = rng.randrange(len(nodes))
    made = nodes[at].output[0]
    new, constant = f"{made}/new", f"{made}/constant"
    if rng.random() < 0.4:
        added = [helper.make_node(rng.choice(UNARY), [made], [new], new)]
    else:
        number = np.array(rng.choice(NUMBERS), dtype=np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(number, constant))
        operands = rng.choice([[made, constant], [constant, made]])
        added = [helper.make_node(rng.choice(BINARY), operands, [new], new)]
    if added[0].op_type in ("Greater", "GreaterOrEqual", "Less"):
        added[0].output[0] = f"{new}/bits"
        added.append(helper.make_node("Cast", [f"{new}/bits"], [new], to=TensorProto.FLOAT))
    for node in nodes:
        for index, name in enumerate(node.input):
            if name == made:
                node.input[index] = new
    for offset, node in enumerate(added):
        nodes.insert(at + 1 + offset, node)


def change(proto: onnx.ModelProto, rng: random.Random) -> None:
    """Another operator, operands the other way round, or other constants."""
    node, tensor = rng.choice(proto.graph.node), rng.choice(proto.graph.initializer)
    kind = rng.randrange(3)
    if kind == 0:
        node.op_type = rng.choice(OTHERS.get(node.op_type, (node.op_type,)))
    elif kind == 1 and len(node.input) > 1:
        node.input[0], node.input[1] = node.input[1], node.input[0]
    elif tensor.data_type == TensorProto.FLOAT:
        values = numpy_helper.to_array(tensor)
        values = values * np.float32(rng.choice([-1, 2, 0.5])) + np.float32(rng.choice([0, 0.5]))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def assert_same_labels(proto: onnx.ModelProto, imported: Imported) -> None:
    a, b = align(OnnxArtefact("it", proto), PackedArtefact("model", imported.model))
    x = random_samples(a, 40)
    labels: NDArray[np.int64] = b.outputs(x, 0).labels
    assert np.array_equal(a.outputs(x, 0).labels, labels), [n.op_type for n in proto.graph.node]


def test_a_changed_graph_keeps_its_labels_or_is_refused() -> None:
    rng, seen = random.Random(3), Counter[str]()
    models = [random_model((10, 6, 3), seed=1), small_convnet(seed=1, learnable=False)]
    bases = [to_onnx(model, style) for model in models for style in STYLES]
    for _ in range(N_GRAPHS):
        proto = onnx.ModelProto()
        proto.CopyFrom(rng.choice(bases))
        del proto.graph.value_info[:]
        for _ in range(rng.randint(1, 3)):
            rng.choice([insert, change])(proto, rng)
        try:
            checked = check(proto, "it")
            imported = from_onnx(checked, "it")
        except MetabitError as error:
            seen[error.code] += 1
            continue
        if not any("gives 0" in layer.note for layer in imported.layers):  # told, and different
            assert_same_labels(checked, imported)
            seen["equal"] += 1
    assert seen["equal"] > 25
    assert seen["E-IMPORT"] > 10


def network(*between: onnx.NodeProto, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """x (n, 6) uint8 to "sums", `between` from "sums" to "y", and from there to scores."""
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.choice([-1, 1], (6, 8)).astype(helper.tensor_dtype_to_np_dtype(kind)),
        "v": rng.choice([-1, 1], (8, 3)).astype(np.float32),
        "five": np.array(5, np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["x"], ["cast"], to=kind),
            helper.make_node("MatMul", ["cast", "w"], ["sums"], "first"), *between,
            helper.make_node("Sign", ["y"], ["bits"]),
            helper.make_node("MatMul", ["bits", "v"], ["scores"]),
        ],
        "other",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 6])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18)]
    return check(helper.make_model(graph, opset_imports=opsets, ir_version=8), "it")


REFUSED = {
    "Div": network(helper.make_node("Div", ["five", "sums"], ["y"])),
    "Cast": network(
        helper.make_node("Cast", ["sums"], ["b"], to=TensorProto.BOOL),
        helper.make_node("Cast", ["b"], ["y"], to=TensorProto.FLOAT),
    ),
    "computes in INT32": network(
        helper.make_node("Cast", ["sums"], ["y"], to=TensorProto.FLOAT), kind=TensorProto.INT32
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_does_not_rise_or_fall_or_wraps_around_is_refused(reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as refused:
        from_onnx(REFUSED[reason], "it")
    assert refused.value.code == "E-IMPORT"


def test_scores_that_are_no_end_are_refused() -> None:
    """An output, and something else that is computed from it: which of them counts?"""
    proto = network(helper.make_node("Identity", ["sums"], ["y"]))
    proto.graph.node.append(helper.make_node("Neg", ["scores"], ["other"]))
    with pytest.raises(FormatError, match="continues from scores"):
        from_onnx(check(proto, "it"), "it")
