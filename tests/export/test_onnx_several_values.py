"""Activations of several values become a bit for each step, with ONNX Runtime's labels.

Sums never meet a threshold exactly, and no two classes have one score: what is tested is what the
bits make of a graph, not how a runtime rounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from helpers.onnx_graphs import Case
from helpers.onnx_writing import FINN, FLOAT, QONNX, Writer
from onnx import helper, numpy_helper

from metabit.compare.imported import check_import
from metabit.errors import FormatError, MetabitError
from metabit.export.onnx.read import check
from metabit.export.onnx_import.importer import from_onnx
from metabit.export.onnx_import.samples import Quantization

N_CLASSES, TOLD = 4, Quantization("uint8", 1 / 255, 0)
WAYS = ("MultiThreshold", "Clip and Round", "QuantizeLinear", "0 and 1", "Less, twice")


class SeveralValues(Writer):
    """A network whose hidden activations take more values than two."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.opset = int(self.rng.choice([11, 12, 13, 15, 18, 21]))
        self.domains = {"": self.opset}
        self.way = str(self.rng.choice(WAYS))
        self.is_unsigned = bool(self.rng.random() < 0.5)

    def activate(self, n: int, rank: int, spread: float) -> None:
        """Thresholds at thirds between whole numbers, after a scale of its own for each channel."""
        rng, traits = self.rng, self.traits
        traits.append(self.way)
        scale = self.by_channel(
            rng.choice([-1, 1, 1], n) * rng.uniform(0.5, 2, n) / (spread * self.size), rank
        )
        self.step("Mul", self.constant(scale))
        self.step("Add", self.constant(self.by_channel(rng.normal(size=n) * 0.2 + 0.01, rank)))
        if self.way == "MultiThreshold":
            self.multi_threshold(n, rank)
        elif self.way == "Clip and Round":
            top = int(rng.integers(1, 8))
            low = 0.0 if self.is_unsigned else -float(top)
            self.step("Mul", self.constant(float(top)))
            self.step("Clip", self.constant(low), self.constant(float(top)))
            self.step("Round")
        elif self.way == "QuantizeLinear":
            size = 0.25 if self.is_unsigned else 0.5
            self.step("Clip", self.constant(0.0 if self.is_unsigned else -1.0), self.constant(1.5))
            kind = "uint8" if self.is_unsigned else "int8"
            about = self.constant(size), self.constant(0 if self.is_unsigned else 3, kind)
            self.step("QuantizeLinear", *about)
            self.step("DequantizeLinear", *about)
        elif self.way == "0 and 1":
            self.step("Greater", self.constant(0.1))
            self.step("Cast", to=FLOAT)
        else:
            self.step("Clip", self.constant(-1.0), self.constant(1.0))
            self.step("Round")
            self.step("Sign")

    def multi_threshold(self, n: int, rank: int) -> None:
        """In each of its forms: any number of thresholds, the same for all channels or not."""
        rng = self.rng
        n_steps, rows = int(rng.integers(2, 16)), n if rng.random() < 0.5 else 1
        thresholds = np.sort(rng.normal(size=(rows, n_steps)), axis=1)
        if rng.random() < 0.3:
            thresholds[:, 1] = thresholds[:, 0]  # two steps at one place
        scale = float(rng.choice([1.0, 0.5, 0.3, 2.0]))
        told: dict[str, Any] = {"out_scale": scale, "out_dtype": f"UINT{n_steps}"}
        if not self.is_unsigned:
            told["out_bias"] = float(-scale * (n_steps // 2))
        domain, at = (QONNX, FINN)[rng.integers(2)], self.constant(thresholds)
        if rank == 4 and rng.random() < 0.5:
            self.step("Transpose", perm=[0, 2, 3, 1])
            self.step("MultiThreshold", at, domain=domain, data_layout="NHWC", **told)
            self.step("Transpose", perm=[0, 3, 1, 2])
        else:
            self.step("MultiThreshold", at, domain=domain, **told)

    def convolutions(self) -> tuple[tuple[int, ...], int]:
        """Two, the second with zeros around its maps where 0 is the lowest value."""
        rng, sides = self.rng, sides_of(self.rng)
        shape, n = (int(rng.integers(1, 4)), *sides), int(rng.integers(2, 5))
        rows, columns = (side - 2 for side in sides)
        kernels, self.size = self.weights(n, shape[0], 3, 3)
        self.step("Conv", kernels)
        if min(rows, columns) >= 6 and rng.random() < 0.6:
            rows, columns = rows // 2, columns // 2
            self.step("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        self.activate(n, 4, 2 * shape[0])
        told: dict[str, Any] = {}
        if self.is_unsigned and self.way != "Less, twice" and rng.random() < 0.7:
            told["pads"] = [1, 1, 1, 1]
            self.traits.append("zeros around")
        else:
            rows, columns = rows - 2, columns - 2
        n_next = int(rng.integers(2, 5))
        kernels, self.size = self.weights(n_next, n, 3, 3)
        self.step("Conv", kernels, **told)
        self.activate(n_next, 4, 3 * n)
        self.step("Flatten")
        return shape, n_next * rows * columns

    def build(self) -> Case:
        """The whole graph."""
        rng, is_conv = self.rng, bool(self.rng.random() < 0.5)
        if is_conv:
            shape, n_in = self.convolutions()
        else:
            shape, n_in = (int(rng.integers(6, 20)),), 0
            n_in = shape[0]
            for spread in (shape[0] / 6, 4):
                n_out = int(rng.integers(3, 12))
                self.dense(n_in, n_out)
                self.activate(n_out, 2, spread)
                n_in = n_out
        self.dense(n_in, N_CLASSES)
        self.step("Add", self.constant((np.arange(N_CLASSES) - 1) * 0.0137 * self.size))
        ids = [helper.make_opsetid(name, n) for name, n in self.domains.items()]
        graph = helper.make_graph(
            self.nodes, "several", [helper.make_tensor_value_info("x", FLOAT, ["N", *shape])],
            [helper.make_tensor_value_info(self.at, FLOAT, ["N", N_CLASSES])], self.constants,
        )  # fmt: skip
        proto = helper.make_model(graph, opset_imports=ids, ir_version=8)
        return Case(proto, TOLD, shape, tuple(self.traits))


def sides_of(rng: np.random.Generator) -> tuple[int, int]:
    rows, columns = (int(side) for side in rng.integers(6, 10, 2))
    return rows, columns


def classes_seen(seed: int) -> int:
    """Import a graph and hold it against ONNX Runtime, as `metabit import` does."""
    case = SeveralValues(seed).build()
    proto = check(case.proto, "it")
    found = check_import(proto, "it", from_onnx(proto, "it", case.told))
    assert found.n_rounded == 0, (seed, case.traits)
    return found.n_classes_seen


@pytest.mark.parametrize("seed", range(7000, 7040))
def test_labels_are_onnx_runtimes(seed: int) -> None:
    classes_seen(seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(20_000, 20_400, 20))
def test_labels_are_onnx_runtimes_in_many_graphs(first: int) -> None:
    assert max(map(classes_seen, range(first, first + 20))) > 1


def hand_made(thresholds: Any, **told: Any) -> onnx.ModelProto:
    """Two dense layers with a MultiThreshold between them."""
    rng = np.random.default_rng(3)
    constants = {
        "w1": rng.choice([-1, 1], (12, 4)), "w2": rng.choice([-1, 1], (4, N_CLASSES)),
        "t": np.asarray(thresholds), "b": np.arange(N_CLASSES) * 0.0137,
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("MultiThreshold", ["a", "t"], ["h"], "steps", domain=QONNX, **told),
        helper.make_node("MatMul", ["h", "w2"], ["s"]),
        helper.make_node("Add", ["s", "b"], ["y"]),
    ]
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    x = helper.make_tensor_value_info("x", FLOAT, ["N", 12])
    y = helper.make_tensor_value_info("y", FLOAT, ["N", N_CLASSES])
    graph = helper.make_graph(nodes, "hand made", [x], [y], tensors)
    ids = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(graph, opset_imports=ids, ir_version=8)


def test_a_bit_for_each_step_and_what_stands_for_what_is_said() -> None:
    proto = check(hand_made([[0.2, 1.1, 2.3]] * 4), "it")
    imported = from_onnx(proto, "it", TOLD)
    first, last = imported.model.layers
    assert (first.n_out, last.n_in) == (12, 12)
    assert "4 channels of up to 4 values" in imported.layers[0].became
    assert check_import(proto, "it", imported).n_classes_seen > 1


@pytest.mark.parametrize(
    ("thresholds", "told", "why"),
    [
        (np.linspace(-3, 3, 64).reshape(4, 16), {}, "at most 16 values"),
        (np.zeros((4, 300)), {}, "at most 255"),
        (np.zeros((4, 2)), {"out_typo": 1}, "out_typo"),
        (np.zeros((2, 2)), {}, "Incompatible dimensions"),
    ],
)
def test_more_than_bits_can_stand_for_is_refused(thresholds: Any, told: Any, why: str) -> None:
    with pytest.raises(MetabitError, match=why):
        from_onnx(check(hand_made(thresholds, **told), "it"), "it", TOLD)


def test_a_lying_explanation_is_refused() -> None:
    proto = check(hand_made([[0.2, 1.1, 2.3]] * 4), "it")
    check(proto, "it")  # its own one passes
    body = proto.functions[0].node
    next(node for node in body if node.op_type == "Less").op_type = "Greater"
    with pytest.raises(FormatError, match="defines an operator"):
        check(proto, "it")
