"""A convolutional network from a recipe to a learning board, through the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metabit.cli import run

from .conftest import Cli

RECIPE = """
name = "digits-conv"
description = "A convolutional network of the size that a test can wait for."

[data]
name = "digits"
stream = "single"

[network]
convolutions = [[8, 3, 2], [12, 3, 2]]

[method]
m = 2.0
lr = 0.01

[train]
epochs = 4
batch = 50
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conv")
    (folder / "recipe.toml").write_text(RECIPE)
    assert run(["train", str(folder / "recipe.toml"), "-o", str(folder / "run")]) == 0
    path = folder / "digits.mbit"
    assert run(["export", str(folder / "run"), "-o", str(path)]) == 0
    return path


def test_the_packed_network_is_as_good_as_the_trained_one(cli: Cli, packed: Path) -> None:
    metrics = json.loads((packed.parent / "run" / "metrics.json").read_text())
    answer = cli("predict", packed, "digits", "--json").answer
    assert answer["accuracy"] == pytest.approx(metrics["accuracy_matrix"][-1][0], abs=1e-12)
    assert answer["accuracy"] > 0.6
    assert cli("verify", packed).code == 0


def test_thermometer_coded_pictures_go_the_same_way(cli: Cli, tmp_path: Path) -> None:
    coded = RECIPE.replace('"single"', '"single"\nthermometer = 3\npad = 1')
    (tmp_path / "recipe.toml").write_text(coded.replace("epochs = 4", "epochs = 1"))
    assert cli("train", tmp_path / "recipe.toml", "-o", tmp_path / "run").code == 0
    assert cli("export", tmp_path / "run", "-o", tmp_path / "m.mbit").code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert cli("inspect", tmp_path / "m.mbit", "--json").answer["input"]["shape"] == [10, 10, 3]
    answer = cli("predict", tmp_path / "m.mbit", "digits", "--json").answer
    assert answer["accuracy"] == pytest.approx(metrics["accuracy_matrix"][-1][0], abs=1e-12)


def test_inspect_and_plan_know_convolutions(cli: Cli, packed: Path) -> None:
    inspected = cli("inspect", packed, "--json").answer
    assert inspected["format_version"] == "1.5"
    assert [layer["name"] for layer in inspected["layers"]] == ["conv1", "conv2", "fc1"]
    assert inspected["layers"][1] == inspected["layers"][1] | {
        "type": "conv", "in_shape": [4, 4, 8], "kernel_size": 3, "stride": 1, "padding": "one",
        "pool": 2, "out_shape": [2, 2, 12], "n_in": 72, "n_out": 12, "n_macs": 72 * 12 * 16,
    }  # fmt: skip
    assert "binary conv 3×3" in cli("inspect", packed).stdout
    everything = cli("plan", packed, "--json").answer["arena_bytes"]
    assert cli("plan", packed, "--learn", "head", "--json").answer["arena_bytes"] < everything


def test_it_learns_here_and_on_a_board(cli: Cli, packed: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    learnt = cli(
        "learn", packed, "digits", "--split", "train", "--limit", 200, "--state", state, "--json"
    )
    assert learnt.answer["n_samples"] == 200
    assert cli("predict", packed, "digits", "--state", state, "--json").answer["accuracy"] > 0.5
    simulated = cli(
        "simulate",
        packed,
        "--board",
        "nrf52840",
        "--learn",
        "all",
        "--data",
        "digits",
        "--samples",
        3,
        "--json",
    )
    assert simulated.code == 0
    profiled = cli("profile", packed, "--board", "nrf52840", "--json").answer
    assert [row["n_macs"] for row in profiled["layers"]] == [9 * 8 * 64, 72 * 12 * 16, 48 * 10]
