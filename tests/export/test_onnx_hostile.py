"""Hundreds of ways to spoil an ONNX file: each is read or refused, none crashes or hangs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from helpers.random_models import random_model, small_convnet

from metabit.compare.compare import random_samples
from metabit.compare.onnx_file import OnnxArtefact
from metabit.errors import MetabitError
from metabit.export.onnx.read import load
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.onnx_import.importer import from_onnx

N_FILES = 300
OPERATORS = ("Sign", "Relu", "MaxPool", "Conv", "Flatten", "Reshape", "Clip", "Pad", "Shape")
NUMBERS = (0, 1, -1, 7, 1 << 31, 1 << 62)


def bases() -> list[onnx.ModelProto]:
    """Every style of dense and convolutional networks, with and without banks."""
    models = [random_model((10, 6, 3), seed=1, n_banks=banks) for banks in (1, 2)]
    models += [small_convnet(seed=1, n_banks=banks, learnable=False) for banks in (1, 2)]
    return [to_onnx(model, style) for model in models for style in STYLES]


def any_name(proto: onnx.ModelProto, rng: random.Random) -> str:
    names = [tensor.name for tensor in proto.graph.initializer]
    names += [name for node in proto.graph.node for name in node.output]
    return str(rng.choice([*names, "input", "nowhere"]))


def spoil_node(proto: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice(proto.graph.node)
    kind = rng.randrange(5)
    if kind == 0 and node.input:
        node.input[rng.randrange(len(node.input))] = any_name(proto, rng)
    elif kind == 1:
        node.op_type = rng.choice(OPERATORS)
    elif kind == 2 and node.input:
        del node.input[rng.randrange(len(node.input))]
    elif kind == 3 and node.attribute:
        attribute = rng.choice(node.attribute)
        attribute.i = rng.choice(NUMBERS)
        for index in range(len(attribute.ints)):
            attribute.ints[index] = rng.choice(NUMBERS)
    elif len(proto.graph.node) > 1:
        proto.graph.node.remove(node)


def spoil_tensor(proto: onnx.ModelProto, rng: random.Random) -> None:
    if not proto.graph.initializer:
        return
    tensor = rng.choice(proto.graph.initializer)
    kind = rng.randrange(3)
    if kind == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    elif kind == 1:
        tensor.data_type = rng.randrange(28)
    elif tensor.raw_data:
        data = bytearray(tensor.raw_data)
        data[rng.randrange(len(data))] = rng.randrange(256)
        tensor.raw_data = bytes(data)


def spoil_head(proto: onnx.ModelProto, rng: random.Random) -> None:
    if rng.random() < 0.5:
        rng.choice(proto.metadata_props).value = rng.choice(["", "[]", "1e999", "-1", "null", "x"])
    else:
        dims = proto.graph.input[0].type.tensor_type.shape.dim
        dims[rng.randrange(len(dims))].dim_value = rng.choice(NUMBERS)


def spoilt(proto: onnx.ModelProto, rng: random.Random) -> bytes:
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    for _ in range(rng.randint(1, 3)):
        rng.choice([spoil_node, spoil_tensor, spoil_head])(made, rng)
    data = bytearray(made.SerializeToString())
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def import_it(proto: onnx.ModelProto) -> None:
    from_onnx(proto, "spoilt.onnx")


def run_it(proto: onnx.ModelProto) -> None:
    artefact = OnnxArtefact("spoilt.onnx", proto)
    samples = random_samples(artefact, 2)
    artefact.outputs(samples, 0)
    artefact.hidden(samples, 0)


@pytest.mark.parametrize("use", [import_it, run_it])
def test_a_spoilt_file_is_read_or_refused(
    use: Callable[[onnx.ModelProto], Any], tmp_path: Path
) -> None:
    rng, path = random.Random(8), tmp_path / "spoilt.onnx"
    protos, seen = bases(), Counter[str]()
    for _ in range(N_FILES):
        path.write_bytes(spoilt(rng.choice(protos), rng))
        try:
            use(load(path))
            seen["read"] += 1
        except MetabitError as error:
            seen[error.code] += 1
    assert seen["read"] > 10  # some changes are harmless
    assert seen["E-ONNX"] > 60
