"""The training loop: deterministic, resumable at any step, loud when it diverges, and it works."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metabit import MetabitError
from metabit.trainer import loop
from metabit.trainer.data import idx_sets
from metabit.trainer.loop import train
from metabit.trainer.networks.build import build_network
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.prepare import prepare
from metabit.trainer.recipe import Recipe, load_recipe, recipe_from_dict
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Silent
from metabit.trainer.streams import build
from metabit.trainer.tensor_files import read_tensors

#: METABIT_TEST_DEVICE=cuda runs these tests on a graphics processor, where there is one.
DEVICE = os.environ.get("METABIT_TEST_DEVICE", "cpu")

TINY = Path(__file__).parents[2] / "recipes" / "digits-tiny.toml"


def small(**tables: dict[str, Any]) -> Recipe:
    """Two permuted tasks of 203 digits, 9 steps an epoch: eight of 25 samples and one of 3."""
    recipe: dict[str, Any] = {
        "name": "small",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 203},
        "network": {"hidden": [16], "banks": "task"},
        "method": {"m": 8.0, "weight_decay": 1e-6},
        "train": {"epochs": 3, "batch": 25, "checkpoint_steps": 4, "device": DEVICE},
    }
    for name, changes in tables.items():
        recipe[name] = recipe[name] | changes
    return recipe_from_dict(recipe)


VARIANTS = {
    "adam": small(),
    "adam reset": small(method={"reset_optimizer": True}),
    "sgd": small(method={"optimizer": "sgd", "lr": 0.01}),
    "sgd momentum": small(method={"optimizer": "sgd", "lr": 0.01, "momentum": 0.9}),
    "dropout, decay": small(network={"dropout": 0.2}, method={"lr_decay": 0.5}),
    "shared bank, no affine": small(network={"banks": "shared", "affine": False}),
}


class Killed(Exception):
    """The power goes."""


class KillAt(Silent):
    """Stops the run after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        if total_steps == self.step:
            raise Killed


def results(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], Any]:
    """All tensors of a run, and its metrics without the time."""
    model, _ = read_tensors(path / MODEL)
    last, _ = read_tensors(path / run_folder.CHECKPOINT)
    metrics = run_folder.read_metrics(path / run_folder.METRICS)
    return model, last, {key: value for key, value in metrics.items() if "seconds" not in key}


def assert_same(a: Path, b: Path) -> None:
    (model_a, last_a, metrics_a), (model_b, last_b, metrics_b) = results(a), results(b)
    for one, other in ((model_a, model_b), (last_a, last_b)):
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            assert torch.equal(tensor, other[name]), name
    assert metrics_a == metrics_b


def test_the_same_recipe_gives_the_same_bits(tmp_path: Path) -> None:
    train(VARIANTS["adam"], tmp_path / "a")
    torch.manual_seed(99)  # what others do with the global generator does not matter
    torch.rand(5)
    train(VARIANTS["adam"], tmp_path / "b")
    assert_same(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_killed_run_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    recipe = VARIANTS[name]
    train(recipe, tmp_path / "whole")
    chance = random.Random(name)
    for step in sorted(chance.sample(range(1, 55), 2)):  # 54 steps in all
        out = tmp_path / f"killed at {step}"
        with pytest.raises(Killed):
            train(recipe, out, progress=KillAt(step))
        train(recipe, out, resume=True)
        assert_same(tmp_path / "whole", out)


def test_a_run_killed_again_and_again_ends_at_the_same_bits(tmp_path: Path) -> None:
    recipe = VARIANTS["adam"]
    train(recipe, tmp_path / "whole")
    for resume, step in enumerate((3, 9, 26, 27, 28, 45, 54)):
        with pytest.raises(Killed):
            train(recipe, tmp_path / "killed", resume=resume > 0, progress=KillAt(step))
    train(recipe, tmp_path / "killed", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "killed")


def test_time_in_which_the_processor_rests_is_not_processor_time(tmp_path: Path) -> None:
    class Rest(Silent):
        def task_done(self, task: int, accuracies: list[float]) -> None:
            time.sleep(0.5)

    metrics = train(VARIANTS["adam"], tmp_path / "run", progress=Rest()).metrics
    assert 0 < metrics["processor_seconds"] < metrics["seconds"] - 0.9  # two tasks


def test_the_time_of_a_killed_run_counts_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Killed):
        train(VARIANTS["adam"], out, progress=KillAt(40))
    first = read_tensors(out / run_folder.CHECKPOINT)[1]["position"]
    assert first["processor_seconds"] > 0
    whole = train(VARIANTS["adam"], out, resume=True).metrics
    assert whole["processor_seconds"] > first["processor_seconds"]
    assert whole["seconds"] > first["seconds"]


def test_the_learning_rate_falls_from_epoch_to_epoch_of_each_task(tmp_path: Path) -> None:
    rates: list[float] = []

    class Watch(Silent):
        def step_done(self, task: int, step: int, loss: float) -> None:
            rates.append(trainer.optimizer.param_groups[0]["lr"])

    recipe = small(method={"lr": 0.01, "lr_decay": 0.5}, train={"epochs": 2})
    prepared, cpu = prepare(recipe, tmp_path / "run"), torch.device("cpu")
    trainer = loop._Trainer(prepared, Watch(), cpu, keeps=False)
    trainer.learn_all()
    assert rates == 2 * (9 * [0.01] + 9 * [0.005])


def test_resuming_a_finished_run_returns_it_unchanged(tmp_path: Path) -> None:
    first = train(VARIANTS["adam"], tmp_path / "run")
    written = {path.name: path.read_bytes() for path in first.path.iterdir()}
    again = train(VARIANTS["adam"], tmp_path / "run", resume=True)
    assert again.metrics == first.metrics
    assert {path.name: path.read_bytes() for path in first.path.iterdir()} == written


def test_a_last_batch_of_one_sample_is_left_out_and_a_larger_one_is_used(tmp_path: Path) -> None:
    one_left = train(small(data={"train_samples": 201}), tmp_path / "201")
    three_left = train(small(data={"train_samples": 203}), tmp_path / "203")
    assert one_left.metrics["n_steps"] == 2 * 3 * 8
    assert three_left.metrics["n_steps"] == 2 * 3 * 9


def test_the_reported_accuracy_is_that_of_the_model_in_the_folder(tmp_path: Path) -> None:
    run = train(small(data={"n_tasks": 1}), tmp_path / "run")
    assert not run.model.training
    _, stream = build(run.recipe.data)
    labels = run.model.predict(stream[0].test.x)
    assert run.metrics["acc"] == np.mean(labels == stream[0].test.y)


def test_past_tasks_keep_their_banks(tmp_path: Path) -> None:
    """What task 2 does to its bank does not reach the bank of task 1."""
    recipe = small()
    with pytest.raises(Killed):
        train(recipe, tmp_path / "run", progress=KillAt(28))  # the first step of task 2
    before, _ = read_tensors(tmp_path / "run" / run_folder.CHECKPOINT)
    after = train(recipe, tmp_path / "run", resume=True).model.state_dict()
    for layer in (0, 1):
        for name in ("running_mean", "running_var"):
            key = f"norms.{layer}.{name}"
            assert torch.equal(before[f"model/{key}"][0], after[key][0])
            assert not torch.equal(before[f"model/{key}"][0], after[key][1])
        key = f"norms.{layer}.gamma.0"
        assert torch.equal(before[f"model/{key}"], after[key])


def test_a_hidden_weight_that_is_nan_stops_the_run_and_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A NaN has a sign too: the loss alone would never show it."""
    networks: list[Network] = []

    def remember(*asked: Any) -> Network:
        networks.append(build_network(*asked))
        return networks[0]

    class Poison(Silent):
        def step_done(self, task: int, total_steps: int, loss: float) -> None:
            networks[0].weights["linears.0.weight"].data[0, 0] = float("nan")

    monkeypatch.setattr(loop, "build_network", remember)
    with pytest.raises(MetabitError, match=r"in layer 1, hidden weights; lower \[method\] lr") as e:
        train(small(), tmp_path / "run", progress=Poison())
    assert e.value.code == "E-DIVERGED"
    assert not (tmp_path / "run" / run_folder.CHECKPOINT).exists()


def test_a_loss_that_is_not_finite_names_step_and_layer(tmp_path: Path) -> None:
    recipe = small(method={"optimizer": "sgd", "lr": 1e38})
    message = r"task 1, after \d+ steps: the loss is (inf|nan), because of .*layer 2"
    with pytest.raises(MetabitError, match=message) as caught:
        train(recipe, tmp_path / "run")
    assert caught.value.code == "E-DIVERGED"


def test_settings_of_the_process_come_back_even_after_a_failure(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(Killed):
            train(small(), tmp_path / "run", progress=KillAt(1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert torch.tensor([1e-310], dtype=torch.float64) * 1.0 != 0  # denormals are numbers again


def test_a_watcher_is_told_everything_in_order(tmp_path: Path) -> None:
    told: list[Any] = []

    class Watcher:
        def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
            told.append(("run", n_tasks, steps_per_task, done_steps))

        def task_started(self, task: int, name: str) -> None:
            told.append(("task", task, name))

        def step_done(self, task: int, total_steps: int, loss: float) -> None:
            told.append((task, total_steps))
            assert np.isfinite(loss)

        def task_done(self, task: int, accuracies: list[float]) -> None:
            told.append(("done", task, len(accuracies)))

    train(small(), tmp_path / "run", progress=Watcher())
    assert told[0] == ("run", 2, [27, 27], 0)
    assert told[1] == ("task", 0, "permutation 1")
    assert told[2:29] == [(0, step) for step in range(1, 28)]
    assert told[29:31] == [("done", 0, 1), ("task", 1, "permutation 2")]
    assert told[-1] == ("done", 1, 2)


@pytest.mark.parametrize("m", [0.0, 30.0])
def test_the_tiny_recipe_learns_each_task(m: float, tmp_path: Path) -> None:
    run = train(load_recipe(TINY).with_m(m), tmp_path / "run")
    assert run.metrics["learning_acc"] > 0.6


def test_metaplasticity_remembers_permuted_digits(tmp_path: Path) -> None:
    """m > 0 against m = 0 on three tasks; a rule that does nothing, or freezes all, fails here."""
    recipe = small(
        data={"n_tasks": 3, "train_samples": 1297},
        network={"hidden": [128, 128]},
        method={"reset_optimizer": True},
        train={"epochs": 15, "batch": 50, "checkpoint_steps": 1000},
    )
    plain = train(recipe.with_m(0.0), tmp_path / "plain").metrics
    metaplastic = train(recipe.with_m(20.0), tmp_path / "metaplastic").metrics
    assert plain["learning_acc"] > 0.85
    assert metaplastic["learning_acc"] > 0.65
    assert metaplastic["acc"] > plain["acc"] + 0.2
    assert metaplastic["bwt"] > plain["bwt"] + 0.3


@pytest.mark.data("mnist")
def test_one_pass_over_a_part_of_mnist_learns_it(tmp_path: Path) -> None:
    limits = {"train_samples": 5000, "test_samples": 1000, "n_tasks": 1}
    recipe = small(
        data={"name": "mnist", **limits},
        network={"hidden": [128]},
        train={"epochs": 2, "batch": 50, "checkpoint_steps": 1000},
    )
    assert train(recipe, tmp_path / "run").metrics["acc"] > 0.85


def test_a_data_set_that_is_not_there_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx_sets, "find", lambda name: None)
    with pytest.raises(MetabitError, match="metabit data fetch mnist"):
        train(small(data={"name": "mnist"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
