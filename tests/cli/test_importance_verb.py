"""`metabit importance`: a table for people, numbers and a picture in a folder, no labels needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from metabit.trainer.files import read_arrays
from metabit.trainer.importance import by_layer, measure_importance
from metabit.trainer.loop import train
from metabit.trainer.methods.mas import global_importance
from metabit.trainer.recipe import load_recipe
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.runs.run_folder import Run

from .conftest import Cli

RECIPE = load_recipe(Path(__file__).parents[2] / "recipes" / "digits-tiny.toml")
SHORT = replace(RECIPE, train=replace(RECIPE.train, epochs=1))
REAL = replace(SHORT.with_m(0.0), network=NetworkRecipe(kind="real", hidden=(9,)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real-valued run, which no file can hold."""
    return train(REAL, tmp_path_factory.mktemp("runs") / "real")


def test_a_folder_gets_the_importance_of_every_weight_and_a_picture(
    cli: Cli, run: Run, tmp_path: Path
) -> None:
    x = np.random.default_rng(3).integers(0, 17, (20, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "seen.npy", x)  # no labels
    folder = tmp_path / "importance"
    answer = cli("importance", run.path, tmp_path / "seen.npy", "-o", folder, "--json").answer
    assert (answer["n_samples"], answer["rule"]) == (20, "global")
    assert answer["files"] == [str(folder / f"importance.{end}") for end in ("safetensors", "png")]
    arrays, content = read_arrays(folder / "importance.safetensors")
    assert (content["schema"], content["n_samples"]) == ("metabit.importance", 20)
    inputs = torch.tensor(x.reshape(20, 64), dtype=torch.float32)
    expected = global_importance(run.model, inputs, torch.arange(10))
    assert arrays.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name], values.numpy())
    assert [layer["name"] for layer in answer["layers"]] == list(expected)
    assert (folder / "importance.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_file_is_measured_by_either_rule(
    cli: Cli, model_file: Path, data_file: Path
) -> None:
    done = cli("importance", model_file, data_file, "--rule", "local", "--classes", "0,2")
    assert done.code == 0, done.stderr
    assert "linears.1.weight" in done.stdout
    sensitive = cli("importance", model_file, data_file, "--json").answer["layers"]
    local = cli("importance", model_file, data_file, "--rule", "local", "--json").answer["layers"]
    assert [layer["largest"] for layer in local] == [1.0, 1.0]
    assert sensitive[0]["largest"] != 1.0


def test_maps_with_channels_are_read_as_the_network_was_trained(tmp_path: Path, cli: Cli) -> None:
    from metabit.export import container
    from metabit.export.from_torch import from_model, to_torch
    from metabit.export.spec import InputSpec
    from metabit.trainer.networks.convnet import BinaryConvNet
    from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig

    torch.manual_seed(0)
    net = BinaryConvNet(ConvNetConfig((3, 6, 4), (ConvBlock(2, pool=2),), (), 3)).eval()
    model = from_model(net, InputSpec("uint8", (6, 4, 3)), m=1.0)
    container.save(model, tmp_path / "maps.mbit")
    x = np.random.default_rng(0).integers(0, 256, (9, 6, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    cli("importance", tmp_path / "maps.mbit", tmp_path / "x.npy", "-o", tmp_path / "found")
    arrays, _ = read_arrays(tmp_path / "found" / "importance.safetensors")
    expected = measure_importance(to_torch(model), np.ascontiguousarray(np.moveaxis(x, 3, 1)))
    np.testing.assert_array_equal(arrays["convs.0.weight"], expected["convs.0.weight"])


@pytest.mark.parametrize(
    ("source", "more", "code", "error"),
    [
        ("model", ("--classes", "0,4"), 2, "E-LABEL"),
        ("model", ("--classes", "zero"), 2, "E-USAGE"),
        ("data", (), 2, "E-READ"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    cli: Cli, source: str, more: tuple[str, ...], code: int, error: str,
    model_file: Path, data_file: Path,
) -> None:  # fmt: skip
    first = model_file if source == "model" else data_file
    cli("importance", first, data_file, *more).refused(code, error)


def test_the_spread_of_a_layer_says_how_few_weights_hold_half() -> None:
    layer = by_layer({"w": np.array([[0, 0, 6, 1], [1, 1, 1, 0]], np.float32)})[0]
    assert (layer.n_weights, layer.largest, layer.mean) == (8, 6.0, 1.25)
    assert layer.half == 1 / 8
    assert layer.idle == 3 / 8
