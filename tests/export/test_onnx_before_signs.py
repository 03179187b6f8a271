"""What exporters put in front of a sign rises, so that labels stay those of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.onnx_by_hand import UNIT, Graph, assert_labels, imported, samples
from onnx import TensorProto

from metabit.errors import FormatError

N_IN, N_HIDDEN = 21, 16


def as_bits(g: Graph, middle: float) -> None:
    """1 above the middle, -1 below."""
    g.step("Greater", middle)
    g.step("Cast", to=TensorProto.FLOAT)
    g.step("Mul", 2.0)
    g.step("Sub", 1.0)


def sigmoid(g: Graph) -> None:
    g.step("Sigmoid")
    as_bits(g, 0.5)


def half(g: Graph) -> None:
    cast(g, TensorProto.FLOAT16)
    g.step("Sign")


def sign(g: Graph, operator: str, *constants: object, **told: float) -> None:
    g.step(operator, *constants, **told)
    g.step("Sign")


def rounded(g: Graph, operator: str) -> None:
    """BinaryConnect's: 0 or 1 of a hard sigmoid, then -1 or 1."""
    g.step("HardSigmoid", alpha=0.5, beta=0.5)
    g.step("Add", 0.5 if operator == "Floor" else -0.5)
    g.step(operator)
    g.step("Mul", 2.0)
    g.step("Sub", 1.0)


def cast(g: Graph, kind: int, *before: str) -> None:
    for operator in before:
        g.step(operator)
    g.step("Cast", to=kind)
    g.step("Cast", to=TensorProto.FLOAT)


WAYS: dict[str, Callable[[Graph], None]] = {
    "Tanh": lambda g: sign(g, "Tanh"),
    "Softsign": lambda g: sign(g, "Softsign"),
    "Elu": lambda g: sign(g, "Elu", alpha=0.7),
    "LeakyRelu": lambda g: sign(g, "LeakyRelu", alpha=0.3),
    "PRelu": lambda g: sign(g, "PRelu", [0.25]),
    "Sigmoid": sigmoid,
    "Floor": lambda g: rounded(g, "Floor"),
    "Ceil": lambda g: rounded(g, "Ceil"),
    "int8": lambda g: cast(g, TensorProto.INT8, "Sign"),
    "truth": lambda g: cast(g, TensorProto.BOOL, "Relu"),
    "half": half,
}


def graph(way: Callable[[Graph], None], size: float = 1.0) -> Graph:
    g = Graph([N_IN])
    g.step("MatMul", g.signs(N_IN, N_HIDDEN))
    g.batch_norm(N_HIDDEN)
    g.step("Mul", size)
    way(g)
    g.step("MatMul", g.signs(N_HIDDEN, 4))
    g.step("Add", [0.0, 0.0137, 0.0274, 0.0411])
    return g


@pytest.mark.parametrize("way", WAYS)
def test_labels_are_onnx_runtimes(way: str, tmp_path: Path) -> None:
    proto = graph(WAYS[way]).proto(4)
    assert_labels(proto, imported(proto, tmp_path, UNIT), samples(200, N_IN))


@pytest.mark.parametrize(
    ("kind", "before"), [(TensorProto.INT8, ()), (TensorProto.BOOL, ()), (TensorProto.UINT8, ())]
)
def test_a_cast_that_wraps_around_is_refused(
    kind: int, before: tuple[str, ...], tmp_path: Path
) -> None:
    proto = graph(lambda g: cast(g, kind, *before), 300.0).proto(4)
    with pytest.raises(FormatError, match="not binary"):
        imported(proto, tmp_path, UNIT)


def test_a_convolution_that_sees_its_whole_map_is_a_dense_layer(tmp_path: Path) -> None:
    """Anywhere in a network."""
    g = Graph([N_IN])
    g.step("MatMul", g.signs(N_IN, N_HIDDEN))
    g.batch_norm(N_HIDDEN)
    g.step("Sign")
    g.step("Reshape", g.constant([0, N_HIDDEN, 1, 1], "int64"))
    g.step("Conv", g.signs(9, N_HIDDEN, 1, 1))
    g.step("Add", g.rng.normal(size=(9, 1, 1)))
    g.step("Sign")
    g.step("Flatten")
    g.step("MatMul", g.signs(9, 4))
    g.step("Add", [0.0, 0.0137, 0.0274, 0.0411])
    proto = g.proto(4)
    back = imported(proto, tmp_path, UNIT)
    assert [layer.became[:5] for layer in back.layers] == ["dense"] * 3
    assert_labels(proto, back, samples(200, N_IN))
