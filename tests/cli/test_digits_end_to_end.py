"""The road from a recipe to a learning device, through the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metabit.cli import run

from .conftest import Cli

RECIPE = Path(__file__).parents[2] / "recipes" / "digits-tiny.toml"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "run"
    assert run(["train", str(RECIPE), "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def packed(trained: Path) -> Path:
    path = trained.with_name("digits.mbit")
    assert run(["export", str(trained), "-o", str(path)]) == 0
    return path


def test_the_packed_network_has_the_accuracies_of_the_run(
    cli: Cli, trained: Path, packed: Path
) -> None:
    matrix = json.loads((trained / "metrics.json").read_text())["accuracy_matrix"]
    for task in (1, 2):
        answer = cli("predict", packed, "digits", "--task", task, "--json").answer
        assert answer["n_samples"] == 500
        # Banks keep each task's statistics as they were at the end of the run.
        assert answer["accuracy"] == pytest.approx(matrix[-1][task - 1], abs=1e-12)


def test_inspect_verify_and_plan_agree(cli: Cli, packed: Path) -> None:
    inspected = cli("inspect", packed, "--json").answer
    assert inspected["input"]["shape"] == [8, 8]
    assert inspected["meta"]["recipe"] == "digits-tiny"
    verified = cli("verify", packed, "--json").answer
    assert verified["n_golden"] == inspected["n_golden"] == 4
    planned = cli("plan", packed, "--ram", "256KiB", "--json").answer
    assert planned["blob_bytes"] == inspected["sizes"]["file_bytes"] == packed.stat().st_size
    assert planned["fits"] is True


def test_the_device_learns_on_and_keeps_what_it_learnt(
    cli: Cli, packed: Path, tmp_path: Path
) -> None:
    def accuracy(*options: object) -> float:
        answer = cli("predict", packed, "digits", "--task", 1, *options, "--json").answer
        return float(answer["accuracy"])

    state = tmp_path / "state"
    before = accuracy()
    args = ("learn", packed, "digits", "--task", 1, "--split", "train", "--step", "0.5")
    learnt = cli(*args, "--m", "0", "--state", state, "--json").answer
    assert learnt["n_samples"] == 1297
    assert accuracy("--state", state) > before + 0.05
    assert accuracy() == before  # the file itself is as it was


@pytest.mark.parametrize("task", [0, 3])
def test_a_task_that_the_model_was_not_trained_on_is_refused(
    cli: Cli, packed: Path, task: int
) -> None:
    done = cli("predict", packed, "digits", "--task", task)
    done.refused(2, "E-USAGE" if task == 0 else "E-TASK")


def test_training_prints_the_accuracy_matrix(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", RECIPE, "-o", tmp_path / "run", "--seed", "3", "--json")
    assert done.answer["recipe"]["train"]["seed"] == 3
    assert "accuracy on each task" in done.stderr
    again = cli("train", RECIPE, "-o", tmp_path / "run")
    again.refused(2, "E-RUN-EXISTS")
    assert cli("train", RECIPE, "-o", tmp_path / "run", "--seed", "3", "--resume").code == 0


def test_a_recipe_with_a_wrong_key_names_the_nearest(cli: Cli, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RECIPE.read_text().replace("epochs", "epoch"))
    done = cli("train", wrong, "-o", tmp_path / "run")
    done.refused(2, "E-RECIPE")
    assert 'did you mean "epochs"?' in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", tmp_path / "no.toml", "-o", tmp_path / "run")
    assert done.code != 0
    assert "no.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_training_without_torch_says_what_to_install(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    done = cli("train", RECIPE, "-o", tmp_path / "run")
    done.refused(2, "E-EXTRA")
    assert 'pip install "metabit[train]"' in done.stderr


ENCODED = """
name = "encoded"
network = { hidden = [16], banks = "task" }
method = { m = 1.0 }
train = { epochs = 1, batch = 25 }
data = { name = "digits", stream = "permuted", n_tasks = 2, CHANGE }
"""


@pytest.mark.parametrize("change", ["thermometer = 3", "pad = 1"])
def test_a_network_of_changed_samples_travels_with_them(
    cli: Cli, tmp_path: Path, change: str
) -> None:
    recipe, packed = tmp_path / "encoded.toml", tmp_path / "encoded.mbit"
    recipe.write_text(ENCODED.replace("CHANGE", change))
    cli("train", recipe, "-o", tmp_path / "run")
    assert cli("export", tmp_path / "run", "-o", packed).code == 0
    assert cli("verify", packed).code == 0
    answer = cli("predict", packed, "digits", "--task", 2, "--json").answer
    assert answer["accuracy"] > 0.3
    other = tmp_path / "encoded.onnx"
    assert cli("export", tmp_path / "run", "-o", other).code == 0
    answer = cli("verify", packed, other, "--data", "digits", "--task", 2, "--json").answer
    assert (answer["bank"], answer["compared"][-1]["n_samples"]) == (1, 500)
