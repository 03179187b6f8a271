"""ONNX into .mbit: metabit's own files come back whole, others' networks keep their labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.onnx_by_hand import UNIT, Graph, assert_labels, imported, samples
from helpers.random_models import random_model, random_samples
from helpers.random_networks import conv_models, dense_models
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from metabit.errors import FormatError
from metabit.export.golden import model_scores
from metabit.export.onnx.read import check, load
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.onnx_import.importer import from_onnx
from metabit.export.onnx_import.output import variance_of
from metabit.export.spec import Model


def assert_same_network(a: Model, b: Model) -> None:
    assert a.input == b.input
    for one, other in zip(a.layers, b.layers, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.weights, other.weights)
        for t, u in zip(one.thresholds, other.thresholds, strict=True):
            assert np.array_equal(t.value, u.value)
            assert np.array_equal(t.flip, u.flip)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("input_kind", ["integer", "float"])
def test_our_own_files_come_back_bit_for_bit(style: str, input_kind: Any, tmp_path: Path) -> None:
    model = random_model((21, 16, 9, 4), seed=3, dtype="int8", zero_point=-9, n_banks=2)
    model = replace(model, input=replace(model.input, scale=float(np.float32(0.1))))
    back = imported(to_onnx(model, style, input_kind=input_kind), tmp_path)
    assert_same_network(back.model, model)
    x = random_samples(np.random.default_rng(0), model.input, 50)
    for bank in (0, 1):
        assert np.array_equal(model_scores(back.model, x, bank), model_scores(model, x, bank))
    assert [layer.packed_bytes for layer in back.layers] == [64, 36, 16]


@settings(max_examples=25, deadline=None)
@given(model=st.one_of(dense_models(), conv_models()), style=st.sampled_from(list(STYLES)))
def test_random_networks_of_ours_come_back_with_their_scores(model: Model, style: str) -> None:
    """Convolutions, banks, constant channels, scales of both signs."""
    back = from_onnx(check(to_onnx(model, style), "it"), "it").model
    x = random_samples(np.random.default_rng(0), model.input, 20)
    for bank in range(model.n_banks):
        assert np.array_equal(model_scores(back, x, bank), model_scores(model, x, bank))


def test_every_inverse_standard_deviation_has_a_variance() -> None:
    from metabit.export.fold import inverse_std

    rng = np.random.default_rng(0)
    var = (10.0 ** rng.uniform(-8, 12, 5000)).astype(np.float32)
    for eps in (1e-5, 1e-3, 1.0):
        inv_std = inverse_std(var, eps)
        assert np.array_equal(inverse_std(variance_of(inv_std, eps), eps), inv_std)


# ---- networks of others ----------------------------------------------------------------------


def test_dense_layers_with_sign_and_batch_norm(tmp_path: Path) -> None:
    """As PyTorch and Larq have them: normalised pixels, weights with a scale, Gemm with a bias."""
    g = Graph([30])
    g.step("Sub", 0.5)
    g.step("Div", 0.5)  # the zero point is 127.5: no integer
    g.step("MatMul", g.signs(30, 40, size=0.25))
    g.batch_norm(40)
    g.step("Sign")
    g.step("Gemm", g.signs(12, 40), g.rng.normal(0, 2, 12), transB=1)
    g.step("Clip", -1.0, 1.0)
    g.step("Sign")
    g.step("MatMul", g.signs(12, 5))
    g.batch_norm(5, size=3)
    g.step("Softmax")
    proto, q = g.proto(5), samples(300, 30)
    back = imported(proto, tmp_path, UNIT)
    assert_labels(proto, back, q)
    assert [layer.nodes[-1] for layer in back.layers[:2]] == ["Sign", "Sign"]


def test_a_convolutional_network_channel_first(tmp_path: Path) -> None:
    """Pooling after the sign and after a batch norm of both signs, +1 padding, a flat head."""
    g = Graph([3, 10, 8])
    g.step("Conv", g.signs(8, 3, 3, 3), kernel_shape=[3, 3])
    g.batch_norm(8, size=2)
    g.step("MaxPool", kernel_shape=[2, 2], strides=[2, 2])  # some of the scales are negative
    g.step("Sign")
    g.step("Pad", g.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"), 1.0)
    g.step("Conv", g.signs(6, 8, 3, 3), kernel_shape=[3, 3])
    g.batch_norm(6, size=4)
    g.step("Sign")
    g.step("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    g.step("Flatten")
    g.step("MatMul", g.signs(6 * 2 * 1, 4))
    proto, q = g.proto(4), samples(200, 3, 10, 8)
    back = imported(proto, tmp_path, UNIT)
    assert back.channels_first
    assert back.model.input.shape == (10, 8, 3)
    assert_labels(proto, back, q)


def test_a_convolution_that_sees_its_whole_map_is_a_dense_layer(tmp_path: Path) -> None:
    """As networks without dense layers end; a smaller one at the end is refused."""
    g = Graph([2, 6, 6])
    g.step("Conv", g.signs(8, 2, 3, 3), kernel_shape=[3, 3])
    g.batch_norm(8, size=2)
    g.step("Sign")
    g.step("Conv", g.signs(5, 8, 4, 4), kernel_shape=[4, 4])
    g.batch_norm(5, size=9)
    g.step("Flatten")
    proto, q = g.proto(5), samples(200, 2, 6, 6)
    back = imported(proto, tmp_path, UNIT)
    assert [layer.became for layer in back.layers][1] == "dense, 128 → 5"
    assert_labels(proto, back, q)
    g = Graph([1, 4, 4])
    g.step("Conv", g.signs(2, 1, 3, 3), kernel_shape=[3, 3])
    g.step("Flatten")
    with pytest.raises(FormatError, match=r"Conv t0, is a convolution that gives maps of \(2, 2\)"):
        imported(g.proto(8), tmp_path, UNIT)


def test_maps_that_lie_channels_last_as_in_tensorflow(tmp_path: Path) -> None:
    """As converters write Larq's networks: transposed before and after convolutions, +1 padding,
    weights as the Sign of latent ones, and a sign that is never zero. TensorFlow pads maps before
    the converter turns them."""
    g = Graph([9, 7, 2])
    g.step("Transpose", perm=[0, 3, 1, 2])
    latent = g.rng.normal(0, 1, (6, 2, 3, 3))
    g.step("Conv", g.side("Sign", latent), kernel_shape=[3, 3], strides=[2, 2])
    g.batch_norm(6, size=2)
    g.step("Sign")
    g.step("Add", 0.1)
    g.step("Sign")
    g.step("Transpose", perm=[0, 2, 3, 1])
    g.step("Pad", g.constant([0, 1, 1, 0, 0, 1, 1, 0], "int64"), 1.0)
    g.step("Transpose", perm=[0, 3, 1, 2])
    g.step("Conv", g.side("Sign", g.rng.normal(0, 1, (5, 6, 3, 3))), kernel_shape=[3, 3])
    g.step("Transpose", perm=[0, 2, 3, 1])
    g.step("Mul", g.rng.normal(0, 1, 5))  # a scale a channel, last here
    g.step("Add", g.rng.normal(0, 2, 5))
    g.step("Sign")
    g.step("Reshape", g.constant([-1, 4 * 3 * 5], "int64"))
    g.step("MatMul", g.signs(4 * 3 * 5, 4))
    proto, q = g.proto(4), samples(200, 9, 7, 2)
    back = imported(proto, tmp_path, UNIT)
    assert not back.channels_first
    assert back.model.input.shape == (9, 7, 2)
    assert_labels(proto, back, q)


@pytest.mark.parametrize("name", ["qonnx.custom_op.general", "onnx.brevitas"])
def test_weights_and_bits_of_bipolar_quant(tmp_path: Path, name: str) -> None:
    """As QONNX and Brevitas have it: float values made bipolar, scales that are not one; the file
    does not explain the operator."""
    domain = {"domain": name}
    g = Graph([4, 6], TensorProto.UINT8)
    g.step("Cast", to=TensorProto.FLOAT)
    g.step("Reshape", g.constant([-1, 24], "int64"))
    for n_in, n_out, scale in ((24, 16, 0.1), (16, 5, 0.7)):
        values = g.rng.normal(0, 1, (n_out, n_in))
        weights = g.side("BipolarQuant", values, scale, **domain)
        turned = g.side("Transpose", weights, perm=[1, 0])
        g.step("MatMul", turned)
        g.batch_norm(n_out, size=100 if n_in == 24 else 1)
        if n_out == 16:
            g.step("BipolarQuant", 0.5, **domain)
            g.step("Flatten")
    back = imported(g.proto(5), tmp_path)
    runnable, q = load(tmp_path / "model.onnx"), samples(300, 4, 6)
    assert_labels(runnable, back, q, feed=q)


def test_signs_written_as_comparisons(tmp_path: Path) -> None:
    """2 * (x >= t) - 1, and a sign that is never zero: sign(sign(x) + 0.1)."""
    g = Graph([20], TensorProto.UINT8)
    g.step("Cast", to=TensorProto.FLOAT)
    g.step("MatMul", g.signs(20, 16))
    g.step("GreaterOrEqual", g.rng.normal(0, 200, 16))
    g.step("Cast", to=TensorProto.FLOAT)
    g.step("Mul", first=2.0)
    g.step("Sub", 1.0)
    g.step("MatMul", g.signs(16, 9))
    g.step("Sign")  # even sums: zero is one of them
    g.step("Add", 0.1)
    g.step("Sign")
    g.step("MatMul", g.signs(9, 4))
    g.step("Add", g.rng.normal(0, 0.3, 4))
    proto, q = g.proto(4), samples(300, 20)
    back = imported(proto, tmp_path)
    assert_labels(proto, back, q, feed=q)
    assert [layer.note for layer in back.layers[:2]] == ["", ""]


def test_a_sign_of_zero_is_told(tmp_path: Path) -> None:
    g = Graph([20], TensorProto.UINT8)
    g.step("Cast", to=TensorProto.FLOAT)
    g.step("MatMul", g.signs(20, 8))
    g.step("Sign")
    g.step("MatMul", g.signs(8, 3))
    back = imported(g.proto(3), tmp_path)
    assert "gives 0 in 8 channels" in back.layers[0].note


# ---- refusals --------------------------------------------------------------------------------


def two_layers(g: Graph, between: Any) -> onnx.ModelProto:
    g.step("MatMul", g.signs(20, 8))
    between(g)
    g.step("MatMul", g.signs(8, 3))
    return g.proto(3)


def skip(g: Graph) -> None:
    g.step("Sign")
    before = g.at
    g.step("Neg")
    g.nodes.append(helper.make_node("Add", [g.at, before], ["joined"]))
    g.at = "joined"


REFUSED = {
    "ternary weights": (lambda g: g.step("MatMul", g.rng.integers(-1, 2, (8, 8))), "not binary"),
    "activations of ReLU": (lambda g: g.step("Relu"), "after fc1 are not binary"),
    "a skip connection": (skip, "joins or branches"),
    "a softmax between layers": (lambda g: g.step("Softmax"), "after the end of the scores"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_binary_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    between, reason = REFUSED[name]
    g = Graph([20])
    proto = two_layers(g, between)
    with pytest.raises(FormatError, match=reason) as caught:
        imported(proto, tmp_path, UNIT)
    assert caught.value.code == "E-IMPORT"


def test_float_samples_need_to_be_explained(tmp_path: Path) -> None:
    g = Graph([20])
    g.step("MatMul", g.signs(20, 3))
    with pytest.raises(FormatError, match="--samples uint8"):
        imported(g.proto(3), tmp_path)


def pad_then(*operators: str) -> onnx.ModelProto:
    """A map of +1 and -1, padded with +1, and operators between that and a convolution."""
    g = Graph([1, 6, 6])
    g.step("Conv", g.signs(4, 1, 3, 3), kernel_shape=[3, 3])
    g.step("Sign")
    for operator in ("Pad", *operators):
        sides = [g.constant([0, 0, 1, 1, 0, 0, 1, 1], "int64"), 1.0] if operator == "Pad" else []
        g.step(operator, *sides)
    g.step("Conv", g.signs(4, 4, 3, 3), kernel_shape=[3, 3])
    g.step("Sign")
    g.step("Flatten")
    side = 4 + 2 * operators.count("Pad")
    g.step("MatMul", g.signs(4 * side**2, 3))
    return g.proto(3)


@pytest.mark.parametrize("operator", ["Neg", "Pad"])
def test_padding_that_something_else_reads_is_refused(operator: str, tmp_path: Path) -> None:
    """Turned round, or padded twice: +1 is not what the convolution sees."""
    assert imported(pad_then(), tmp_path, UNIT).layers[1].became.startswith("conv 3×3, padding one")
    with pytest.raises(FormatError, match=f"Pad t2 is followed by {operator} t3"):
        imported(pad_then(operator), tmp_path, UNIT)


def test_zero_padding_is_refused(tmp_path: Path) -> None:
    g = Graph([1, 6, 6])
    g.step("Conv", g.signs(4, 1, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    g.step("Sign")
    g.step("Flatten")
    g.step("MatMul", g.signs(144, 3))
    with pytest.raises(FormatError, match="pads with 0, which must lie at an end"):
        imported(g.proto(3), tmp_path, UNIT)
