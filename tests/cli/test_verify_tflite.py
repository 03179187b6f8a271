"""`metabit verify` with TFLite files: differences are named, hostile files refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from helpers.random_models import random_model, random_samples, small_convnet
from helpers.random_networks import conv_models, dense_models
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.compare.tflite_file import TfliteArtefact
from metabit.errors import CorruptError, FormatError
from metabit.export import container
from metabit.export.golden import model_scores, run
from metabit.export.spec import Model
from metabit.export.tflite import graph
from metabit.export.tflite.graph import OPERATORS, Graph, Operator, Tensor, dumps
from metabit.export.tflite.read import File, loads
from metabit.export.tflite.write import to_tflite

from .conftest import Cli


@pytest.fixture
def model() -> Model:
    return random_model((12, 33, 9, 4), seed=3, n_banks=2)


@pytest.fixture
def mbit(model: Model, tmp_path: Path) -> Path:
    container.save(model, tmp_path / "model.mbit")
    return tmp_path / "model.mbit"


def test_an_exported_file_is_equal_in_its_bank(
    cli: Cli, mbit: Path, data_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    cli("export", mbit, "-o", path, "--bank", 1)
    answer = cli("verify", mbit, path, "--data", data_file, "--json").answer
    assert (answer["equal"], answer["bank"]) == (True, 1)
    assert [entry["n_scores"] for entry in answer["compared"]] == [4 * 3, 4 * 256, 4 * 50]
    cli("verify", path, mbit, "--bank", 0).refused(2, "E-BANK")


def test_the_first_layer_that_differs_is_named(
    cli: Cli, model: Model, mbit: Path, tmp_path: Path
) -> None:
    layer = model.layers[1]
    value = layer.thresholds[0].value.copy()
    value[5] = -(2**31)
    flip = layer.thresholds[0].flip.copy()
    flip[5] = ~flip[5]
    moved = (replace(layer.thresholds[0], value=value, flip=flip), layer.thresholds[1])
    layers = (model.layers[0], replace(layer, thresholds=moved), model.layers[2])
    (tmp_path / "other.tflite").write_bytes(to_tflite(replace(model, layers=layers)))
    done = cli("verify", mbit, tmp_path / "other.tflite")
    done.refused(5, "E-DIFFERENT")
    assert "layer fc2, sample" in done.stderr


@settings(max_examples=15, deadline=None)
@given(model=st.one_of(dense_models(), conv_models()), seed=st.integers(0, 99))
def test_what_was_written_is_read_whole(model: Model, seed: int) -> None:
    """All scores, and the bits of every hidden layer, convolutions and pooling too."""
    model = replace(model, input=replace(model.input, zero_point=5))
    x = random_samples(np.random.default_rng(seed), model.input, 9)
    artefact = TfliteArtefact("it", loads(to_tflite(model), "it"))
    scores = artefact.outputs(x, 0).scores
    assert scores is not None
    assert np.array_equal(scores, model_scores(model, x))
    bits, _ = run(model, x, 0)
    hidden = artefact.hidden(x, 0)
    assert list(hidden) == [layer.name for layer in model.layers[:-1]]
    for layer, value in zip(model.layers, bits, strict=False):
        assert np.array_equal(hidden[layer.name].reshape(value.shape), value)


# ---- hostile files -----------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"hello", b"\x18\x00\x00\x00TFL3", b"TFL3" * 99])
def test_a_file_that_is_none_is_refused(
    cli: Cli, mbit: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    cli("verify", mbit, path).refused(4, "E-TFLITE")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_harmless(data: st.DataObject) -> None:
    """Some bytes overwritten, or the end cut off: an error of metabit's, or a checked graph."""
    dense, conv = random_model((9, 5, 3), seed=1), small_convnet(seed=1, learnable=False)
    blob = bytearray(to_tflite(data.draw(st.sampled_from([dense, conv]))))
    for _ in range(data.draw(st.integers(1, 8))):
        blob[data.draw(st.integers(8, len(blob) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(blob)))
    for content in (bytes(blob), bytes(blob[:cut])):
        with contextlib.suppress(CorruptError, FormatError):
            artefact = TfliteArtefact("it", loads(content, "it"))
            artefact.outputs(np.zeros((2, artefact.input.n_inputs), artefact.input.dtype), 0)


Change = Callable[[Graph], None]


def changed(index: int, **fields: Any) -> Change:
    def change(graph: Graph) -> None:
        graph.operators[index] = replace(graph.operators[index], **fields)

    return change


def with_tensor(name: str, **fields: Any) -> Change:
    def change(graph: Graph) -> None:
        number = next(n for n, tensor in enumerate(graph.tensors) if tensor.name == name)
        graph.tensors[number] = replace(graph.tensors[number], **fields)

    return change


def with_value(name: str, value: np.ndarray) -> Change:
    return with_tensor(name, value=value, shape=value.shape, dtype=value.dtype.name)


LIES: dict[str, Change] = {
    "an operator that reads what is not made yet": lambda g: g.operators.reverse(),
    "an operator without weights": changed(1, inputs=(0,)),
    "a tensor that is not there": changed(1, inputs=(0, 999)),
    "weights of another length": with_value("fc1/weights", np.ones((5, 8), np.int8)),
    "a bias of another length": with_value("fc1/minus_threshold", np.ones(4, np.int32)),
    "weights of another type": with_value("fc1/weights", np.ones((5, 9), np.int32)),
    "another shape than is made": with_tensor("fc1", shape=(-1, 6)),
    "no scale": with_tensor("fc1", scale=None),
    "a scale far off": with_tensor("fc1", scale=1e-37),
    "another type than is made": with_tensor("fc1", dtype="uint8"),
    "an activation that is not known": changed(1, options={"FusedActivationFunction": 77}),
    "an operand that does not fit": with_value("fc2/mean", np.ones(2, np.float32)),
    "an axis that is not there": with_tensor("classes", value=np.array(7, np.int32)),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_graph_that_contradicts_itself_is_refused(lie: str) -> None:
    file = loads(to_tflite(random_model((9, 5, 3), seed=1)), "it")
    LIES[lie](file.graph)
    written = dumps(file.graph, file.inputs, file.outputs, name="it", description="", metadata={})
    with pytest.raises(CorruptError) as refused:
        loads(written, "it")
    assert refused.value.code == "E-TFLITE"


def test_an_operator_without_its_options_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file says which kind of options there are, and then there are none."""
    write = graph._Writer._table

    def without(writer: graph._Writer, name: str, **fields: Any) -> int:
        fields.pop("BuiltinOptions", None)
        return write(writer, name, **fields)

    monkeypatch.setattr(graph._Writer, "_table", without)
    with pytest.raises(CorruptError, match="no options"):
        loads(to_tflite(random_model((9, 5, 3), seed=1)), "it")


def test_an_operator_that_is_not_known_is_named(
    cli: Cli, mbit: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATORS, "MUL", ("DivOptions", 1, 1))
    monkeypatch.setattr(tflite.BuiltinOperator, "MUL", tflite.BuiltinOperator.DIV)
    blob = to_tflite(model)
    monkeypatch.undo()
    (tmp_path / "foreign.tflite").write_bytes(blob)
    done = cli("verify", mbit, tmp_path / "foreign.tflite")
    done.refused(4, "E-TFLITE-OPERATOR")
    assert "operator DIV" in done.stderr
    assert "FULLY_CONNECTED" in done.stderr


def test_a_file_of_others_is_compared_by_labels(tmp_path: Path) -> None:
    """One int8 layer, int8 scores, one fixed sample, no metadata: what a converter may write."""
    graph = Graph()
    x = graph.tensor(Tensor("x", (-1, 6), "int8", 0.5, 3))
    weights = np.random.default_rng(0).integers(-9, 10, (4, 6)).astype(np.int8)
    constants = [
        graph.constant("w", weights, 0.1),
        graph.constant("b", np.zeros(4, np.int32), 0.05),
    ]
    y = graph.add("FULLY_CONNECTED", [x, *constants], Tensor("y", (-1, 4), "int8", 0.4, 0))
    written = dumps(graph, [x], [y], name="other", description="", metadata={})
    artefact = TfliteArtefact("it", loads(written, "it"))
    samples = np.random.default_rng(1).integers(-128, 128, (50, 6)).astype(np.int8)
    outputs = artefact.outputs(samples, 0)
    assert outputs.scores is None
    sums = (samples.astype(int) - 3) @ weights.T.astype(int)
    best = np.sort(np.clip(np.round(sums / 8), -128, 127), axis=1)
    clear = best[:, -1] > best[:, -2] + 1  # rounding decides the others
    assert clear.sum() > 10
    assert np.array_equal(outputs.labels[clear], sums.argmax(axis=1)[clear])


def test_a_file_for_something_else_is_refused() -> None:
    graph = Graph()
    x = graph.tensor(Tensor("x", (-1, 6), "float32"))
    mean = graph.constant("mean", np.ones(6, np.float32))
    y = graph.add("SUB", [x, mean], Tensor("y", (-1, 6), "float32"))
    with pytest.raises(FormatError, match="input of int8 or uint8"):
        TfliteArtefact("it", File(graph, (x,), (y,), {}))
    assert isinstance(graph.operators[0], Operator)
