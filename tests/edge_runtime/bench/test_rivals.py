"""The networks that other runtimes are given are real: they compute what NumPy computes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from numpy.typing import NDArray

from metabit.edge_runtime.bench import onnx_network, rivals, tflite_network
from metabit.edge_runtime.bench.rival_networks import Int8Dense, random_network
from metabit.edge_runtime.bench.timing import Limits, take_turns

WIDTHS = (50, 40, 33, 6)


@pytest.fixture(scope="module")
def layers() -> list[Int8Dense]:
    return random_network(WIDTHS, seed=3)


@pytest.fixture(scope="module")
def x() -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (1, WIDTHS[0])).astype(np.uint8)


def logits(layers: list[Int8Dense], x: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Integers all the way, as a quantized network is meant."""
    values = x.astype(np.int64)
    for layer in layers:
        sums = values @ layer.weights.T.astype(np.int64) + layer.bias
        real = np.asarray(sums, dtype=np.float64) * (layer.in_scale * layer.weight_scale)
        values = np.clip(np.rint(real / layer.out_scale), 0, 255).astype(np.int64)
    return np.asarray(real[0], dtype=np.float64)


def float_logits(layers: list[Int8Dense], x: NDArray[np.uint8]) -> NDArray[np.float64]:
    real = x / 255.0
    for layer in layers:
        values = real @ layer.float_weights.T.astype(np.float64) + layer.float_bias
        real = np.maximum(values, 0)
    return np.asarray(values[0])


def test_every_layer_uses_the_range_of_its_activations(
    layers: list[Int8Dense], x: NDArray[np.uint8]
) -> None:
    values = x.astype(np.int64)
    for layer in layers[:-1]:
        sums = values @ layer.weights.T.astype(np.int64) + layer.bias
        values = np.rint(sums * (layer.in_scale * layer.weight_scale / layer.out_scale))
        values = np.clip(values, 0, 255).astype(np.int64)
        assert 0.2 < (values == 0).mean() < 0.8
        assert values.max() > 100
        assert (values == 255).mean() < 0.15


def test_onnx_gives_the_same_logits(layers: list[Int8Dense], x: NDArray[np.uint8]) -> None:
    session = rivals.onnx_session(onnx_network.int8_model(layers), 1)
    assert session.run(None, {"input": x})[0][0] == pytest.approx(logits(layers, x), rel=1e-4)
    session = rivals.onnx_session(onnx_network.float_model(layers), 1)
    floats = (x / 255).astype(np.float32)
    answer = session.run(None, {"input": floats})[0][0]
    assert answer == pytest.approx(float_logits(layers, x), rel=1e-3)


def test_tflite_gives_the_same_logits(layers: list[Int8Dense], x: NDArray[np.uint8]) -> None:
    scale = 2 * layers[-1].out_scale  # of its int8 logits, which are cut off at the ends
    expected = np.clip(logits(layers, x), -128 * scale, 127 * scale)
    inputs = (x.astype(np.int16) - 128).astype(np.int8)
    got = invoke(tflite_network.int8_model(layers), inputs)
    assert got * scale == pytest.approx(expected, abs=3 * scale)
    floats = (x / 255).astype(np.float32)
    got = invoke(tflite_network.float_model(layers), floats)
    assert got == pytest.approx(float_logits(layers, x), rel=1e-3)


def invoke(blob: bytes, x: NDArray[np.generic]) -> NDArray[np.float64]:
    interpreter = rivals.tflite_interpreter(blob, 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.asarray(output[0], dtype=np.float64)


def test_every_runtime_has_an_int8_and_a_float_contestant_that_runs() -> None:
    made = rivals.rivals(WIDTHS)
    assert [r.contestant.name for r in made] == [
        f"{name}, {kind}" for name in rivals.RUNTIMES for kind in ("int8", "float32")
    ]
    for rival in made:
        assert rival.file_bytes > (1 if rival.kind == "int8" else 4) * 50 * 40
    times = take_turns([r.contestant for r in made], Limits(3, 0, 1.0))
    assert all(t.min_us > 0 for t in times.values())


def test_a_runtime_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name)
    )
    assert rivals.missing() == {"ONNX Runtime": ["onnx"]}
    assert {r.runtime.split()[0] for r in rivals.rivals(WIDTHS)} == {"LiteRT"}
