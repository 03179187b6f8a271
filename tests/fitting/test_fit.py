"""What `metabit fit` promises of the network it finds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_fit import Noted, asked_in, here, question_of, write_table

from metabit.cli.common import Output
from metabit.cli.fit_tables import say_answer
from metabit.cli.verbs.fit import or_known
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.errors import BudgetError, InputError
from metabit.export.blob import Blob
from metabit.export.spec import Told
from metabit.fitting import networks, race
from metabit.fitting.caution import caution
from metabit.fitting.fit import answer
from metabit.fitting.material import read
from metabit.readers.read import read_samples
from metabit.readers.rows import CsvOptions
from metabit.trainer.loop import train_in_memory
from metabit.trainer.prepare import prepare
from metabit.trainer.recipe import load_recipe
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.learn import LearnRecipe
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import Job
from metabit.trainer.reproduction.runner import Workers
from metabit.trainer.runs.run_folder import load_run

Found = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def tiny_race() -> Any:
    """A race of few networks and few steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "HIDDEN", ((), (16,)))
        patch.setattr(race, "FULL_STEPS", 64)
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, tiny_race: None) -> Found:
    """A folder with an answer for `write_table`, and its document."""
    folder = tmp_path_factory.mktemp("fit")
    question = question_of(write_table(folder / "mine.csv"))
    return folder / "out", answer(question, asked_in(folder / "out"))


def test_the_network_keeps_to_the_budget_and_learns_within_it(found: Found) -> None:
    folder, document = found
    planned = plan(folder / "mine.mbit", learn="counting", ram="8 KiB")
    assert planned.learns
    assert planned.arena_bytes == document["chosen"]["ram_bytes"]
    assert document["chosen"]["flash_bytes"] == (folder / "mine.mbit").stat().st_size


def test_what_is_said_of_a_candidate_is_what_the_trained_one_needs(found: Found) -> None:
    document = found[1]
    mine = next(r for r in document["candidates"] if r["label"] == document["chosen"]["label"])
    assert mine["ram_bytes"] == document["chosen"]["ram_bytes"]
    assert mine["predict_ram_bytes"] == document["chosen"]["predict_ram_bytes"]


def test_the_test_accuracy_is_that_of_the_file_on_rows_that_were_held_out(found: Found) -> None:
    folder, document = found
    table = folder.parent / "mine.csv"
    rows = table.read_text().splitlines()
    persons = read(question_of(table).data, 0).dataset.test.subject
    assert persons is not None
    held = {f"p{who - 1}" for who in persons.tolist()}
    kept = [row for row in rows[1:] if row.split(",")[4] in held]
    (folder / "held.csv").write_text("\n".join([rows[0], *kept]) + "\n")
    model = Blob.of(folder / "mine.mbit").model
    samples = read_samples(str(folder / "held.csv"), model, csv=CsvOptions(label="class"))
    names = np.array(model.class_names)[Engine(folder / "mine.mbit").predict(samples.x)]
    truth = [row.split(",")[5] for row in kept]
    assert document["chosen"]["test_accuracy"] == pytest.approx((names == truth).mean())
    assert document["chosen"]["n_test"] == len(kept)


def test_the_recipe_trains_the_same_network(found: Found, tmp_path: Path) -> None:
    folder = found[0]
    net, _ = train_in_memory(prepare(load_recipe(folder / "recipe.toml"), tmp_path / "run"))
    theirs = load_run(folder / "run").model
    for ours, other in zip(net.weights.values(), theirs.weights.values(), strict=True):
        assert np.array_equal(ours.detach().numpy(), other.detach().numpy())


def test_the_same_question_continues_and_gives_the_same_answer(found: Found) -> None:
    folder, document = found
    noted = Noted()
    again = answer(question_of(folder.parent / "mine.csv"), asked_in(folder, noted))
    assert all(n_jobs == n_finished for n_jobs, n_finished in noted.stages)
    assert again | {"seconds": 0} == document | {"seconds": 0}
    assert json.loads((folder / "fit.json").read_bytes()) == again


def test_another_question_is_refused_in_the_same_folder(found: Found) -> None:
    folder = found[0]
    other = question_of(folder.parent / "mine.csv", ram=16 * 1024)
    with pytest.raises(InputError, match="another question") as caught:
        answer(other, asked_in(folder))
    assert caught.value.code == "E-FIT-FOLDER"


def test_a_network_that_is_no_better_than_one_answer_is_said_to_be(
    found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(5)
    noise, is_rare = generator.normal(size=(160, 2)), generator.random(160) < 0.2
    names = np.where(is_rare, "yes", "no")
    rows = [f"{a:.3f},{b:.3f},{name}" for (a, b), name in zip(noise, names, strict=True)]
    (tmp_path / "mine.csv").write_text("a,b,class\n" + "\n".join(rows) + "\n")
    question = question_of(tmp_path / "mine.csv", group=None)
    document = answer(question, asked_in(tmp_path / "out"))
    say_answer(Output("fit", False), tmp_path, document)
    told = capsys.readouterr().out.replace("\n", " ")
    assert 'always answering "no", the commonest class' in told
    assert caution(found[1]) is None


@pytest.mark.long
def test_labels_of_the_test_rows_change_nothing_but_the_test_accuracy(tmp_path: Path) -> None:
    answers = []
    for name, wrong_after in (("right", None), ("wrong", 120)):
        folder = tmp_path / name
        folder.mkdir()
        path = write_table(folder / "mine.csv", wrong_after=wrong_after)
        question = question_of(path, group=None, channels=("a", "b", "c", "d"), split="time")
        answers.append(answer(question, asked_in(folder / "out")))
    right, wrong = answers
    for one in answers:
        stream = one["as_they_come"]
        assert stream["kept"] == one["chosen"]["test_accuracy"]
        assert stream["remember"]["ram_bytes"] <= 8 * 1024
    assert right["chosen"]["learns"] == "counting head"
    assert right["as_they_come"]["remember"]["accuracy"] > wrong["as_they_come"]["kept"]
    assert right["candidates"] == wrong["candidates"]
    assert right["chosen"]["test_accuracy"] > wrong["chosen"]["test_accuracy"] + 0.3


@pytest.mark.long
def test_a_stream_whose_meaning_drifts_is_learnt_with_the_goal_that_follows_it(
    tmp_path: Path,
) -> None:
    path = write_table(tmp_path / "mine.csv", n_rows=400, wrong_after=225)
    question = question_of(path, None, group=None, channels=("a", "b", "c", "d"), split="time")
    document = answer(question, asked_in(tmp_path / "out"))
    assert document["chosen"]["learns"] == "head with goal track"
    assert load_recipe(tmp_path / "out" / "recipe.toml").learn == LearnRecipe(goal="track")
    assert Blob.of(tmp_path / "out" / "mine.mbit").model.told == Told(goal="track")


def test_groups_are_no_stream(found: Found) -> None:
    assert found[1]["as_they_come"] is None


def test_what_does_not_fit_is_refused_before_any_training(tmp_path: Path) -> None:
    question = question_of(write_table(tmp_path / "mine.csv"), ram=200)
    noted = Noted()
    with pytest.raises(BudgetError, match="none of 4 candidates fits") as caught:
        answer(question, asked_in(tmp_path / "out", noted))
    assert (caught.value.code, noted.stages) == ("E-BUDGET", [])


@pytest.mark.parametrize(
    ("rows", "more", "why"),
    [
        ("1,2,A\n" * 40, {}, "one class only"),
        ("1,2,A\n3,4,B\n" * 5, {}, "at least 20"),
        ("1,2,A\n3,4,B\n" * 20 + "5,6,C\n", {"split": "time", "test": 0.1}, "never|class C"),
        ("1,p,A\n2,p,B\n" * 20 + "1,q,A\n2,q,B\n" * 20, {"group": 2}, "one group only"),
    ],
)
def test_samples_that_say_too_little_are_refused(
    tmp_path: Path, rows: str, more: dict[str, Any], why: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(rows)
    with pytest.raises(InputError, match=why):
        read(DataRecipe(path=str(path), label=3, **more), 0)


@pytest.mark.long
def test_an_interrupted_fit_says_what_it_knows_and_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = question_of(write_table(tmp_path / "mine.csv"))
    folder = tmp_path / "out"

    def interrupted(jobs: Sequence[Job], n: int, watcher: Watcher) -> list[Failure]:
        here(jobs[:3], n, watcher)
        raise KeyboardInterrupt

    stopped = replace(asked_in(folder), workers=lambda _: Workers(interrupted, 1, Noted()))
    with pytest.raises(KeyboardInterrupt):
        or_known(Output("fit", False), folder, lambda: answer(question, stopped))
    said = capsys.readouterr().out
    assert "3 trainings are kept" in said
    assert "best so far: " in said
    noted = Noted()
    answer(question, asked_in(folder, noted))
    assert noted.stages[0] == (12, 3)  # four networks on three folds
