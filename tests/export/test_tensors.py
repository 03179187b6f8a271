"""Models as .safetensors: whole and back, and nothing that is not one gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model
from safetensors import safe_open
from safetensors.numpy import save

from metabit.errors import CorruptError, FormatError
from metabit.export import container, tensors
from metabit.export.spec import Model


def model(**more: Any) -> Model:
    """As it comes out of a .mbit file: numbers rounded to what the file holds."""
    return container.loads(container.dumps(random_model((12, 9, 4), seed=2, **more)))


@pytest.mark.parametrize(
    "of", [model(bits=8), model(bits=4, n_banks=3, dtype="int8"), model(learnable=False)]
)
def test_a_model_comes_back_bit_for_bit(of: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(tensors.dumps(of))
    named = replace(of, meta=dict(of.meta) | {"layer_names": ["fc1", "fc2"]})
    assert container.dumps(tensors.load(path)) == container.dumps(named)


def test_every_golden_network_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """All but front end, heads and how it is to learn, which have no tensors."""
    for file in sorted((Path(__file__).parents[1] / "golden").glob("*.mbit")):
        of = container.load(file)
        path = tmp_path / "model.safetensors"
        path.write_bytes(tensors.dumps(of))
        names = {"layer_names": [layer.name for layer in of.layers]}
        named = replace(of, meta=dict(of.meta) | names, front_end=None, head=None)
        named = replace(named, tracker=None, told=None)
        assert container.dumps(tensors.load(path)) == container.dumps(named), file.name


def test_names_and_types_are_those_that_people_expect(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    of = model()
    path.write_bytes(tensors.dumps(of))
    with safe_open(path, framework="numpy") as file:
        weight, hidden = file.get_tensor("fc1.weight"), file.get_tensor("fc1.hidden")
    assert np.array_equal(weight, of.layers[0].weights)
    assert np.array_equal(np.where(hidden >= 0, 1, -1), weight)


def changed(path: Path, change: Any) -> None:
    """Rewrite the file after `change(tensors, network)`."""
    with safe_open(path, framework="numpy") as file:
        values = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
        network = json.loads(file.metadata()["metabit"])
    change(values, network)
    path.write_bytes(save(values, metadata={"metabit": json.dumps(network)}))


LIES: dict[str, Any] = {
    "a weight of 0": lambda t, n: t["fc1.weight"].__setitem__((0, 0), 0),
    "a missing tensor": lambda t, n: t.pop("fc2.mean"),
    "one too many": lambda t, n: t.__setitem__("fc3.weight", np.zeros(3)),
    "another shape": lambda t, n: t.__setitem__("fc1.flip", np.zeros((1, 8), dtype=bool)),
    "another type": lambda t, n: t.__setitem__("fc1.mean", np.zeros((1, 9))),
    "a NaN": lambda t, n: t["fc2.gamma"].__setitem__((0, 0), np.nan),
    "a hidden weight of the other sign": lambda t, n: np.negative(
        t["fc1.hidden"], out=t["fc1.hidden"]
    ),
    "layers that do not fit": lambda t, n: n["layers"][1].__setitem__("n_in", 10),
    "no layers": lambda t, n: n.__setitem__("layers", []),
    "a huge layer": lambda t, n: n["layers"][0].__setitem__("n_out", 1 << 60),
    "an input of floats": lambda t, n: n["input"].__setitem__("dtype", "float32"),
    "no input": lambda t, n: n.pop("input"),
    "text for a number": lambda t, n: n.__setitem__("eps", "small"),
    "golden scores of too few classes": lambda t, n: t.__setitem__(
        "golden.scores", t["golden.scores"][:, :2].copy()
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(lie: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(tensors.dumps(model()))
    changed(path, LIES[lie])
    with pytest.raises(CorruptError) as caught:
        tensors.load(path)
    assert caught.value.code == "E-SAFETENSORS"


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 64])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptError):
        tensors.load(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path, data = tmp_path / "model.safetensors", tensors.dumps(model())
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(CorruptError):
            tensors.load(path)


def test_tensors_of_others_are_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"weight": np.zeros(3)}))
    with pytest.raises(FormatError, match="no metadata of metabit"):
        tensors.load(path)
