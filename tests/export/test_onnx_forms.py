"""What an opset wrote in another form than today's is imported with ONNX Runtime's labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from metabit.compare.align import align
from metabit.compare.compare import random_samples
from metabit.compare.onnx_file import OnnxArtefact
from metabit.compare.packed import PackedArtefact
from metabit.edge_runtime.engine import Engine
from metabit.errors import FormatError, MetabitError
from metabit.export.container import dumps
from metabit.export.onnx.read import OPERATORS, load
from metabit.export.onnx_import.importer import from_onnx
from metabit.export.onnx_import.samples import Quantization

Nodes = list[onnx.NodeProto]
N = helper.make_node
N_IN, N_HIDDEN, N_OUT = 12, 16, 4
OPSETS = (7, 8, 9, 10, 11, 12, 13, 15, 18, 21)
ENDINGS = ("", "Softmax", "LogSoftmax", "ArgMax", "TopK")


def binary(rng: np.random.Generator, *shape: int) -> Any:
    return rng.choice([-1.0, 1.0], shape).astype(np.float32)


class Graph:
    """A random network as an exporter of some opset writes it.

    Attributes:
        nodes: in order.
        values: constants by name.
    """

    def __init__(self, seed: int, opset: int, ending: str) -> None:
        self.rng, self.opset, self.ending = np.random.default_rng(seed), opset, ending
        self.values: dict[str, Any] = {
            "w1": binary(self.rng, N_IN, N_HIDDEN),
            "w2": binary(self.rng, N_HIDDEN, N_OUT),
            "shift": (self.rng.normal(size=N_HIDDEN) * 3 + 0.17).astype(np.float32),
            "spread": self.rng.uniform(0.5, 9, N_OUT).astype(np.float32),
            "b2": (self.rng.normal(size=N_OUT) * 2 + 0.13).astype(np.float32),
        }
        self.nodes: Nodes = []
        at = self.flatten()
        self.nodes += [N("MatMul", [at, "w1"], ["a"]), N("Add", ["a", "shift"], ["s"])]
        at = self.sign(self.clip("s"))
        self.nodes += [N("MatMul", [at, "w2"], ["y0"]), N("Add", ["y0", "b2"], ["y1"])]
        self.scale("y1")
        self.end()

    def flatten(self) -> str:
        """As `x.view(x.size(0), -1)` is exported."""
        if self.rng.random() < 0.4:
            self.nodes.append(N("Flatten", ["x"], ["flat"]))
            return "flat"
        self.values |= {"zero": np.int64(0), "rest": np.array([-1]), "axis": np.array([0])}
        told: dict[str, Any] = {} if self.opset >= 13 else {"axes": [0]}
        inputs = ["n", "axis"] if self.opset >= 13 else ["n"]
        self.nodes += [
            N("Shape", ["x"], ["shape"]), N("Gather", ["shape", "zero"], ["n"], axis=0),
            N("Unsqueeze", inputs, ["n1"], **told), N("Concat", ["n1", "rest"], ["to"], axis=0),
            N("Reshape", ["x", "to"], ["flat"]),
        ]  # fmt: skip
        return "flat"

    def clip(self, at: str) -> str:
        """Bounds that decide signs, as attributes or as inputs; one may be left out."""
        low, high = sorted(self.rng.choice([-6.0, -1.0, 2.0, 7.0], 2, replace=False).tolist())
        told = {"min": low, "max": high}
        if self.rng.random() < 0.3:
            told.pop(str(self.rng.choice(["min", "max"])))
        if self.opset < 11:
            self.nodes.append(N("Clip", [at], ["clipped"], **told))
        else:
            self.values.update({key: np.float32(value) for key, value in told.items()})
            names = [key if key in told else "" for key in ("min", "max")]
            self.nodes.append(N("Clip", [at, *names], ["clipped"]))
        return "clipped"

    def sign(self, at: str) -> str:
        """A sign, or a sign that lets gradients through."""
        if self.opset < 9 or self.rng.random() < 0.3:
            self.values.update(none=np.float32(0), two=np.float32(2), one=np.float32(1))
            self.nodes += [
                N("Less", [at, "none"], ["low"]), N("Cast", ["low"], ["is_low"], to=1),
                N("Mul", ["is_low", "two"], ["twice"]), N("Sub", ["one", "twice"], ["h"]),
            ]  # fmt: skip
        elif self.rng.random() < 0.5:
            self.nodes.append(N("Sign", [at], ["h"]))
        else:
            self.nodes += [
                N("Sign", [at], ["g"]), N("Sub", ["g", at], ["d"]), N("Add", [at, "d"], ["h"]),
            ]  # fmt: skip
        return "h"

    def scale(self, at: str) -> None:
        """A scale of the scores that is computed from constants."""
        kind = self.rng.choice(["Sqrt", "Reciprocal", "Pow", "Exp", "Abs"])
        self.values["half"] = np.float32(0.5)
        inputs = ["spread", "half"] if kind == "Pow" else ["spread"]
        self.nodes += [N(kind, inputs, ["by"]), N("Mul", [at, "by"], ["y"])]

    def end(self) -> None:
        """What comes after the scores."""
        if self.ending == "TopK":
            self.values["k"] = np.array([1])
            inputs = ["y", "k"] if self.opset >= 10 else ["y"]
            told: dict[str, Any] = {} if self.opset >= 10 else {"k": 1}
            self.nodes.append(N("TopK", inputs, ["v", "z"], axis=1, **told))
        elif self.ending == "ArgMax":
            self.nodes.append(N("ArgMax", ["y"], ["z"], axis=1))
        elif self.ending:
            self.nodes.append(N(self.ending, ["y"], ["z"], axis=1))

    def save(self, path: Path) -> None:
        """As a file with a batch that is free."""
        used = {name for node in self.nodes for name in node.input}
        constants = [numpy_helper.from_array(np.asarray(v), k) for k, v in self.values.items()]
        last = "z" if self.ending else "y"
        kind, width = (7, 1) if self.ending in ("ArgMax", "TopK") else (1, N_OUT)
        graph = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info("x", 1, ["N", 3, 2, 2])],
            [helper.make_tensor_value_info(last, kind, ["N", width])],
            [tensor for tensor in constants if tensor.name in used],
        )  # fmt: skip
        ids = [helper.make_opsetid("", self.opset)]
        onnx.save(helper.make_model(graph, opset_imports=ids, ir_version=8), path)


@pytest.mark.parametrize("opset", OPSETS)
def test_graphs_of_every_opset_give_onnx_runtimes_labels(tmp_path: Path, opset: int) -> None:
    path, rng = tmp_path / "model.onnx", np.random.default_rng(opset)
    for seed in range(8):
        ending = ENDINGS[(seed + opset) % len(ENDINGS)]
        Graph(100 * opset + seed, opset, ending).save(path)
        imported = from_onnx(load(path), "model.onnx", Quantization("int8", 1.0, 0))
        x = rng.integers(-9, 10, (300, 3, 2, 2)).astype(np.int8)
        run = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found = run.run(None, {"x": x.astype(np.float32)})[-1].reshape(300, -1)
        expected = found[:, 0] if found.shape[1] == 1 else found.argmax(axis=1)
        if imported.channels_first:
            x = np.moveaxis(x, 1, -1)
        labels = Engine(dumps(imported.model)).predict(x.reshape(300, -1))
        assert np.array_equal(labels, expected), (opset, seed, ending)


def one_node(path: Path, node: onnx.NodeProto, opset: int) -> None:
    """A network in which this node leads from "s" to "t"."""
    graph = Graph(1, opset, "")
    at = next(i for i, made in enumerate(graph.nodes) if made.output[0] == "clipped")
    graph.nodes[at] = node
    for made in graph.nodes[at + 1 :]:
        made.input[:] = ["t" if name == "clipped" else name for name in made.input]
    graph.save(path)


REFUSED = {
    "spatial=0": (N("BatchNormalization", ["s", *["shift"] * 4], ["t"], spatial=0), 7),
    "is not known": (N("Dropout", ["s"], ["t"], ratio=0.5, dilation=3), 11),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_an_attribute_means_is_never_passed_over(tmp_path: Path, says: str) -> None:
    node, opset = REFUSED[says]
    one_node(tmp_path / "model.onnx", node, opset)
    with pytest.raises(MetabitError) as refused:
        from_onnx(load(tmp_path / "model.onnx"), "it", Quantization("int8", 1.0, 0))
    assert refused.value.code in ("E-IMPORT", "E-ONNX")


def test_opsets_that_broadcast_otherwise_are_refused(tmp_path: Path) -> None:
    graph = Graph(1, 7, "")
    graph.opset = 6
    graph.save(tmp_path / "model.onnx")
    with pytest.raises(MetabitError) as refused:
        from_onnx(load(tmp_path / "model.onnx"), "it", Quantization("int8", 1.0, 0))
    assert refused.value.code in ("E-IMPORT", "E-ONNX")


def test_a_constant_that_would_be_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    graph = Graph(1, 18, "")
    graph.values["many"] = np.array([1 << 15, 1 << 15])
    graph.nodes[0:0] = [
        N("ConstantOfShape", ["many"], ["zeros"]), N("ReduceMax", ["zeros"], ["top"], keepdims=0),
        N("Add", ["x", "top"], ["x_moved"]),
    ]  # fmt: skip
    graph.save(tmp_path / "model.onnx")
    with pytest.raises(MetabitError, match="has the shape"):
        load(tmp_path / "model.onnx")


def test_an_operator_that_is_not_known_may_hang_on_constants_alone(tmp_path: Path) -> None:
    assert not OPERATORS.intersection(("Sqrt", "Reciprocal", "Pow", "Exp", "Abs"))
    graph = Graph(1, 18, "")
    graph.nodes.append(N("Exp", ["y"], ["z"]))
    graph.ending = "Exp"
    graph.save(tmp_path / "model.onnx")
    with pytest.raises(FormatError, match="operator Exp is not supported"):
        load(tmp_path / "model.onnx")


@pytest.mark.parametrize("ending", ["ArgMax", "TopK"])
def test_a_file_that_gives_labels_alone_is_compared_by_them(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "model.onnx"
    Graph(3, 13, ending).save(path)
    imported = from_onnx(load(path), "it", Quantization("int8", 1.0, 0))
    a, b = align(OnnxArtefact("it", load(path)), PackedArtefact("model", imported.model))
    x = random_samples(a, 50)
    assert np.array_equal(a.outputs(x, 0).labels, b.outputs(x, 0).labels)


def external(folder: Path, tensors: int, **told: str) -> Path:
    """A file whose constants lie in a sparse file of 512 MiB beside it."""
    proto, graph = onnx.ModelProto(), Graph(1, 18, "")
    graph.save(folder / "model.onnx")
    proto.ParseFromString((folder / "model.onnx").read_bytes())
    for index in range(tensors):
        tensor = numpy_helper.from_array(np.zeros(4, np.float32), f"more{index}")
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": "data.bin", **told}.items():
            tensor.external_data.add(key=key, value=value)
        proto.graph.initializer.append(tensor)
    with (folder / "data.bin").open("wb") as file:
        file.truncate(512 << 20)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    return folder / "model.onnx"


def test_a_tensor_takes_of_its_file_what_its_shape_needs(tmp_path: Path) -> None:
    proto = load(external(tmp_path, 20))
    sizes = [len(t.raw_data) for t in proto.graph.initializer if t.name.startswith("more")]
    assert sizes == [16] * 20


@pytest.mark.parametrize(
    "told",
    [{"length": "17"}, {"length": "x"}, {"offset": str(512 << 20)}, {"location": "a\0b"},
     {"location": "../data.bin"}, {"offset": "-4"}],
)  # fmt: skip
def test_external_data_that_is_not_as_told_is_refused(tmp_path: Path, told: dict[str, str]) -> None:
    path = external(tmp_path, 1, **told)
    with pytest.raises(MetabitError):
        load(path)
