"""ONNX files of all styles run on stock ONNX Runtime and give metabit's logits, bit for bit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.random_models import plain_scores, random_model, random_samples
from helpers.random_networks import conv_models
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export import container
from metabit.export.fold import scores_from_logits
from metabit.export.golden import model_scores
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.spec import InputSpec, Model

Array = NDArray[Any]


def run(proto: onnx.ModelProto, **feed: Array) -> tuple[Array, Array]:
    """Scores and labels from ONNX Runtime, as it is installed, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    logits, labels = session.run(["logits", "label"], feed)
    return scores_from_logits(logits), labels


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_random_networks_give_equal_integers_in_every_style(data: st.DataObject) -> None:
    """Sizes, input types, zero points, banks; scales of both signs and zeros come along."""
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=2, max_size=5), label="sizes")
    dtype = data.draw(st.sampled_from(["uint8", "int8"]))
    zero_point = data.draw(st.integers(*((0, 255) if dtype == "uint8" else (-128, 127))))
    n_banks = data.draw(st.integers(1, 3), label="banks")
    seed = data.draw(st.integers(0, 2**16))
    model = random_model(sizes, seed=seed, dtype=dtype, zero_point=zero_point, n_banks=n_banks)
    x = random_samples(np.random.default_rng(seed), model.input, 20)
    for style in STYLES:
        proto = to_onnx(model, style)
        for bank in range(n_banks):
            feed = {"input": x} | ({"bank": np.array(bank)} if n_banks > 1 else {})
            scores, labels = run(proto, **feed)
            expected = plain_scores(model, x, bank)
            assert np.array_equal(scores, expected), (style, bank)
            assert np.array_equal(labels, expected.argmax(axis=1))


@settings(max_examples=15, deadline=None)
@given(model=conv_models(), seed=st.integers(0, 99))
def test_random_convnets_give_equal_integers_in_every_style(model: Model, seed: int) -> None:
    x = random_samples(np.random.default_rng(seed), model.input, 6)
    for style in STYLES:
        proto = to_onnx(model, style, source=b"")
        for bank in range(model.n_banks):
            feed = {"input": x.reshape(6, *model.input.shape)}
            feed |= {"bank": np.array(bank)} if model.n_banks > 1 else {}
            scores, labels = run(proto, **feed)
            expected = model_scores(model, x, bank)
            assert np.array_equal(scores, expected), (style, bank)
            assert np.array_equal(labels, expected.argmax(axis=1))


@pytest.mark.parametrize("style", STYLES)
def test_logits_and_labels_are_those_of_the_c_engine(style: str) -> None:
    model = random_model((50, 64, 33, 5), seed=8, dtype="int8", zero_point=-3, n_banks=2)
    x = random_samples(np.random.default_rng(1), model.input, 200)
    for bank in (0, 1):
        engine = Engine(container.dumps(model), bank=bank)
        scores, labels = run(to_onnx(model, style, bank=bank), input=x)
        assert np.array_equal(scores, engine.scores(x))
        assert np.array_equal(labels, engine.predict(x))


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_float_samples_are_quantized_as_the_engine_does_it(dtype: str) -> None:
    model = random_model((30, 16, 4), seed=2, dtype=dtype, zero_point=9)
    model = replace(model, input=replace(model.input, scale=float(np.float32(0.037))))
    rng = np.random.default_rng(3)
    x = rng.normal(0, 6, (300, 30)).astype(np.float32)  # saturates on both sides
    x[::2] = (np.round(x[::2] / 0.037) + 0.5) * np.float32(0.037)  # halves, and almost halves
    scores, _ = run(to_onnx(model, input_kind="float"), input=x)
    assert np.array_equal(scores, Engine(container.dumps(model)).scores(x))


def test_a_sample_keeps_its_shape_and_the_batch_is_free() -> None:
    model = random_model((24, 8, 3), seed=4)
    model = replace(model, input=InputSpec("uint8", (2, 4, 3)))
    x = random_samples(np.random.default_rng(5), model.input, 7)
    proto = to_onnx(model)
    for n in (0, 1, 7):
        scores, labels = run(proto, input=x[:n].reshape(n, 2, 4, 3))
        assert scores.shape == (n, 3)
        assert np.array_equal(labels, plain_scores(model, x[:n]).argmax(axis=1))


def test_the_largest_input_is_exact() -> None:
    """65,536 inputs of 255 with equal signs: the largest sum there is, just below 2**24."""
    model = random_model((65_536, 2), seed=6)
    ones = np.ones_like(model.layers[0].weights)
    model = replace(model, layers=(replace(model.layers[0], weights=ones),), learn=None)
    x = np.full((2, 65_536), 255, dtype=np.uint8)
    x[1, 77] = 254
    scores, _ = run(to_onnx(replace(model, golden=None), "float"), input=x)
    assert np.array_equal(scores, plain_scores(model, x))


def test_metadata_tells_where_the_file_comes_from() -> None:
    model = replace(random_model((8, 5, 3)), meta={"method": "metaplastic", "m": [1.5, 1.5]})
    blob = container.dumps(model)
    proto = to_onnx(model, source=blob)
    told = {entry.key: entry.value for entry in proto.metadata_props}
    assert told["metabit.mbit_sha256"] == hashlib.sha256(blob).hexdigest()
    assert told["metabit.method"] == "metaplastic"
    assert told["metabit.m"] == "[1.5, 1.5]"


def test_nodes_are_called_after_the_layers() -> None:
    model = random_model((9, 7, 3), seed=1)
    names = ("stem", "head")
    layers = tuple(replace(la, name=name) for la, name in zip(model.layers, names, strict=True))
    proto = to_onnx(replace(model, layers=layers))
    found = {node.name for node in proto.graph.node}
    assert {"stem/sum", "stem/sign", "head/sum"} <= found
    assert all(node.name for node in proto.graph.node)


def weight_bytes(model: Model) -> int:
    return sum(4 * -(-layer.n_in // 32) * layer.n_out for layer in model.layers)


@pytest.mark.parametrize("sizes", [(784, 512, 512, 10), (784, 1024, 1024, 10), (64, 100, 10)])
def test_packed_files_are_a_tenth_larger_than_the_bits_at_most(sizes: tuple[int, ...]) -> None:
    model = random_model(sizes, learnable=False, golden=1)
    size = len(to_onnx(model, "packed").SerializeToString())
    assert size <= 1.1 * weight_bytes(model) + 16 * 1024


def test_a_bank_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="banks 0 to 1"):
        to_onnx(random_model((4, 3), n_banks=2), bank=2)
