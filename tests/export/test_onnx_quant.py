"""Quant of QONNX, as Brevitas writes it: held against the definition, and imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from helpers.onnx_by_hand import UNIT, Array, Graph, assert_labels, imported, samples

from metabit.errors import FormatError
from metabit.export.onnx.read import check

DOMAIN = "qonnx.custom_op.general"
ROUNDING = {"ROUND": np.rint, "HALF_EVEN": np.rint, "FLOOR": np.floor, "CEIL": np.ceil}


def defined(x: Array, scale: Array, zero: float, bits: int, told: dict[str, Any]) -> Array:
    """What QONNX says in docs/qonnx-custom-ops/quant_op.md of its repository."""
    values = x / scale + np.float32(zero)
    if bits == 1 and told["signed"]:
        values = np.where(values >= 0, 1, -1)
    else:
        low = -(2 ** (bits - 1)) + told["narrow"] if told["signed"] else 0
        high = 2 ** (bits - 1) - 1 if told["signed"] else 2**bits - 1 - told["narrow"]
        values = ROUNDING[told["rounding_mode"]](np.clip(values, low, high))
    return np.asarray((values - zero) * scale, dtype=np.float32)


@pytest.mark.parametrize("operator", ["Quant", "IntQuant"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize("rounding", ROUNDING)
def test_it_is_computed_as_it_is_defined(
    operator: str, bits: int, signed: int, narrow: int, rounding: str
) -> None:
    g = Graph([6, 5])
    scale = g.rng.uniform(0.1, 0.5, (1, 6, 1)).astype(np.float32)
    zero = 0.0 if signed else 1.0
    told = {"signed": signed, "narrow": narrow, "rounding_mode": rounding}
    g.step(operator, scale, zero, float(bits), domain=DOMAIN, **told)
    g.step("Flatten")
    proto = check(g.proto(30), "it")
    x = g.rng.normal(0, 1, (40, 6, 5)).astype(np.float32)
    found = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    expected = defined(x, scale, zero, bits, told).reshape(40, 30)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("bits", "told"),
    [(1, {"signed": 1}), (2, {"signed": 1, "narrow": 1}), (3, {"signed": 1, "narrow": 1}),
     (4, {"signed": 0}), (2, {"signed": 1, "rounding_mode": "FLOOR"})],
)  # fmt: skip
def test_weights_of_1_bit_and_activations_of_few_are_imported(
    bits: int, told: dict[str, Any], tmp_path: Path
) -> None:
    g = Graph([20])
    g.step("MatMul", g.side("Quant", g.signs(20, 30), 0.25, 0.0, 1.0, domain=DOMAIN, signed=1))
    g.batch_norm(30, size=1)
    g.step("Quant", 0.37, 0.0, float(bits), domain=DOMAIN, **told)
    halves = np.repeat([[-1.0], [1.0]], 15, axis=0)  # of each class, so that none is the largest
    g.step("MatMul", g.rng.permuted(np.repeat(halves, 12, axis=1), axis=0))
    g.step("Add", g.rng.normal(0, 0.3, 12))
    proto = g.proto(12)
    made = imported(proto, tmp_path, UNIT)
    assert_labels(check(proto, "it"), made, samples(300, 20))


@pytest.mark.parametrize(
    ("bits", "told", "says"),
    [(4.0, {"rounding_mode": "UP"}, "rounds by UP"), (4.0, {"axis": 1}, "not known: axis"),
     (4.5, {}, "no constant number of bits"), (0.0, {}, "no constant number of bits"),
     (60.0, {}, "no constant number of bits")],
)  # fmt: skip
def test_what_is_not_understood_is_refused(
    bits: float, told: dict[str, Any], says: str, tmp_path: Path
) -> None:
    g = Graph([20])
    g.step("MatMul", g.signs(20, 8))
    g.step("Quant", 0.5, 0.0, bits, domain=DOMAIN, **told)
    g.step("MatMul", g.signs(8, 3))
    with pytest.raises(FormatError, match=says) as refused:
        imported(g.proto(3), tmp_path, UNIT)
    assert refused.value.code == "E-ONNX-OPERATOR"


@pytest.mark.parametrize("way", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("side", "kernel", "stride"), [(6, 3, 1), (7, 3, 2), (6, 2, 1)])
def test_padding_that_keeps_the_sides_is_followed_or_refused(
    way: str, side: int, kernel: int, stride: int, tmp_path: Path
) -> None:
    """As Keras has it; zeros around activations that begin at 0."""
    g = Graph([1, side, side])
    g.step("Conv", g.signs(4, 1, 1, 1))
    g.batch_norm(4)
    g.step("Quant", 0.37, 0.0, 2.0, domain=DOMAIN, signed=0)
    g.step("Conv", g.signs(5, 4, kernel, kernel), auto_pad=way, strides=[stride, stride])
    g.batch_norm(5, size=3)
    g.step("Sign")
    g.step("Flatten")
    n = 5 * (-(-side // stride)) ** 2
    g.step("MatMul", g.signs(n, 4))
    g.step("Add", g.rng.normal(0, 0.3, 4))
    proto = g.proto(4)
    if kernel == 2 and way == "SAME_LOWER":  # one more before than after, which metabit has not
        with pytest.raises(FormatError, match="padded by"):
            imported(proto, tmp_path, UNIT)
        return
    made = imported(proto, tmp_path, UNIT)
    assert_labels(check(proto, "it"), made, samples(300, 1, side, side))
