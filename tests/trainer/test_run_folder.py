"""Run folders: a finished run reads back, and everything else is refused with a reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from metabit import CorruptError, FormatError, InputError, MetabitError, StorageError
from metabit.trainer.loop import train
from metabit.trainer.metaplasticity import f_meta
from metabit.trainer.networks.build import read_network
from metabit.trainer.recipe import Recipe, load_recipe
from metabit.trainer.runs.run_folder import load_run
from metabit.trainer.tensor_files import read_tensors, write_tensors

RECIPE = load_recipe(Path(__file__).parents[2] / "recipes" / "digits-tiny.toml")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(RECIPE, tmp_path_factory.mktemp("runs") / "finished").path


@pytest.fixture
def run_path(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_run_folder_holds_what_its_page_says(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == [
        "accuracy.png",
        "checkpoint.safetensors",
        "home.safetensors",
        "input.safetensors",
        "metrics.json",
        "model.safetensors",
        "recipe.toml",
        "weights.png",
    ]


def test_a_finished_run_reads_back(finished: Path) -> None:
    run = load_run(finished)
    assert run.recipe == RECIPE
    assert run.dataset == "digits"
    assert run.m == RECIPE.method.m
    assert not run.model.training
    assert run.model.config.n_banks == 2
    assert run.model.active_bank == 1
    matrix = run.accuracy_matrix
    assert matrix.shape == (2, 2)
    assert np.isnan(matrix[0, 1])
    assert run.metrics["acc"] == pytest.approx(matrix[1].mean())


def test_loading_a_run_does_not_touch_the_global_random_numbers(finished: Path) -> None:
    state = torch.get_rng_state()
    load_run(finished)
    assert torch.equal(torch.get_rng_state(), state)


def test_metrics_are_plain_json_with_a_version(finished: Path) -> None:
    text = (finished / "metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    assert (metrics["schema"], metrics["version"]) == ("metabit.metrics", 2)
    assert metrics["accuracy_matrix"][0][1] is None
    assert metrics["recipe"]["train"]["seed"] == 0
    assert {"metabit", "torch", "numpy", "python"} <= metrics["versions"].keys()


def test_metrics_tell_how_much_plasticity_is_left(finished: Path) -> None:
    run = load_run(finished)
    m = run.recipe.method.m
    assert isinstance(m, float)
    hidden = torch.cat([weight.flatten() for weight in run.model.weights.values()])
    wanted = f_meta(hidden, m).double().mean().item()
    assert run.metrics["plasticity_left"] == pytest.approx(wanted)
    assert m > 0


def test_plots_are_pictures(finished: Path) -> None:
    for name in ("accuracy.png", "weights.png"):
        assert (finished / name).read_bytes().startswith(b"\x89PNG\r\n")


def test_a_second_run_into_the_same_folder_is_refused(run_path: Path) -> None:
    before = (run_path / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train(RECIPE, run_path)
    assert (run_path / "model.safetensors").read_bytes() == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.odt"):
        train(RECIPE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_there_is_nothing_to_resume_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to resume"):
        train(RECIPE, tmp_path / "new", resume=True)


def test_resuming_with_another_recipe_names_the_difference(run_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[method\] m 30.0 -> 3.0"):
        train(RECIPE.with_m(3.0), run_path, resume=True)


def test_a_run_folder_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used"):
        train(RECIPE, tmp_path / "file")


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="not a run folder"):
            load_run(path)


def test_an_unfinished_run_is_refused(run_path: Path) -> None:
    (run_path / "metrics.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        load_run(run_path)


@pytest.mark.parametrize("length", [0, 7, 100, 5000])
@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_a_truncated_file_is_refused_by_name(run_path: Path, name: str, length: int) -> None:
    (run_path / name).write_bytes((run_path / name).read_bytes()[:length])
    with pytest.raises(CorruptError, match=name):
        open_again(run_path, name)


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_a_flipped_bit_is_refused_by_name(run_path: Path, name: str) -> None:
    content = bytearray((run_path / name).read_bytes())
    content[-40] ^= 4
    (run_path / name).write_bytes(content)
    with pytest.raises(CorruptError, match=name):
        open_again(run_path, name)


def open_again(path: Path, name: str) -> None:
    """Use the file: load the run, or resume it."""
    if name == "model.safetensors":
        _ = load_run(path).model
    else:
        (path / "metrics.json").unlink()
        train(RECIPE, path, resume=True)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", CorruptError),
        ("{", CorruptError),
        ("[]", FormatError),
        ('{"schema": "something else", "version": 1}', FormatError),
        ('{"schema": "metabit.metrics", "version": 99}', FormatError),
    ],
)
def test_metrics_that_are_none_are_refused(
    run_path: Path, text: str, error: type[MetabitError]
) -> None:
    (run_path / "metrics.json").write_text(text)
    with pytest.raises(error, match=r"metrics\.json"):
        load_run(run_path)


def test_a_spoilt_recipe_is_refused(run_path: Path) -> None:
    (run_path / "recipe.toml").write_text("name = 3")
    with pytest.raises(InputError, match=r"recipe\.toml"):
        load_run(run_path)


def test_a_model_of_another_shape_than_it_says_is_refused(run_path: Path) -> None:
    tensors, content = read_tensors(run_path / "model.safetensors")
    content["config"]["hidden"] = [63]
    write_tensors(run_path / "model.safetensors", tensors, content)
    with pytest.raises(CorruptError, match="not a network"):
        _ = load_run(run_path).model


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint(run_path: Path) -> None:
    model, checkpoint = run_path / "model.safetensors", run_path / "checkpoint.safetensors"
    with pytest.raises(FormatError, match=r"does not hold metabit\.model"):
        read_network(checkpoint)
    shutil.copy(model, checkpoint)
    with pytest.raises(FormatError, match="not a checkpoint"):
        open_again(run_path, "checkpoint.safetensors")


def test_a_recipe_made_by_hand_is_kept_in_full(run_path: Path) -> None:
    kept: Recipe = load_recipe(run_path / "recipe.toml")
    assert kept == RECIPE
    assert "checkpoint_steps" in (run_path / "recipe.toml").read_text()  # defaults are spelled out
