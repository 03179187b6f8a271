"""`metabit state`, and what `inspect` and `predict --state` say of states."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.cli import run
from metabit.export import container

from .conftest import Cli


@pytest.fixture(scope="module")
def three(model_file: Path, data_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three states of 50 samples each."""
    folder = tmp_path_factory.mktemp("states") / "s"
    for _ in range(3):
        assert run(["learn", str(model_file), str(data_file), "--state", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(three: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(three, tmp_path / "s")


def test_a_story_of_states(cli: Cli, folder: Path, model_file: Path) -> None:
    states = cli("state", "list", folder, "--json").answer["states"]
    assert [(state["number"], state["n_steps"]) for state in states] == [
        (3, 150),
        (2, 100),
        (1, 50),
    ]
    assert all(0 <= state["prequential_accuracy"] <= 1 and state["date"] for state in states)
    assert cli("state", "keep", folder, "good", 2).code == 0
    undone = cli("state", "undo", folder, "--json").answer
    assert (undone["number"], undone["taken_again"]["number"], undone["was"]["number"]) == (4, 2, 3)
    text = cli("state", "list", folder).stdout
    assert "good, ← loaded" in text
    shown = cli("state", "show", folder, "--model", model_file, "--json").answer
    assert (shown["number"], shown["names"], shown["n_steps"]) == (4, ["good"], 100)
    assert len(shown["status"]["class_accuracy"]) == 4
    changed = cli("state", "diff", folder, 1, 3, "--model", model_file, "--json").answer
    assert (changed["n_samples_between"], changed["equal"]) == (100, False)
    assert [layer["n_weights"] for layer in changed["layers"]] == [12 * 33, 33 * 4]
    assert all(layer["n_moved"] > 0 for layer in changed["layers"])
    assert cli("state", "diff", folder, "good", "--json").answer["equal"] is True
    assert cli("state", "prune", folder, "--keep", 1, "--json").answer["removed"] == [3, 2, 1]
    assert [s["number"] for s in cli("inspect", folder, "--json").answer["states"]] == [4]
    assert cli("state", "forget", folder, "good").code == 0
    cli("state", "forget", folder, "good").refused(2, "E-STATE-WHICH")


def test_what_the_table_says_is_what_the_engine_says(
    cli: Cli, folder: Path, model_file: Path, data_file: Path
) -> None:
    learnt = cli("learn", model_file, data_file, "--state", folder, "--json").answer
    shown = cli("state", "show", folder, "--model", model_file, "--json").answer
    for name in ("n_steps", "n_learnt", "accuracy", "class_accuracy", "layer_plasticity"):
        assert shown["status"][name] == learnt[name], name
    assert shown["prequential_accuracy"] == pytest.approx(learnt["accuracy"], abs=1e-4)


def test_one_state_file_is_inspected(cli: Cli, folder: Path, tmp_path: Path) -> None:
    file = folder / "state-0000000002.mbs"
    assert cli("inspect", file, "--json").answer["n_steps"] == 100
    assert "samples since export  100" in cli("inspect", file).stdout
    (tmp_path / "half.mbs").write_bytes(file.read_bytes()[:-1])
    cli("inspect", tmp_path / "half.mbs").refused(4, "E-STATE-CRC")
    cli("inspect", tmp_path).refused(2, "E-STATE-EMPTY")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [(["list"], 2, "E-USAGE"), (["diff", "DIR"], 2, "E-USAGE"), (["keep", "DIR"], 2, "E-USAGE"),
     (["list", "DIR", "1"], 2, "E-USAGE"), (["undo", "DIR", "--keep", "1"], 2, "E-USAGE"),
     (["list", "DIR", "--model", "x"], 2, "E-USAGE"), (["show", "DIR", "9"], 2, "E-STATE-WHICH"),
     (["keep", "DIR", "1"], 2, "E-STATE-NAME"), (["undo", "nowhere"], 1, "E-STATE-NONE")],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    cli: Cli, folder: Path, words: list[str], code: int, error: str
) -> None:
    cli("state", *(folder if word == "DIR" else word for word in words)).refused(code, error)


def test_a_state_of_another_model_is_refused(cli: Cli, folder: Path, tmp_path: Path) -> None:
    container.save(random_model((12, 33, 4), seed=4), tmp_path / "other.mbit")
    for words in (("show", folder), ("diff", folder, 1)):
        done = cli("state", *words, "--model", tmp_path / "other.mbit")
        done.refused(5, "E-STATE-MODEL")


def test_the_samples_of_each_class_that_a_head_learnt_are_compared(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    onnx, mbit, state = tmp_path / "m.onnx", tmp_path / "m.mbit", tmp_path / "s"
    cli("export", model_file, "-o", onnx)
    assert cli("import", onnx, "-o", mbit, "--learn", data_file).code == 0
    for _ in range(2):
        assert cli("learn", mbit, data_file, "--state", state).code == 0
    with np.load(data_file) as both:
        each = np.bincount(both["y"], minlength=4)
    pairs = cli("state", "diff", state, 1, "--model", mbit, "--json").answer["class_counts"]
    assert [after - before for before, after in pairs[:4]] == each.tolist()
    assert "head" in cli("state", "list", state).stdout


def test_predict_tells_the_accuracy_as_exported_beside(
    cli: Cli, folder: Path, model_file: Path, data_file: Path
) -> None:
    bare = cli("predict", model_file, data_file, "--json").answer
    done = cli("predict", model_file, data_file, "--state", folder, "--json")
    assert done.answer["accuracy_as_exported"] == bare["accuracy"]
    assert done.answer["state"]["number"] == 3
    assert done.answer["accuracy"] > bare["accuracy"]
    assert "lost" not in done.stderr
    assert "accuracy_as_exported" not in bare


def test_predict_says_what_is_lost_and_how_to_go_back(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    """Labels that contradict what the model says of the same samples."""
    model = container.load(model_file)
    x = random_samples(np.random.default_rng(1), model.input, 300)
    np.save(tmp_path / "x.npy", x)
    y = np.array(cli("predict", model_file, tmp_path / "x.npy", "--json").answer["labels"])
    np.savez(tmp_path / "right.npz", x=x, y=y)
    np.savez(tmp_path / "wrong.npz", x=x, y=(y + 1) % 4)
    cli("learn", model_file, tmp_path / "wrong.npz", "--state", tmp_path / "s", "--no-guard")
    done = cli("predict", model_file, tmp_path / "right.npz", "--state", tmp_path / "s")
    assert "as exported: 100.0 %" in done.stdout
    assert f"metabit state undo {tmp_path / 's'}" in done.stdout


def test_an_earlier_task_is_asked_for_by_its_bank(
    cli: Cli, data_file: Path, tmp_path: Path
) -> None:
    """What the second task has learnt answers with the running values of the first."""
    mbit, state = tmp_path / "two.mbit", tmp_path / "s"
    container.save(random_model((12, 33, 4), seed=3, n_banks=2), mbit)
    cli("learn", mbit, data_file, "--state", state, "--learn", "all", "--bank", 1)
    second = cli("predict", mbit, data_file, "--state", state, "--json").answer
    assert (
        second["labels"]
        == cli("predict", mbit, data_file, "--state", state, "--bank", 1, "--json").answer["labels"]
    )
    first = cli("predict", mbit, data_file, "--state", state, "--bank", 0, "--json").answer
    cli("export", mbit, "--state", state, "-o", tmp_path / "learnt.mbit")
    packed = cli("predict", tmp_path / "learnt.mbit", data_file, "--bank", 0, "--json").answer
    assert first["labels"] == packed["labels"]
    assert (
        first["accuracy_as_exported"]
        == cli("predict", mbit, data_file, "--bank", 0, "--json").answer["accuracy"]
    )
