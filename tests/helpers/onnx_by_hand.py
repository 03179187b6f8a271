"""Graphs that a test writes node by node, imported and held against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from metabit.export.golden import model_scores
from metabit.export.onnx.read import load
from metabit.export.onnx_import.importer import Imported, from_onnx
from metabit.export.onnx_import.samples import Quantization

Array = NDArray[Any]
UNIT = Quantization("uint8", 1 / 255, 0)


def imported(proto: onnx.ModelProto, folder: Path, told: Quantization | None = None) -> Imported:
    """Through a file, so that it is checked as every other one."""
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return from_onnx(load(path), "model.onnx", told)


class Graph:
    """A graph under construction, as other tools write it."""

    def __init__(self, shape: list[int], kind: int = TensorProto.FLOAT) -> None:
        self.rng = np.random.default_rng(7)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self.input = helper.make_tensor_value_info("x", kind, ["n", *shape])
        self.at = "x"

    def constant(self, values: Any, dtype: str = "float32") -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def step(self, operator: str, *constants: Any, first: Any = None, **more: Any) -> None:
        names = [c if isinstance(c, str) else self.constant(c) for c in constants]
        inputs = [self.at, *names] if first is None else [self.constant(first), self.at, *names]
        self.at = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.at], **more))

    def side(self, operator: str, *inputs: Any, **more: Any) -> str:
        """A node on constants only."""
        names = [c if isinstance(c, str) else self.constant(c) for c in inputs]
        name = f"s{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], **more))
        return name

    def batch_norm(self, n: int, size: float = 1.0) -> None:
        rng = self.rng
        gamma = rng.normal(0, 1, n)
        self.step(
            "BatchNormalization", gamma, rng.normal(0, 0.5, n), rng.normal(0, size, n),
            rng.uniform(0.3, 2, n) * size**2, epsilon=1e-3,
        )  # fmt: skip

    def signs(self, *shape: int, size: float = 1.0) -> Array:
        return size * self.rng.choice([-1.0, 1.0], shape)

    def proto(self, n_classes: int) -> onnx.ModelProto:
        output = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, ["n", n_classes])
        graph = helper.make_graph(self.nodes, "other", [self.input], [output], self.constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def labels(proto: onnx.ModelProto, x: Array) -> Array:
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {"x": x})
    assert len(np.unique(logits.argmax(axis=1))) > 1  # the test could fail
    result: Array = logits.argmax(axis=1)
    return result


def assert_labels(
    proto: onnx.ModelProto, back: Imported, q: Array, feed: Array | None = None
) -> None:
    """Of 8-bit samples q, as the graph takes them."""
    expected = labels(proto, q / np.float32(255) if feed is None else feed)
    flat = q.reshape(len(q), -1)
    if back.channels_first:
        flat = np.ascontiguousarray(np.moveaxis(q, 1, 3)).reshape(len(q), -1)
    assert np.array_equal(model_scores(back.model, flat).argmax(axis=1), expected)


def samples(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
