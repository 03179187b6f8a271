"""Networks that a recipe asks for: real-valued, convolutional, on a frozen trunk; and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metabit.errors import CorruptError, InputError
from metabit.trainer.data import load
from metabit.trainer.loop import train
from metabit.trainer.networks.build import read_network, write_network
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.runs.run_folder import Run
from metabit.trainer.tensor_files import read_tensors, write_tensors


def run(folder: Path, network: dict[str, Any], **tables: dict[str, Any]) -> Run:
    recipe: dict[str, Any] = {
        "name": "network",
        "data": {"name": "digits", "stream": "single", "train_samples": 400},
        "network": network,
        "train": {"epochs": 4, "batch": 25},
    }
    for name, table in tables.items():
        recipe[name] = {**recipe.get(name, {}), **table}
    return train(recipe_from_dict(recipe), folder)


NETWORKS: dict[str, tuple[type, dict[str, Any]]] = {
    "binary": (BinaryMLP, {"hidden": [64]}),
    "convolutional": (BinaryConvNet, {"convolutions": [[16, 3, 1], [32, 3, 2]], "hidden": []}),
    "real": (RealMLP, {"kind": "real", "hidden": [32]}),
    "real, convolutional": (
        RealConvNet,
        {"kind": "real", "convolutions": [[8, 3, 2]], "hidden": [16], "normalized": True}
        | {"normalization": "instance", "dropout": 0.1},
    ),
    "real, normalised": (
        RealMLP,
        {"kind": "real", "hidden": [32], "normalized": True, "standardized": True},
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_kind_learns_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    kind, network = NETWORKS[name]
    done = run(tmp_path / "run", network)
    assert type(done.model) is kind
    assert done.metrics["acc"] > 0.8
    write_network(tmp_path / "again.safetensors", done.model)
    again = read_network(tmp_path / "again.safetensors")
    x = load("digits").test.x[:50]
    assert np.array_equal(again.predict(x), done.model.predict(x))
    assert again.config == done.model.config


def test_a_real_network_sees_inputs_from_0_to_1_or_standardised(tmp_path: Path) -> None:
    digits = load("digits")
    plain = run(tmp_path / "plain", {"kind": "real", "hidden": [8]}).model.config
    assert (plain.scale, plain.shift) == (1 / digits.train.x.max(), 0.0)
    network = {"kind": "real", "hidden": [8], "standardized": True}
    config = run(tmp_path / "standard", network, data={"train_samples": 1297}).model.config
    seen = digits.train.x.astype(np.float64) * config.scale - config.shift
    assert seen.mean() == pytest.approx(0, abs=1e-6)
    assert seen.std() == pytest.approx(1, abs=1e-6)


def test_a_frozen_trunk_rests_and_its_new_head_learns(tmp_path: Path) -> None:
    source = run(tmp_path / "source", {"hidden": [64, 48]}).model
    on_it = run(
        tmp_path / "head",
        {"trunk": str(tmp_path / "source")},
        data={"stream": "permuted", "n_tasks": 2, "seed": 5},
    )
    model = on_it.model
    assert isinstance(model, BinaryMLP)
    assert model.config.hidden == (64, 48)
    trained = source.state_dict()
    for name, tensor in model.state_dict().items():
        last = name.startswith(("linears.2", "norms.2"))
        assert torch.equal(tensor, trained[name]) != last, name
    assert on_it.metrics["accuracy_matrix"][1][1] > 0.3  # features of digits, on shuffled digits


def test_a_trunk_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "source", {"hidden": [16]})
    run(tmp_path / "flat", {"hidden": []})
    for trunk, data, message in (
        (tmp_path / "source", {"name": "hapt", "train_samples": 50}, "64 values each"),
        (tmp_path / "flat", {}, "with a hidden layer"),
    ):
        with pytest.raises(InputError, match=message):
            run(tmp_path / "head", {"trunk": str(trunk)}, data=data)
        assert not (tmp_path / "head").exists()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"kind": "real", "trunk": "runs/x"}, r'trunk.*kind = "binary"'),
        ({"kind": "real", "affine": False}, r'affine.*kind = "binary"'),
        ({"normalized": True}, r'normalized.*kind = "real"'),
        ({"kind": "real", "banks": "task"}, "normalized = true"),
        ({"trunk": "run", "hidden": [8]}, "trunk brings its layers"),
        ({"convolutions": [[8, 3]]}, r"\[channels, kernel size, pooling\]"),
        ({"convolutions": [[8, 3, 0]]}, r"\[channels, kernel size, pooling\]"),
        ({"outputs": "some"}, "known: all, seen"),
        ({"normalization": "group"}, "known: batch, instance, sample"),
        ({"kind": "real", "normalization": "sample"}, "needs normalized = true"),
        ({"dropout": 1.0}, "must be 0 or more, below 1"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(network: dict[str, Any], message: str) -> None:
    recipe = {
        "name": "bad",
        "data": {"name": "digits", "stream": "single"},
        "network": network,
        "train": {"epochs": 1},
    }
    with pytest.raises(InputError, match=message):
        recipe_from_dict(recipe)


def test_pictures_are_needed_for_convolutions_and_must_be_large_enough(tmp_path: Path) -> None:
    network = {"convolutions": [[8, 3, 1]]}
    with pytest.raises(InputError, match="do not fit"):
        run(tmp_path / "run", {"convolutions": [[8, 3, 16]]})
    with pytest.raises(InputError, match="parts"):
        run(tmp_path / "run", network | {"banks": "task"}, data={"stream": "parts", "n_parts": 2})


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = run(tmp_path / "run", {"hidden": [8]}).path / MODEL
    tensors, content = read_tensors(path)
    write_tensors(path, tensors, content | {"kind": "imaginary"})
    with pytest.raises(CorruptError, match="imaginary"):
        read_network(path)
