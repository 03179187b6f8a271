"""A thermometer as the first layer: the same scores for the values themselves, in every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tflite_run
from helpers.random_models import plain_scores, random_convnet, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from metabit.cli import run
from metabit.compare.onnx_file import OnnxArtefact
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export import container
from metabit.export.fold import logits_from_scores
from metabit.export.golden import with_golden
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.raw_input import Code, with_raw_input
from metabit.export.shapes import map_samples
from metabit.export.spec import InputSpec, Model
from metabit.export.tflite.write import to_tflite
from metabit.trainer.data import load
from metabit.trainer.data.thermometer import Thermometer

Array = NDArray[Any]

RECIPE = """
name = "thermometer"
data = { name = "digits", stream = "parts", n_parts = 2, thermometer = 3 }
network = { NETWORK }
method = { m = 1.0, lr = 0.005 }
train = { epochs = 1, batch = 25 }
"""
NETWORKS = {"mlp": "hidden = [32]", "convnet": "convolutions = [[8, 3, 2]], hidden = [16]"}


@st.composite
def encoded(draw: st.DrawFn) -> tuple[Model, Array, Array]:
    """A random network after an encoder, samples of values, and their bits, flat."""
    rows, columns = draw(st.integers(4, 7)), draw(st.integers(4, 7))
    seed, is_map = draw(st.integers(0, 2**16)), draw(st.booleans())
    signed = draw(st.booleans())
    low, high = (-128, 127) if signed else (0, 255)
    thresholds = tuple(sorted(draw(st.sets(st.integers(low, high), min_size=1, max_size=5))))
    k, zero_point = len(thresholds), draw(st.integers(low, high))
    options: dict[str, Any] = {"seed": seed, "dtype": "int8", "n_banks": draw(st.integers(1, 2))}
    if is_map:
        model = random_convnet((rows, columns, k), [(6, 3, 1, "one", 2)], (5,), **options)
    else:
        model = random_model((k * rows * columns, 9, 5), **options)
        model = replace(model, input=InputSpec("int8", (k, rows, columns)))
    code = Code(thresholds, "int8" if signed else "uint8", 0.25, zero_point)
    x = np.random.default_rng(seed).integers(low, high + 1, (30, rows, columns))
    x[:6] = np.resize([thresholds[0], low, high], x[:6].shape)  # at a threshold, and at the ends
    x = x.astype(code.dtype)
    bits = Thermometer(thresholds).encode_maps(x[:, None])
    bits = (map_samples(bits) if is_map else bits).reshape(len(x), -1)
    model = with_golden(replace(model, meta={"thermometer": code.to_meta()}), bits[:4])
    return model, x, bits


@settings(max_examples=25, deadline=None)
@given(case=encoded())
def test_scores_are_those_of_the_bits_in_every_form(case: tuple[Model, Array, Array]) -> None:
    model, x, bits = case
    raw = with_raw_input(model)
    flat = x.reshape(len(x), -1)
    blob = container.dumps(raw)
    read = container.loads(blob)
    assert model.golden is not None
    assert read.golden is not None
    assert np.array_equal(read.golden.scores, model.golden.scores)
    for bank in range(model.n_banks):
        expected = plain_scores(model, bits, bank)
        assert np.array_equal(Engine(blob, bank=bank).scores(flat), expected)
        for style in STYLES:
            scores = OnnxArtefact(style, to_onnx(raw, style)).outputs(flat, bank).scores
            assert scores is not None
            assert np.array_equal(scores, expected)
        got = tflite_run.run(to_tflite(raw, bank=bank), x)
        assert np.array_equal(got["logits"], logits_from_scores(expected))


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_trained_network_takes_the_samples_of_the_data_set(kind: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace("NETWORK", NETWORKS[kind]))
    folder, plain, raw = tmp_path / "run", tmp_path / "plain.mbit", tmp_path / "raw.mbit"
    assert run(["train", str(recipe), "-o", str(folder)]) == 0
    assert run(["export", str(folder), "-o", str(plain)]) == 0
    assert run(["export", str(plain), "--raw", "-o", str(raw)]) == 0
    digits = load("digits")
    x = digits.test.x
    bits = Thermometer(Code.of(container.load(plain)).thresholds).encode_maps(x[:, None])
    encoded = (map_samples(bits) if kind == "convnet" else bits).reshape(len(x), -1)
    scores = Engine(raw).scores(x.reshape(len(x), -1))
    assert np.array_equal(scores, Engine(plain).scores(encoded))
    assert (scores.argmax(axis=1) == digits.test.y).mean() > 0.3  # it has learnt something
    onnx = tmp_path / "raw.onnx"
    assert run(["export", str(folder), "--raw", "-o", str(onnx)]) == 0
    assert run(["verify", str(raw), str(onnx), "--data", "digits"]) == 0
    assert run(["verify", str(raw)]) == 0


def refusals() -> dict[str, dict[str, Any]]:
    """META that does not describe a code before maps of 2 x 3 values and 4 bits."""
    good = Code((1, 5, 9, 11), "uint8", 1.0, 0).to_meta()
    return {
        "no thermometer stands": {},
        "describes no thermometer": {"thermometer": {"thresholds": "many"}},
        "do not rise": {"thermometer": good | {"thresholds": [1, 5, 5, 9]}},
        "do not rise in uint8": {"thermometer": good | {"thresholds": [1, 5, 9, 256]}},
        "no maps of 3 bits": {"thermometer": good | {"thresholds": [1, 5, 9]}},
        "permute the bits": {"thermometer": good, "data": {"stream": "permuted"}},
    }


@pytest.mark.parametrize("reason", refusals())
def test_what_no_layer_computes_is_refused(reason: str) -> None:
    model = replace(random_model((24, 3), dtype="int8"), input=InputSpec("int8", (4, 2, 3)))
    with pytest.raises(InputError, match=reason) as refused:
        with_raw_input(replace(model, meta=refusals()[reason]))
    assert refused.value.code == "E-THERMOMETER"
