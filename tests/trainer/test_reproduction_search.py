"""Searches: on validation data of the stream, with seeds that are not reported."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_benchmark import HEAD, ROWS, Notes, serial, tiny

from metabit.errors import FormatError, InputError
from metabit.trainer import data
from metabit.trainer.recipe import load_recipe, recipe_from_dict
from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction import search
from metabit.trainer.reproduction.benchmark import Benchmark
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import Job
from metabit.trainer.reproduction.runner import Workers, reproduce, search_rows
from metabit.trainer.streams import build

CHOICES = sorted(benchmarks.FOLDER.glob("*.chosen.json"))
SEARCHED = ROWS.replace("method = { m = 30.0 }", "search = { m = [0.0, 30.0] }")


def searched(made: Benchmark, out: Path, n_seeds: int = 1) -> tuple[dict[str, Any], list[Failure]]:
    return search_rows(made, made.rows, "small", n_seeds, out, Workers(serial, 1, Notes()))


def test_the_best_mean_is_chosen_and_used(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED)
    document, failures = searched(made, tmp_path / "out", n_seeds=2)
    assert failures == []
    entry = document["rows"]["metaplastic"]
    means = {tried["values"]["m"]: tried["mean"] for tried in entry["tried"]}
    best = max(means, key=lambda m: means[m])
    assert (entry["chosen"], entry["at_the_edge"]) == ({"m": best}, ["m"])
    assert entry["seeds"] == [100, 101]
    assert [len(tried["acc"]) for tried in entry["tried"]] == [2, 2]
    workers = Workers(serial, 1, Notes())
    results, _ = reproduce(made, made.rows, "small", 1, tmp_path / "out", workers)
    assert results["rows"][1]["settings"]["m"] == best
    assert results["rows"][1]["seeds"] == [0]


def test_a_row_may_be_searched_at_small_scale_alone(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED + "at_paper = { m = 2.5 }\n")
    row = made.row("metaplastic")
    assert [values["m"] for values in row.grid("small")] == [0.0, 30.0]
    assert made.tables(row, "paper")["method"]["m"] == 2.5
    assert "m" not in made.tables(row, "small")["method"]
    assert search.chosen(made, row, "paper") == {}
    with pytest.raises(InputError, match="none of these rows has values to search"):
        search_rows(made, [row], "paper", 1, tmp_path / "out", Workers(serial, 1, Notes()))
    with pytest.raises(InputError, match="first run"):
        search.chosen(made, row, "small")


def test_values_of_paper_scale_are_those_that_are_searched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at_paper: must have the keys of search"):
        tiny(tmp_path, HEAD + SEARCHED + "at_paper = { lr = 2.5 }\n")


def test_a_search_never_sees_test_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every test sample and label of the set replaced, it comes to the same numbers."""
    made = tiny(tmp_path, HEAD + SEARCHED)
    first, _ = searched(made, tmp_path / "a")
    whole, load = data.load("digits"), data.load

    def with_other_test_samples(name: str, fetch: bool = False) -> Any:
        test = replace(whole.test, x=np.zeros_like(whole.test.x), y=(whole.test.y + 1) % 10)
        return replace(load(name, fetch), test=test)

    # By its module: the package has a function of the same name.
    monkeypatch.setattr(
        sys.modules["metabit.trainer.streams.build"], "load", with_other_test_samples
    )
    job = search.jobs(made, [made.rows[1]], "small", 1, tmp_path, None)["metaplastic"][0][0]
    plain = {
        **job.recipe,
        "data": {k: v for k, v in job.recipe["data"].items() if k != "validation"},
    }
    _, stream = build(recipe_from_dict(plain).data)
    assert not stream[0].test.x.any()  # the replacement is what a run without validation sees
    second, _ = searched(made, tmp_path / "b")
    assert second == first


def test_every_run_of_a_search_holds_out_training_samples(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD.replace("seeds = 2", "validation = 0.25") + SEARCHED)
    searched(made, tmp_path / "out")
    recipes = list((tmp_path / "out" / "small" / "search").rglob("recipe.toml"))
    assert len(recipes) == 2
    for path in recipes:
        recipe = load_recipe(path)
        assert recipe.data.validation == 0.25
        assert (recipe.data.seed, recipe.train.seed) == (100, 100)


def test_nothing_runs_before_a_choice_is_made(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED)
    workers = Workers(serial, 1, Notes())
    with pytest.raises(InputError, match="--scale small --search --rows") as caught:
        reproduce(made, made.rows, "small", 1, tmp_path / "out", workers)
    assert caught.value.code == "E-CHOSEN"
    assert not (tmp_path / "out").exists()
    # Rows that need none can be run, and the others are left out of the table.
    document, _ = reproduce(made, made.rows[:1], "small", 1, tmp_path / "out", workers)
    assert [row["label"] for row in document["rows"]] == ["naive"]


@pytest.mark.parametrize("change", [("epochs = 2", "epochs = 3"), ("30.0]", "30.0, 40.0]")])
def test_a_choice_for_other_settings_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED)
    document, _ = searched(made, tmp_path / "out")
    best = document["rows"]["metaplastic"]["chosen"]
    assert search.chosen(made, made.rows[1], "small") == best
    changed = tiny(tmp_path, (HEAD + SEARCHED).replace(*change))
    with pytest.raises(InputError, match="other settings or another grid") as caught:
        search.chosen(changed, changed.rows[1], "small")
    assert caught.value.code == "E-CHOSEN"
    with pytest.raises(InputError, match="none are"):
        search.chosen(made, made.rows[1], "paper")


@pytest.mark.parametrize("path", CHOICES, ids=lambda path: path.name)
def test_a_choice_that_comes_with_metabit_is_of_its_row_as_it_is(path: Path) -> None:
    name, scale, *_ = path.name.split(".")
    for label, entry in json.loads(path.read_text())["rows"].items():
        made = benchmarks.load(name)
        row = made.row(label)
        if row.searched(scale):  # otherwise the file only keeps what a search has found
            on = [search.fingerprint(made.on(device), row, scale) for device in ("cpu", "cuda")]
            assert entry["of"] in on, label


def test_a_choice_does_not_depend_on_how_often_a_run_is_saved(tmp_path: Path) -> None:
    texts = (
        HEAD + SEARCHED,
        HEAD.replace("epochs = 2", "epochs = 2\ncheckpoint_steps = 7") + SEARCHED,
    )
    every = [tiny(tmp_path, text) for text in texts]
    assert every[0].small != every[1].small
    prints = [search.fingerprint(made, made.rows[1], "small") for made in every]
    assert prints[0] == prints[1]


def test_values_that_diverge_are_not_chosen(tmp_path: Path) -> None:
    text = HEAD.replace("lr = 0.01\n", "") + SEARCHED.replace(
        "m = [0.0, 30.0]", "lr = [1e36, 0.01]"
    )
    text = text.replace('{ name = "naive" }', '{ name = "naive", lr = 0.01 }')
    made = tiny(tmp_path, text)
    document, failures = searched(made, tmp_path / "out")
    assert [failure.code for failure in failures] == ["E-DIVERGED"]
    entry = document["rows"]["metaplastic"]
    assert entry["chosen"] == {"lr": 0.01}
    assert entry["tried"][0]["mean"] is None


def test_a_search_that_is_not_complete_chooses_nothing(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED)

    def lazy(jobs: Sequence[Job], n_workers: int, watcher: Watcher) -> list[Failure]:
        serial(jobs[:1], n_workers, watcher)
        return [Failure(job, "E-WORKER", "killed") for job in jobs[1:]]

    workers = Workers(lazy, 1, Notes())
    document, _ = search_rows(made, made.rows, "small", 1, tmp_path / "out", workers)
    assert document["rows"] == {}
    assert not search.chosen_path(made, "small").exists()


def test_rows_without_values_cannot_be_searched(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    with pytest.raises(InputError, match="none of these rows") as caught:
        searched(made, tmp_path / "out")
    assert caught.value.code == "E-CHOSEN"


def test_a_file_that_is_no_choice_is_refused(tmp_path: Path) -> None:
    made = tiny(tmp_path, HEAD + SEARCHED)
    for text in ("{", "[]", '{"schema": "other"}'):
        search.chosen_path(made, "small").write_text(text)
        with pytest.raises(FormatError) as caught:
            search.chosen(made, made.rows[1], "small")
        assert caught.value.code == "E-SCHEMA"
