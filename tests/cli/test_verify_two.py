"""`metabit verify A B`: equal forms pass, any difference is named, hostile files are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.random_models import random_model
from onnx import TensorProto, helper

from metabit.edge_runtime.engine import Engine
from metabit.export import container
from metabit.export.onnx.write import to_onnx
from metabit.export.spec import Model

from .conftest import Cli

CONVOLUTION = Path(__file__).parents[1] / "golden" / "v1.1-conv-8bit.mbit"


@pytest.fixture
def model() -> Model:
    return random_model((12, 33, 9, 4), seed=3, n_banks=2)


@pytest.fixture
def mbit(model: Model, tmp_path: Path) -> Path:
    container.save(model, tmp_path / "model.mbit")
    return tmp_path / "model.mbit"


@pytest.mark.parametrize("style", ["packed", "int2", "float", "qonnx"])
def test_an_exported_file_is_equal(
    cli: Cli, mbit: Path, data_file: Path, tmp_path: Path, style: str
) -> None:
    path = tmp_path / "model.onnx"
    cli("export", mbit, "-o", path, "--style", style)
    answer = cli("verify", mbit, path, "--data", data_file, "--bank", 1, "--json").answer
    assert answer["equal"] is True
    assert [entry["n_samples"] for entry in answer["compared"]] == [3, 256, 50]
    assert all(entry["n_scores"] == 4 * entry["n_samples"] for entry in answer["compared"])


def test_two_exported_files_are_compared_on_a_data_set(cli: Cli, tmp_path: Path) -> None:
    """Neither is a packed model, so the shape of the input is all that is known."""
    mbit, *others = (tmp_path / name for name in ("digits.mbit", "packed.onnx", "digits.tflite"))
    container.save(random_model((64, 9, 10), seed=1), mbit)
    for other in others:
        assert cli("export", mbit, "-o", other).code == 0
    answer = cli("verify", *others, "--data", "digits", "--json").answer
    assert [entry["n_samples"] for entry in answer["compared"]] == [256, 500]


def test_the_bank_of_an_exported_file_is_the_one_compared(
    cli: Cli, mbit: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    cli("export", mbit, "-o", path, "--bank", 1, "--input", "float")
    assert cli("verify", path, mbit, "--json").answer["bank"] == 1
    cli("verify", path, mbit, "--bank", 0).refused(2, "E-BANK")


def test_the_first_layer_that_differs_is_named(
    cli: Cli, model: Model, mbit: Path, tmp_path: Path
) -> None:
    """A threshold of layer fc2 moved: bits of fc1 are equal, one channel of fc2 is not."""
    layer = model.layers[1]
    value = layer.thresholds[0].value.copy()
    value[5] = -(2**31)
    flip = layer.thresholds[0].flip.copy()
    flip[5] = ~flip[5]
    moved = (replace(layer.thresholds[0], value=value, flip=flip), *layer.thresholds[1:])
    other = replace(
        model, layers=(model.layers[0], replace(layer, thresholds=moved), model.layers[2])
    )
    (tmp_path / "moved.onnx").write_bytes(to_onnx(other, "packed").SerializeToString())
    done = cli("verify", mbit, tmp_path / "moved.onnx")
    done.refused(5, "E-DIFFERENT")
    assert "first in layer fc2, sample" in done.stderr
    assert "index [5]" in done.stderr


@pytest.mark.parametrize("form", ["onnx", "tflite", "safetensors"])
def test_a_place_in_a_map_is_named_by_row_column_and_channel(
    cli: Cli, tmp_path: Path, form: str
) -> None:
    model = container.load(CONVOLUTION)
    path, other = tmp_path / f"conv.{form}", tmp_path / "other.mbit"
    cli("export", CONVOLUTION, "-o", path)
    assert cli("verify", CONVOLUTION, path).code == 0
    layer = model.layers[0]
    flip = layer.thresholds[0].flip.copy()
    flip[1] = ~flip[1]
    turned = (replace(layer.thresholds[0], flip=flip), *layer.thresholds[1:])
    layers = (replace(layer, thresholds=turned), *model.layers[1:])
    container.save(replace(model, layers=layers), other)
    done = cli("verify", other, path)
    done.refused(5, "E-DIFFERENT")
    assert f"first in layer {layer.name}, sample 0, index [0, 0, 1]: " in done.stderr


def test_another_network_is_no_form_of_the_model(cli: Cli, mbit: Path, tmp_path: Path) -> None:
    container.save(random_model((13, 4)), tmp_path / "other.mbit")
    done = cli("verify", mbit, tmp_path / "other.mbit")
    done.refused(5, "E-DIFFERENT")
    assert "samples" in done.stderr


def test_a_learnt_state_is_equal_to_its_export(
    cli: Cli, mbit: Path, data_file: Path, tmp_path: Path
) -> None:
    state, path = tmp_path / "state", tmp_path / "learnt.onnx"
    cli("learn", mbit, data_file, "--state", state, "--learn", "all")
    cli("export", mbit, "--state", state, "-o", path)
    assert cli("verify", state, path, "--model", mbit).code == 0
    cli("verify", state, path).refused(2, "E-USAGE")
    x = np.load(data_file)["x"]
    engine = Engine(mbit, learn="all", state=state)
    assert not np.array_equal(engine.scores(x), Engine(mbit).scores(x))  # it did learn
    cli("verify", mbit, path).refused(5, "E-DIFFERENT")


def graph_of(*nodes: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """input (batch, 12) uint8 to logits (batch, 4), without a check."""
    graph = helper.make_graph(
        nodes, "foreign",
        [helper.make_tensor_value_info("input", TensorProto.UINT8, ["batch", 12])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def matmul(weights: str = "w") -> onnx.ModelProto:
    return graph_of(
        helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", weights], ["logits"]),
        w=np.zeros((12, 4), dtype=np.float32),
    )


@pytest.mark.parametrize("batch", [None, 1, 100])
def test_a_foreign_file_is_compared_by_its_labels(
    cli: Cli, tmp_path: Path, batch: int | None
) -> None:
    """With a free batch, or one that the file fixes."""
    model = random_model((12, 4), seed=1)
    signs = model.layers[0].weights.T.astype(np.float32)
    one = np.ones(4, dtype=np.float32)
    norm = replace(model.layers[0].norms[0], mean=0 * one, var=one, gamma=one, beta=0 * one)
    container.save(
        replace(model, layers=(replace(model.layers[0], norms=(norm,)),), golden=None, learn=None),
        tmp_path / "a.mbit",
    )
    proto = matmul()
    proto.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(signs, "w"))
    if batch is not None:
        for value in (*proto.graph.input, *proto.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = batch
    onnx.save(proto, tmp_path / "b.onnx")
    answer = cli("verify", tmp_path / "a.mbit", tmp_path / "b.onnx", "--json").answer
    assert answer["compared"][0]["n_scores"] == 0


def hostile(kind: str, folder: Path) -> tuple[onnx.ModelProto, str]:
    """A model that must be refused, and the code of the refusal."""
    proto = matmul()
    weights = proto.graph.initializer[0]
    if kind == "operator":
        proto.graph.node[1].op_type = "Loop"
        return proto, "E-ONNX-OPERATOR"
    if kind == "domain":
        proto.graph.node[1].domain = "com.example"
        return proto, "E-ONNX-OPERATOR"
    if kind == "function":  # an operator with a known name that does something else
        proto.functions.append(
            helper.make_function(
                "", "MatMul", ["a", "b"], ["c"], [helper.make_node("Add", ["a", "b"], ["c"])],
                [helper.make_opsetid("", 18)],
            )
        )  # fmt: skip
        return proto, "E-ONNX-OPERATOR"
    if kind == "external":
        (folder.parent / "secret").write_bytes(bytes(192))
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../secret")
        return proto, "E-ONNX-EXTERNAL"
    if kind == "shape":
        weights.dims[0] = 1 << 40
    elif kind == "negative":
        weights.dims[0] = -12
    elif kind == "cycle":
        proto.graph.node[0].input[0] = "logits"
    elif kind == "no such tensor":
        proto.graph.node[1].input[1] = "nowhere"
    elif kind == "a batch that grows":
        proto = graph_of(
            helper.make_node("Pad", ["input", "pads"], ["more"]),
            helper.make_node("Cast", ["more"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "w"], ["logits"]),
            pads=np.array([1 << 24, 0, 0, 0]), w=np.zeros((12, 4), dtype=np.float32),
        )  # fmt: skip
    elif kind == "a side that samples decide":
        proto = graph_of(
            helper.make_node("Cast", ["input"], ["pads"], to=TensorProto.INT64),
            helper.make_node("Reshape", ["pads", "four"], ["sides"]),
            helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("Pad", ["x", "sides"], ["logits"]),
            four=np.array([-1]),
        )  # fmt: skip
    elif kind == "huge":
        proto = graph_of(
            helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("Pad", ["x", "pads"], ["y"]),
            helper.make_node("MatMul", ["y", "w"], ["logits"]),
            pads=np.array([0, 0, 0, 1 << 40]), w=np.zeros((12, 4), dtype=np.float32),
        )  # fmt: skip
    return proto, "E-ONNX"


KINDS = (
    "operator", "domain", "function", "external", "shape", "negative", "cycle", "no such tensor",
    "huge", "a batch that grows", "a side that samples decide",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_onnx_file_is_refused(cli: Cli, mbit: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    proto, code = hostile(kind, folder)
    (folder / "bad.onnx").write_bytes(proto.SerializeToString())
    for command in (("verify", mbit), ("import", "-o", tmp_path / "out.mbit")):
        done = cli(*command, folder / "bad.onnx")
        done.refused(4, code)
        assert "bad.onnx" in done.stderr
    assert not (tmp_path / "out.mbit").exists()


@pytest.mark.parametrize("content", [b"", b"hello", bytes(100), b"\x08\xff" * 40, None])
def test_what_is_no_onnx_file_is_refused(
    cli: Cli, mbit: Path, tmp_path: Path, content: bytes | None
) -> None:
    """A .mbit file (None) neither."""
    (tmp_path / "bad.onnx").write_bytes(mbit.read_bytes() if content is None else content)
    cli("verify", mbit, tmp_path / "bad.onnx").refused(4, "E-ONNX")
    cli("import", tmp_path / "bad.onnx", "-o", tmp_path / "out.mbit").refused(4, "E-ONNX")


def test_a_file_that_only_has_the_name_of_its_kind_is_refused(
    cli: Cli, mbit: Path, tmp_path: Path
) -> None:
    cli("export", mbit, "--to", "c", "-o", tmp_path)
    source = tmp_path / "model.c"
    cli("import", source, "-o", tmp_path / "out.mbit").refused(4, "E-ONNX")
    (tmp_path / "really.c").write_bytes(mbit.read_bytes())
    cli("verify", mbit, tmp_path / "really.c").refused(4, "E-C-SOURCE")
    (tmp_path / "really.mbit").write_bytes(source.read_bytes())
    cli("verify", mbit, tmp_path / "really.mbit").refused(4, "E-MAGIC")


def test_a_file_of_an_unknown_kind_is_refused(cli: Cli, mbit: Path) -> None:
    cli("verify", mbit, Path(__file__)).refused(2, "E-ARTEFACT")
    cli("verify", mbit, mbit.with_suffix(".onnx")).refused(2, "E-READ")


def test_an_imported_network_is_equal_to_its_source(cli: Cli, mbit: Path, tmp_path: Path) -> None:
    path, back = tmp_path / "model.onnx", tmp_path / "back.mbit"
    cli("export", mbit, "-o", path, "--style", "qonnx")
    answer = cli("import", path, "-o", back, "--json").answer
    assert [layer["name"] for layer in answer["layers"]] == ["fc1", "fc2", "fc3"]
    assert [layer["n_macs"] for layer in answer["layers"]] == [12 * 33, 33 * 9, 9 * 4]
    assert cli("verify", back).code == 0
    assert cli("verify", back, path, "--bank", 1).code == 0
    assert cli("verify", back, mbit).code == 0


def test_an_imported_network_learns_on_when_asked(
    cli: Cli, mbit: Path, data_file: Path, tmp_path: Path
) -> None:
    path, back = tmp_path / "model.onnx", tmp_path / "back.mbit"
    cli("export", mbit, "-o", path)
    assert cli("import", path, "-o", back, "--json").answer["can_learn"] is False
    cli("learn", back, data_file, "--learn", "all").refused(2, "E-NO-STATE")
    assert cli("import", path, "-o", back, "--learn", data_file, "--json").answer["can_learn"]
    assert cli("verify", back, path, "--bank", 1).code == 0
    assert cli("learn", back, data_file, "--learn", "all", "--json").answer["n_steps"] == 50


def test_an_imported_network_gets_a_head_where_samples_have_labels(
    cli: Cli, model_file: Path, mbit: Path, data_file: Path, tmp_path: Path
) -> None:
    path, back = tmp_path / "model.onnx", tmp_path / "back.mbit"
    cli("export", model_file, "-o", path)
    done = cli("import", path, "-o", back, "--learn", data_file, "--json")
    with np.load(data_file) as both:
        x, y = both["x"], both["y"]
    assert sum(done.answer["head"]["n_samples"]) == len(y)
    assert cli("verify", back, path).code == 0
    assert cli("learn", back, data_file, "--json").answer["head"] == "counting"
    np.save(tmp_path / "x.npy", x)
    bare = cli("import", path, "-o", back, "--learn", tmp_path / "x.npy", "--json").answer
    assert (bare["head"], bare["can_learn"]) == (None, True)
    np.savez(tmp_path / "bad.npz", x=x, y=y + 100)
    cli("import", path, "-o", back, "--learn", tmp_path / "bad.npz").refused(2, "E-LABEL")
    cli("export", mbit, "-o", path)
    banks = cli("import", path, "-o", back, "--learn", data_file)
    assert "no head: the network has 2 banks" in banks.stdout


def test_an_imported_network_of_others_has_their_labels(cli: Cli, tmp_path: Path) -> None:
    """Maps channel first in the graph, and float pixels."""
    rng = np.random.default_rng(4)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["sums"], "/features/0/Conv", kernel_shape=[3, 3]),
        helper.make_node("Sub", ["sums", "t"], ["centred"]),
        helper.make_node("Sign", ["centred"], ["bits"]),
        helper.make_node("Flatten", ["bits"], ["flat"]),
        helper.make_node("MatMul", ["flat", "v"], ["logits"]),
    ]
    constants = {
        "w": rng.choice([-1.0, 1.0], (6, 2, 3, 3)), "v": rng.choice([-0.5, 0.5], (6 * 3 * 2, 4)),
        "t": rng.normal(0, 1, (6, 1, 1)),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 5, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])],
        [onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path, back = tmp_path / "foreign.onnx", tmp_path / "back.mbit"
    path.write_bytes(proto.SerializeToString())
    cli("import", path, "-o", back).refused(4, "E-IMPORT")
    cli("import", path, "-o", back, "--samples", "uint8,much").refused(2, "E-USAGE")
    done = cli("import", path, "-o", back, "--samples", "uint8,0.0078125,128", "--json")
    assert done.answer["channels_first"] is True
    assert done.answer["layers"][0]["name"] == "features.0"
    assert container.load(back).input.shape == (5, 4, 2)
    assert cli("verify", path, back).code == 0


def test_safetensors_are_one_more_form_of_a_model(
    cli: Cli, mbit: Path, data_file: Path, tmp_path: Path
) -> None:
    """Of a model and of what it has learnt; what comes back can learn on."""
    state, path, back = tmp_path / "state", tmp_path / "model.safetensors", tmp_path / "back.mbit"
    cli("learn", mbit, data_file, "--state", state, "--learn", "all")
    assert cli("export", mbit, "-o", path, "--state", state).code == 0
    assert cli("verify", state, path, "--model", mbit).code == 0
    assert cli("export", path, "-o", back).code == 0
    assert cli("verify", back).code == 0
    assert cli("learn", back, data_file).code == 0
    assert cli("verify", path, back).code == 0
