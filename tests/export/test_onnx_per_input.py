"""A deviation for each input, and samples of a few values: what stands before the first layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.onnx_by_hand import UNIT, Graph, assert_labels, imported, samples
from onnx import TensorProto

from metabit.compare.imported import check_import
from metabit.edge_runtime.engine import Engine
from metabit.errors import FormatError
from metabit.export import container
from metabit.export.onnx_import.importer import Imported
from metabit.export.onnx_import.samples import Quantization
from metabit.export.windows import samples_of_raw

N, HIDDEN, CLASSES = 30, 40, 4


def network(g: Graph, n_in: int = N) -> onnx.ModelProto:
    """A network behind what `g` holds already."""
    g.step("MatMul", g.signs(n_in, HIDDEN))
    g.batch_norm(HIDDEN, size=5)
    g.step("Sign")
    g.step("MatMul", g.signs(HIDDEN, CLASSES))
    g.step("Add", g.rng.normal(0, 0.3, CLASSES))
    return g.proto(CLASSES)


def sub_div(g: Graph, mean: Any, deviation: Any) -> None:
    g.step("Sub", mean)
    g.step("Div", deviation)


def sub_mul(g: Graph, mean: Any, deviation: Any) -> None:
    g.step("Sub", mean)
    g.step("Mul", 1 / deviation)


def batch_norm(g: Graph, mean: Any, deviation: Any) -> None:
    g.step("BatchNormalization", np.ones(N), np.zeros(N), mean, deviation**2 - 1e-5, epsilon=1e-5)


FORMS = [sub_div, sub_mul, batch_norm]


def standardised(made: Imported, counts: Any) -> Any:
    """What the front end makes of counts, beside what it stands for; both in steps."""
    per_input, front_end = made.per_input, made.model.front_end
    assert per_input is not None
    assert front_end is not None
    windows = counts.reshape(len(counts), -1, front_end.does.n_channels).transpose(0, 2, 1)
    exact = per_input.steps * (counts - per_input.mean) / per_input.deviation
    return samples_of_raw(windows, front_end, "x"), np.clip(exact, -127, 127)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["uint8", "told", "real"])
def test_a_deviation_per_input_becomes_a_front_end(form: Any, kind: str, tmp_path: Path) -> None:
    """8 bits after standardising: at most half a step, and a little, away from the graph's."""
    g = Graph([N], TensorProto.UINT8 if kind == "uint8" else TensorProto.FLOAT)
    unit = 1 if kind == "uint8" else 1 / 255 if kind == "told" else 37.5
    if kind == "uint8":
        g.step("Cast", to=TensorProto.FLOAT)
    form(g, g.rng.uniform(60, 180, N) * unit, g.rng.uniform(5, 60, N) * unit)
    proto = network(g)
    made = imported(proto, tmp_path, UNIT if kind == "told" else None)
    assert made.model.input.dtype == "int8"
    assert made.model.front_end is not None
    assert made.per_input is not None
    found = check_import(proto, "it", made)
    assert (found.n_samples, found.n_drawn) == (256, 256)
    assert found.n_classes_seen > 1
    assert found.n_drawn_differ < 13  # measured: 3 and 6
    per_input, rng = made.per_input, np.random.default_rng(3)
    drawn = rng.normal(per_input.mean, per_input.deviation, (500, N))
    limits = np.iinfo(np.int16 if kind == "real" else np.uint8)
    counts = np.clip(np.rint(drawn), limits.min, limits.max).astype(np.int16)
    ours, exact = standardised(made, counts)
    assert np.abs(ours - exact).max() < 0.52
    engine = Engine(container.dumps(made.model))
    pushed = np.concatenate([engine.push(row[None]) for row in counts[:20]])
    assert np.array_equal(pushed, ours[:20])


def test_a_deviation_per_channel_of_maps_takes_a_pixel_for_a_frame(tmp_path: Path) -> None:
    """Three colours of pictures, 16 rows: a frame is a pixel, its channels last."""
    g = Graph([3, 16, 16])
    g.step("Sub", np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1))
    g.step("Div", np.array([0.229, 0.31, 0.18]).reshape(3, 1, 1))
    g.step("Conv", g.signs(8, 3, 3, 3), kernel_shape=[3, 3], strides=[2, 2])
    g.batch_norm(8, size=2)
    g.step("Sign")
    g.step("Flatten")
    proto = network(g, 8 * 7 * 7)
    made = imported(proto, tmp_path, UNIT)
    front_end = made.model.front_end
    assert front_end is not None
    assert made.channels_first
    assert (front_end.does.n_channels, front_end.does.stack) == (3, 256)
    assert check_import(proto, "it", made).n_drawn == 256
    ours, exact = standardised(made, samples(50, 16 * 16 * 3).astype(np.int16))
    assert np.abs(ours - exact).max() < 0.52


@pytest.mark.parametrize(
    ("n", "mean", "told", "says"),
    [
        (300, 0.5, UNIT, "up to 256 channels"),
        (30, 0.5, Quantization("int8", 1 / 255, -128), "zero point of 0"),
        (30, 5e6, None, "counts of 16 bits cannot hold"),
    ],
)
def test_what_no_front_end_can_do_is_refused(
    n: int, mean: float, told: Quantization | None, says: str, tmp_path: Path
) -> None:
    g = Graph([n])
    sub_div(g, np.full(n, mean), g.rng.uniform(0.1, 0.6, n))
    with pytest.raises(FormatError, match=says):
        imported(network(g, n), tmp_path, told)


@pytest.mark.parametrize("n_steps", [1, 3, 15])
@pytest.mark.parametrize("conv", [False, True])
def test_samples_of_a_few_values_become_a_layer(n_steps: int, conv: bool, tmp_path: Path) -> None:
    """As quantisers of inputs make them: the labels are the graph's, exactly."""
    g = Graph([1, 8, 8])
    g.step("Mul", n_steps)
    g.step("Round")
    g.step("Mul", 2 / n_steps)
    g.step("Sub", 1.0)
    if conv:
        g.step("Conv", g.signs(6, 1, 3, 3), kernel_shape=[3, 3])
        g.batch_norm(6, size=2)
        g.step("Sign")
    g.step("Flatten")
    proto = network(g, 6 * 36 if conv else 64)
    made = imported(proto, tmp_path, UNIT)
    assert made.layers[0].nodes == ("Mul", "Round", "Mul", "Sub")
    assert_labels(proto, made, samples(300, 1, 8, 8))
    assert check_import(proto, "it", made).n_rounded == 0


def test_several_colours_of_a_few_values_before_a_convolution_are_refused(tmp_path: Path) -> None:
    g = Graph([3, 8, 8])
    g.step("Round")
    g.step("Conv", g.signs(6, 3, 3, 3), kernel_shape=[3, 3])
    g.step("Sign")
    g.step("Flatten")
    with pytest.raises(FormatError, match="nor a few even steps"):
        imported(network(g, 6 * 36), tmp_path, UNIT)
