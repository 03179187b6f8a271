"""The networks that other runtimes are given are real: they compute what NumPy computes."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metabit.bench import onnx_network, rivals, tflite_network
from metabit.bench.rival_networks import Int8Layer, RivalShape, dense, random_network
from metabit.bench.timing import Limits, take_turns
from metabit.export.window import Window

WIDTHS = (50, 40, 33, 6)


#: Dense layers; convolutions with a stride, pooling and both kinds of edges, and a dense layer.
NETWORKS = {
    "dense": dense(WIDTHS),
    "conv": [
        RivalShape(9, 8, Window((11, 11, 1), 3, pool=2)),
        RivalShape(72, 12, Window((5, 5, 8), 3, stride=2)),
        RivalShape(48, 10, Window((3, 3, 12), 2, padding="valid")),
        RivalShape(40, 6),
    ],
}


@pytest.fixture(scope="module", params=NETWORKS)
def layers(request: pytest.FixtureRequest) -> list[Int8Layer]:
    return random_network(NETWORKS[request.param], seed=3)


@pytest.fixture(scope="module")
def x(layers: list[Int8Layer]) -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, layers[0].in_shape).astype(np.uint8)


def sums_of(layer: Int8Layer, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """A dense layer on (n_in,), or a convolution on (rows, columns, channels), before the bias."""
    window = layer.shape.window
    if window is None:
        return np.asarray(x.reshape(-1) @ weights.T.astype(np.float64))
    k, behind = window.kernel_size, window.kernel_size // 2
    same = window.padding == "one"
    pads = (window.before, behind) if same else (0, 0)
    padded = np.pad(x.astype(np.float64), (pads, pads, (0, 0)))
    rows, columns = window.sum_sides
    out = np.empty((rows, columns, layer.shape.n_out))
    for i, j in np.ndindex(rows, columns):
        seen = padded[i * window.stride :, j * window.stride :][:k, :k]
        out[i, j] = weights.astype(np.float64) @ seen.reshape(-1)
    return out


def pooled(layer: Int8Layer, x: NDArray[np.float64]) -> NDArray[np.float64]:
    window = layer.shape.window
    if window is None or window.pool == 1:
        return x
    (rows, columns), side = window.out_sides, window.pool
    cut = x[: rows * side, : columns * side]
    return np.asarray(cut.reshape(rows, side, columns, side, -1).max(axis=(1, 3)))


def logits(layers: list[Int8Layer], x: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Integers all the way, as a quantized network is meant."""
    values = x.astype(np.float64)
    for layer in layers:
        real = (sums_of(layer, values, layer.weights) + layer.bias) * (
            layer.in_scale * layer.weight_scale
        )
        values = pooled(layer, np.clip(np.rint(real / layer.out_scale), 0, 255))
    return real


def float_logits(layers: list[Int8Layer], x: NDArray[np.uint8]) -> NDArray[np.float64]:
    real = x / 255.0
    for layer in layers:
        values = sums_of(layer, real, layer.float_weights) + layer.float_bias
        real = pooled(layer, np.maximum(values, 0))
    return values


def test_every_layer_uses_the_range_of_its_activations() -> None:
    layers = random_network(dense(WIDTHS), seed=3)
    values = np.random.default_rng(4).integers(0, 256, WIDTHS[0]).astype(np.float64)
    for layer in layers[:-1]:
        sums = sums_of(layer, values, layer.weights) + layer.bias
        unit = layer.in_scale * layer.weight_scale
        values = np.clip(np.rint(sums * unit / layer.out_scale), 0, 255)
        assert 0.2 < (values == 0).mean() < 0.8
        assert values.max() > 100
        assert (values == 255).mean() < 0.15


def test_onnx_gives_the_same_logits(layers: list[Int8Layer], x: NDArray[np.uint8]) -> None:
    session = rivals.onnx_session(onnx_network.int8_model(layers), 1)
    channels_first = np.moveaxis(x, -1, 0)[None]
    answer = session.run(None, {"input": channels_first})[0][0]
    assert answer == pytest.approx(logits(layers, x), rel=1e-4, abs=1e-3)
    session = rivals.onnx_session(onnx_network.float_model(layers), 1)
    answer = session.run(None, {"input": (channels_first / 255).astype(np.float32)})[0][0]
    assert answer == pytest.approx(float_logits(layers, x), rel=1e-3, abs=1e-3)


def test_tflite_gives_the_same_logits(layers: list[Int8Layer], x: NDArray[np.uint8]) -> None:
    scale = 2 * layers[-1].out_scale  # of its int8 logits, which are cut off at the ends
    expected = np.clip(logits(layers, x), -128 * scale, 127 * scale)
    got = invoke(tflite_network.int8_model(layers), (x.astype(np.int16) - 128).astype(np.int8))
    assert got * scale == pytest.approx(expected, abs=3 * scale)
    got = invoke(tflite_network.float_model(layers), (x / 255).astype(np.float32))
    assert got == pytest.approx(float_logits(layers, x), rel=1e-3, abs=1e-3)


def invoke(blob: bytes, x: NDArray[np.generic]) -> NDArray[np.float64]:
    interpreter = rivals.tflite_interpreter(blob, 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.asarray(output[0], dtype=np.float64)


def test_every_runtime_has_an_int8_and_a_float_contestant_that_runs() -> None:
    made = rivals.rivals(dense(WIDTHS))
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
    assert {r.runtime.split()[0] for r in rivals.rivals(dense(WIDTHS))} == {"LiteRT"}
