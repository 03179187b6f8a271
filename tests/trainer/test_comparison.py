"""Comparisons: what is grouped, what is told apart, what is refused, and the numbers of a group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabit import CorruptError, InputError
from metabit.trainer.loop import train
from metabit.trainer.recipe import load_recipe
from metabit.trainer.runs.comparison import PrequentialCurve, Result, compare, estimate, read
from metabit.trainer.runs.comparison_plots import (
    figures,
    groups_with_prequential,
    groups_with_state,
)
from metabit.trainer.runs.run_folder import METRICS, read_metrics, write_metrics

NAN = math.nan
PNG = b"\x89PNG\r\n"
RECIPE = load_recipe(Path(__file__).parents[2] / "recipes" / "digits-tiny.toml")
DATA = {"name": "digits", "stream": "permuted", "n_tasks": 2, "seed": 0}
EWC = {"name": "ewc", "strength": 5.0}


def result(
    method: Mapping[str, Any] = EWC,
    seed: int = 0,
    matrix: tuple[tuple[float, ...], ...] = ((0.9, NAN), (0.5, 0.8)),
    data: Mapping[str, Any] = DATA,
    **changes: Any,
) -> Result:
    """A run as it would be read from a folder; `changes` are fields of the Result."""
    recipe = {
        "name": "any",
        "data": dict(data),
        "network": {"hidden": [64]},
        "method": dict(method),
        "train": {"epochs": 3, "seed": seed},
    }
    made = Result(
        path=Path(f"{method['name']}-{seed}"),
        recipe=recipe,
        stream="2 permutations",
        tasks=tuple(f"task {k + 1}" for k in range(len(matrix))),
        matrix=np.array(matrix),
        fwt=0.25,
        prequential=None,
        n_steps=100,
        seconds=2.0,
        n_weights=1000,
        state_bytes=8000,
    )
    return replace(made, **changes)


def with_train(made: Result, **keys: Any) -> Result:
    return replace(made, recipe={**made.recipe, "train": {**made.recipe["train"], **keys}})


def test_seeds_of_one_recipe_are_one_group_in_their_order() -> None:
    comparison = compare([result(seed=seed) for seed in (2, 0, 1)])
    assert [r.seed for group in comparison.groups for r in group.results] == [0, 1, 2]
    assert len(comparison.groups) == 1


def test_a_group_has_mean_and_sample_standard_deviation() -> None:
    low = ((0.9, NAN), (0.5, 0.7))  # ACC 0.6, BWT -0.4, learnt at 0.8
    high = ((0.9, NAN), (0.7, 0.9))  # ACC 0.8, BWT -0.2, learnt at 0.9
    runs = [result(seed=0, matrix=low), result(seed=1, matrix=high, seconds=4.0)]
    group = compare(runs).groups[0]
    numbers = group.estimates()
    half = math.sqrt(2)  # of a pair that lies d apart, the deviation is d / sqrt(2)
    expected = {
        "acc": (0.7, 0.2 / half),
        "bwt": (-0.3, 0.2 / half),
        "fwt": (0.25, 0.0),
        "forgetting": (0.3, 0.2 / half),
        "plasticity": (0.85, 0.1 / half),
        "state_bytes_per_weight": (8.0, 0.0),
        "seconds": (3.0, 2.0 / half),
    }
    assert numbers.keys() == {*expected, "prequential"}
    assert math.isnan(numbers["prequential"].mean)  # not measured
    for key, (mean, std) in expected.items():
        assert numbers[key].mean == pytest.approx(mean), key
        assert numbers[key].std == pytest.approx(std, abs=1e-12), key
    assert group.curves() == pytest.approx(np.array([[0.9, 0.6], [0.9, 0.8]]))
    assert group.mean_matrix()[1] == pytest.approx([0.6, 0.8])


def test_one_seed_has_no_standard_deviation() -> None:
    assert estimate([0.5]).std is None


def test_titles_and_checkpoints_make_no_other_group() -> None:
    other = with_train(result(seed=1), checkpoint_steps=7)
    other = replace(other, recipe={**other.recipe, "name": "another title", "description": "."})
    assert len(compare([result(), other]).groups) == 1


@pytest.mark.parametrize(
    ("other", "settings"),
    [
        (result({"name": "ewc", "strength": 9.0}), ["strength = 5", "strength = 9"]),
        (result({**EWC, "lr": 0.1}), ["strength = 5", "strength = 5, lr = 0.1"]),
        (with_train(result(), epochs=4), ["strength = 5, epochs = 3", "strength = 5, epochs = 4"]),
        (result({"name": "metaplastic", "m": [1.0, 2.5]}), ["m = [1.0, 2.5]", "strength = 5"]),
        (result({"name": "replay", "samples": 50}), ["", "strength = 5"]),
    ],
)
def test_a_group_shows_its_strength_and_what_tells_it_apart(
    other: Result, settings: list[str]
) -> None:
    groups = compare([result(), other]).groups
    assert sorted(group.settings_line for group in groups) == sorted(settings)


def test_a_label_names_the_method() -> None:
    groups = compare([result(), result({"name": "naive"})]).groups
    assert {group.label for group in groups} == {"ewc, strength = 5", "naive"}


def test_the_best_comes_first() -> None:
    worse = result({"name": "naive"}, matrix=((0.9, NAN), (0.1, 0.9)))
    assert [group.method for group in compare([worse, result()]).groups] == ["ewc", "naive"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({**DATA, "name": "mnist"}, r'\[data\] name "digits" -> "mnist"'),
        ({**DATA, "seed": 1}, r"\[data\] seed 0 -> 1"),
        ({**DATA, "train_samples": 50}, r"\[data\] train_samples not given -> 50"),
        ({"name": "digits", "stream": "single", "seed": 0}, "n_tasks 2 -> not given"),
    ],
)
def test_other_data_are_refused_with_what_differs(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=rf"naive-3 ran on other data than ewc-0 .*{reason}"):
        compare([result(), result({"name": "naive"}, seed=3, data=data)])


def test_other_tasks_from_the_same_recipe_are_refused() -> None:
    with pytest.raises(InputError, match="tasks task 1, task 2 -> a, b"):
        compare([result(), result(seed=1, tasks=("a", "b"))])


def test_the_same_recipe_and_seed_count_once() -> None:
    with pytest.raises(InputError, match=r"copy and ewc-0 are .* same seed, 0"):
        compare([result(path=Path("copy")), result(seed=1), result()])


def test_unequal_effort_is_seen() -> None:
    assert compare([result(), result(seed=1)]).n_steps == (100, 100)
    assert compare([result(), result(seed=1, n_steps=300)]).n_steps == (100, 300)


def test_a_state_that_is_not_known_is_not_zero() -> None:
    comparison = compare([result(), result({"name": "naive"}, state_bytes=None)])
    numbers = {group.method: group.estimates() for group in comparison.groups}
    assert math.isnan(numbers["naive"]["state_bytes_per_weight"].mean)
    assert [group.method for group in groups_with_state(comparison)] == ["ewc"]


def test_every_picture_is_drawn_where_it_has_something_to_show() -> None:
    several = figures(compare([result(), result(seed=1), result({"name": "naive"})]))
    assert set(several) == {
        "accuracy_so_far.png",
        "accuracy_matrices.png",
        "stability_plasticity.png",
        "accuracy_state.png",
    }
    assert all(picture.startswith(PNG) for picture in several.values())
    one_task = result(matrix=((0.9,),))
    assert set(figures(compare([one_task]))) == {"accuracy_state.png"}
    assert figures(compare([replace(one_task, state_bytes=None)])) == {}


def test_prequential_curves_are_drawn_and_averaged_where_all_runs_of_a_group_have_them() -> None:
    curve = PrequentialCurve(0.6, np.array([1, 100]), np.array([0.1, 0.7]))
    runs = [result(prequential=curve), result(seed=1, prequential=replace(curve, accuracy=0.8))]
    half_known = [result({"name": "naive"}, prequential=curve), result({"name": "naive"}, seed=1)]
    comparison = compare([*runs, *half_known])
    assert [group.method for group in groups_with_prequential(comparison)] == ["ewc"]
    drawn = figures(comparison)["prequential.png"]
    assert drawn.startswith(PNG)
    estimates = {group.method: group.estimates() for group in comparison.groups}
    assert estimates["ewc"]["prequential"].mean == pytest.approx(0.7)
    assert math.isnan(estimates["naive"]["prequential"].mean)


@pytest.mark.parametrize(("n_groups", "n_tasks"), [(1, 2), (1, 13), (13, 60)])
def test_crowded_pictures_are_drawn_without_a_warning(n_tasks: int, n_groups: int) -> None:
    matrix = np.full((n_tasks, n_tasks), NAN)
    matrix[np.tril_indices(n_tasks)] = 0.5
    rows = tuple(tuple(row) for row in matrix)
    runs = [
        result({"name": "ewc", "strength": 10.0**k}, matrix=rows, state_bytes=1000 * 10**k)
        for k in range(n_groups)
    ]
    assert len(figures(compare(runs))) == 4


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(RECIPE, tmp_path_factory.mktemp("runs") / "finished").path


def test_a_run_folder_is_read(finished: Path) -> None:
    made = read(finished)
    metrics = read_metrics(finished / METRICS)
    assert (made.path, made.seed, made.n_weights) == (finished, 0, 64 * 64 + 64 * 10)
    assert made.recipe["method"]["m"] == 30.0
    assert (made.n_steps, made.seconds) == (metrics["n_steps"], metrics["seconds"])
    assert made.tasks == ("permutation 1", "permutation 2")
    assert compare([made]).groups[0].estimates()["acc"].mean == pytest.approx(metrics["acc"])


@pytest.fixture
def spoilt(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run whose metrics a test may change."""
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("state", "n_bytes"),
    [(None, None), (0, 0), (4096, 4096), ({"anchor": 400, "importance": 800}, 1200), ({}, 0)],
)
def test_state_bytes_are_a_number_or_one_a_part(spoilt: Path, state: Any, n_bytes: Any) -> None:
    metrics = read_metrics(spoilt / METRICS)
    write_metrics(spoilt / METRICS, {**metrics, "state_bytes": state})
    assert read(spoilt).state_bytes == n_bytes


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy_matrix": [[0.9, None], [None, 0.8]]},
        {"accuracy_matrix": [[0.9], [0.5, 0.8]]},
        {"accuracy_matrix": None},
        {"tasks": ["only one"]},
        {"seconds": None},
        {"n_steps": "many"},
        {"state_bytes": "many"},
    ],
)
def test_metrics_that_are_not_those_of_a_run_are_refused(
    spoilt: Path, changes: dict[str, Any]
) -> None:
    write_metrics(spoilt / METRICS, {**read_metrics(spoilt / METRICS), **changes})
    with pytest.raises(CorruptError, match=r"metrics\.json: not the metrics of a run"):
        read(spoilt)


def test_metrics_without_a_field_are_refused(spoilt: Path) -> None:
    metrics = read_metrics(spoilt / METRICS)
    del metrics["n_steps"]
    write_metrics(spoilt / METRICS, metrics)
    with pytest.raises(CorruptError, match="n_steps"):
        read(spoilt)
