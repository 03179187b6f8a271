"""`metabit import` compares with ONNX Runtime before it writes, and tells what is no ONNX."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers.onnx_by_hand import Graph, labels
from onnx import helper, numpy_helper

from metabit.compare.imported import declared_values, samples_of
from metabit.export.onnx_import import chain
from metabit.export.spec import InputSpec

from .conftest import Cli

N_IN, N_HIDDEN, N_OUT = 20, 15, 4


def network(path: Path, sign: str, *, size: float = 1.0, says: str = "") -> Path:
    """Two dense layers and a sign, written as "Sign" or as a comparison with 0.

    Sums of an even number of bits are often 0, where Sign gives neither -1 nor +1.
    """
    rng = np.random.default_rng(2)
    values: dict[str, Any] = {
        "w1": size * rng.choice([-1, 1], (N_IN, N_HIDDEN)), "zero": 0.0, "two": 2.0, "one": 1.0,
        "w2": rng.choice([-1, 1], (N_HIDDEN, N_OUT)), "b": [0.1, 0.2, 0.3, 0.4],
    }  # fmt: skip
    node = helper.make_node
    sign_nodes = [node("Sign", ["s"], ["h"])] if sign == "Sign" else [
        node(sign, ["s", "zero"], ["is"]), node("Cast", ["is"], ["i"], to=1),
        node("Mul", ["i", "two"], ["t"]), node("Sub", ["t", "one"], ["h"]),
    ]  # fmt: skip
    nodes = [node("MatMul", ["x", "w1"], ["s"]), *sign_nodes, node("MatMul", ["h", "w2"], ["u"])]
    nodes.append(node("Add", ["u", "b"], ["y"]))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", 1, ["N", N_IN])],
        [helper.make_tensor_value_info("y", 1, ["N", N_OUT])],
        [numpy_helper.from_array(np.asarray(v, "float32"), k) for k, v in values.items()],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if says:
        note = proto.graph.quantization_annotation.add(tensor_name="x")
        note.quant_parameter_tensor_names.add(key="finn_datatype", value=says)
    onnx.save(proto, path)
    return path


INT8 = ("--samples", "int8,1,0")


def test_other_labels_than_onnx_runtimes_are_refused_and_nothing_is_written(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the importer read an operator wrongly."""
    monkeypatch.setitem(chain._BINARY, "GreaterOrEqual", np.greater)
    source = network(tmp_path / "a.onnx", "GreaterOrEqual", says="BIPOLAR")
    target = tmp_path / "a.mbit"
    done = cli("import", source, "-o", target, *INT8)
    done.refused(5, "E-DIFFERENT")
    assert "of 256 random samples" in done.stderr
    assert not target.exists()
    answer = cli("import", source, "-o", target, *INT8, "--no-check", "--json").answer
    assert answer["check"] is None
    assert target.exists()


def test_a_sign_that_gives_0_gets_a_value_for_it_where_labels_would_differ(
    cli: Cli, tmp_path: Path
) -> None:
    source, target = network(tmp_path / "a.onnx", "Sign", says="BIPOLAR"), tmp_path / "a.mbit"
    done = cli("import", source, "-o", target, *INT8, "--json")
    assert done.answer["check"]["n_samples"] == 256
    assert [layer["n_macs"] for layer in done.answer["layers"]] == [
        N_IN * 2 * N_HIDDEN, 2 * N_HIDDEN * N_OUT,
    ]  # fmt: skip
    assert "signs of the graph give 0 for some sums" in done.stderr
    assert cli("verify", target, source).code == 0
    plain = cli("import", source, "-o", target, *INT8, "--no-check", "--json")
    assert plain.answer["layers"][0]["n_macs"] == N_IN * N_HIDDEN
    assert "a sum gives 0 in 15 channels" in plain.answer["layers"][0]["note"]
    assert cli("verify", target, source).code == 5


def test_a_sign_that_is_never_0_passes_on_the_same_samples(cli: Cli, tmp_path: Path) -> None:
    source = network(tmp_path / "a.onnx", "GreaterOrEqual", says="BIPOLAR")
    done = cli("import", source, "-o", tmp_path / "a.mbit", *INT8, "--json")
    check = done.answer["check"]
    assert (check["n_samples"], check["seed"], check["n_rounded"]) == (256, 0, 0)
    assert check["n_classes_seen"] == N_OUT
    assert "labels of 256 random samples (seed 0) are equal" in done.stderr


def test_labels_that_come_from_rounding_to_float_are_told_and_no_reason_to_refuse(
    cli: Cli, tmp_path: Path
) -> None:
    """In float, sums of +0.1 and -0.1 that are 0 fall on either side of 0."""
    source = network(tmp_path / "a.onnx", "GreaterOrEqual", size=0.1, says="BIPOLAR")
    done = cli("import", source, "-o", tmp_path / "a.mbit", *INT8, "--json")
    assert done.answer["check"]["n_rounded"] > 0
    assert "differ by its rounding to float" in done.stderr


def test_a_file_that_onnx_runtime_does_not_run_is_imported_when_asked(
    cli: Cli, tmp_path: Path
) -> None:
    """A convolution in double: ONNX defines it, and ONNX Runtime does not have it."""
    rng, node = np.random.default_rng(3), helper.make_node
    weights = {
        "k": rng.choice([-1.0, 1.0], (4, 1, 2, 2)), "w": rng.choice([-1.0, 1.0], (16, 3)),
        "b": np.arange(4) + 0.5,
    }  # fmt: skip
    nodes = [
        node("Cast", ["x"], ["d"], to=11), node("Conv", ["d", "k", "b"], ["s"]),
        node("Sign", ["s"], ["h"]), node("Flatten", ["h"], ["f"]),
        node("MatMul", ["f", "w"], ["y"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", 1, ["N", 1, 3, 3])],
        [helper.make_tensor_value_info("y", 11, ["N", 3])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(proto, tmp_path / "a.onnx")
    done = cli("import", tmp_path / "a.onnx", "-o", tmp_path / "a.mbit", *INT8)
    done.refused(4, "E-ONNX")
    assert "--no-check imports it" in done.stderr
    assert (
        cli("import", tmp_path / "a.onnx", "-o", tmp_path / "a.mbit", *INT8, "--no-check").code == 0
    )


def test_without_onnx_runtime_a_line_says_how_to_get_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, find = network(tmp_path / "a.onnx", "Sign", says="BIPOLAR"), importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "onnxruntime" else find(name)
    )
    done = cli("import", source, "-o", tmp_path / "a.mbit", *INT8)
    assert done.code == 0
    assert 'not compared with ONNX Runtime, which is not installed: pip install "' in done.stdout


@pytest.mark.parametrize(
    ("says", "values"),
    [("BIPOLAR", [-1, 1]), ("UINT2", [0, 1, 2, 3]), ("INT2", [-2, -1, 0, 1]), ("FLOAT32", None),
     ("UINT8", None), ("", None)],
)  # fmt: skip
def test_samples_are_such_as_the_file_says(
    tmp_path: Path, says: str, values: list[int] | None
) -> None:
    """Of 0...255 there are some that int8 does not have, so that this annotation counts nothing."""
    proto = onnx.load(network(tmp_path / "a.onnx", "Sign", says=says))
    spec = InputSpec("int8", (N_IN,), 0.5, 1)
    found = declared_values(proto, spec)
    assert (None if found is None else [(int(v) - 1) * 0.5 for v in found]) == values
    samples = samples_of(spec, 400, found)
    assert set(np.unique(samples)) <= set(range(-128, 128) if found is None else found.tolist())
    assert len(np.unique(samples[::2])) == (256 if found is None else len(found))


FOREIGN = {
    "model.pt": (b"", "torch.onnx.export"),
    "model.PTH": (b"", "torch.onnx.export"),
    "model.keras": (b"", 'format="onnx"'),
    "model.h5": (b"", 'format="onnx"'),
    "model.tflite": (b"", "tf2onnx.convert --tflite"),
    "model.pkl": (b"", "never opened"),
    "model.safetensors": (b"", "tensors without a network"),
    "model.mbit": (b"", "metabit inspect"),
    "zipped": (b"PK\x03\x04....", "torch.onnx.export"),
    "hdf": (b"\x89HDF\r\n\x1a\n", 'format="onnx"'),
    "light": (b"\x1c\0\0\0TFL3", "tf2onnx.convert --tflite"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_tool_is_told_how_to_become_onnx(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    content, says = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    done = cli("import", tmp_path / name, "-o", tmp_path / "out.mbit")
    done.refused(4, "E-IMPORT-KIND")
    assert says in done.stderr


def test_a_saved_model_is_a_folder_and_told_the_same(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    cli("import", folder, "-o", tmp_path / "out.mbit").refused(4, "E-IMPORT-KIND")
    (folder / "saved_model.pb").write_bytes(b"")
    done = cli("import", folder, "-o", tmp_path / "out.mbit")
    assert "tf2onnx.convert --saved-model" in done.stderr


def test_a_network_of_floats_is_told_to_be_trained_with_binary_weights(
    cli: Cli, tmp_path: Path
) -> None:
    proto = onnx.load(network(tmp_path / "a.onnx", "Sign"))
    weights = np.random.default_rng(0).normal(size=(N_IN, N_HIDDEN)).astype(np.float32)
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w1"))
    onnx.save(proto, tmp_path / "a.onnx")
    done = cli("import", tmp_path / "a.onnx", "-o", tmp_path / "a.mbit", *INT8)
    done.refused(4, "E-IMPORT")
    assert "metabit train" in done.stderr


def test_real_values_with_a_deviation_each_are_imported_and_predicted(
    cli: Cli, tmp_path: Path
) -> None:
    """Through the front end that import makes; what 8 bits change is said, and verify refuses."""
    g = Graph([30])
    mean, deviation = g.rng.normal(0, 50, 30), 10 ** g.rng.uniform(0, 2, 30)
    g.step("Sub", mean)
    g.step("Div", deviation)
    g.step("MatMul", g.signs(30, 40))
    g.batch_norm(40, size=5)
    g.step("Sign")
    g.step("MatMul", g.signs(40, 4))
    source, target, rows = (tmp_path / name for name in ("a.onnx", "a.mbit", "a.csv"))
    onnx.save(g.proto(4), source)
    x = g.rng.normal(mean, deviation, (200, 30)).astype(np.float32)
    y = labels(g.proto(4), x)
    np.savetxt(rows, np.column_stack([x, y]), delimiter=",", fmt="%.7g")
    done = cli("import", source, "-o", target, "--json")
    check = done.answer["check"]
    assert check["n_drawn"] == 256
    assert f"{256 - check['n_drawn_differ']} of 256 labels are equal" in done.stderr
    assert cli("predict", target, rows, "--json").answer["accuracy"] > 0.9
    cli("verify", target, source).refused(5, "E-DIFFERENT")
    cli("import", source, "-o", target, "--learn", rows)
    assert cli("predict", target, rows, "--json").answer["accuracy"] > 0.9
