"""What the race promises, with trainings whose accuracies are known beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from helpers.small_fit import Noted

from metabit.fitting import race
from metabit.fitting.candidate import BATCH, Candidate
from metabit.fitting.choice import best
from metabit.fitting.cost import Cost
from metabit.fitting.features import Features
from metabit.fitting.question import Budgets, Question
from metabit.fitting.race import Entry, Score
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import DONE, SCHEMA, Job
from metabit.trainer.reproduction.runner import Workers

WIDTHS = tuple(range(8, 416, 8))
N_FOLDS = 3
Accuracy = Callable[[int, int, int], float]
"""Function of the width of a network, the fold and the training steps that gives its accuracy."""


@dataclass
class Known:
    """A job engine that trains nothing: it writes accuracies that are known, and notes the jobs."""

    accuracy: Accuracy
    done: list[Job] = field(default_factory=list)

    def __call__(self, jobs: Sequence[Job], _n: int, _watcher: Watcher) -> list[Failure]:
        for job in jobs:
            (width,) = job.recipe["recipe"]["network"]["hidden"]
            steps = job.recipe["most_samples"] // BATCH
            accuracy = self.accuracy(width, job.recipe["fold"], steps)
            numbers = {"network": accuracy, "head": None}
            job.folder.mkdir(parents=True)
            document = {"schema": SCHEMA, "label": job.label, "numbers": numbers}
            (job.folder / DONE).write_text(json.dumps(document))
            self.done.append(job)
        return []

    def widths(self, steps: int) -> set[int]:
        """Networks that were trained for so many steps."""
        some = [job for job in self.done if f", {steps} steps," in job.label]
        return {job.recipe["recipe"]["network"]["hidden"][0] for job in some}


def raced(
    folder: Path, accuracy: Accuracy, n_folds: int = N_FOLDS
) -> tuple[dict[Entry, Score], Known, list[race.Rung]]:
    """A race of networks with one hidden layer, of which the narrow ones are the smaller."""
    y = np.arange(200) % 3
    train = Split(np.zeros((200, 4), dtype=np.int8), y)
    dataset = DataSet(
        name="known", train=train, test=train.take(y[:0]), n_classes=3, class_names=("a", "b", "c"),
        dtype="int8", scale=1.0, zero_point=0, citation="", source="known",
    )  # fmt: skip
    features = Features(dataset, np.array([np.arange(200) % 4 == n for n in range(n_folds)]))
    entries = [
        Entry(
            Candidate("values", None, NetworkRecipe(hidden=(width,)), 4, 3),
            Cost(1000, 500, 100 * width, 4, 4, 4, None, 8),
            folder,
        )
        for width in WIDTHS
    ]
    known, stages = Known(accuracy), race.rungs(len(entries), n_folds, "normal")
    question = Question("known", DataRecipe("digits"), None, Budgets(), "normal", 0)
    workers = Workers(known, 1, Noted())
    scores = race.race(entries, stages, question, {folder: features}, folder, workers, None)
    return scores, known, stages


def test_one_fold_decides_nothing_alone(tmp_path: Path) -> None:
    """Every stage asks every fold: a network that suits one person only is out at once."""
    scores, known, stages = raced(
        tmp_path, lambda width, fold, _: (1.0 if fold == 0 else 0.0) if width == 8 else width / 500
    )
    assert 8 not in known.widths(stages[1].steps)
    last = [e for e, score in scores.items() if score.rung == len(stages) - 1]
    assert max(WIDTHS) in {entry.candidate.network.hidden[0] for entry in last}
    assert {job.recipe["fold"] for job in known.done} == set(range(N_FOLDS))


def test_a_race_takes_less_than_an_eighth_of_the_steps_of_the_grid(tmp_path: Path) -> None:
    _, known, stages = raced(tmp_path, lambda width, *_: width / 500)
    taken = sum(n * steps for n, steps in race.plan(len(WIDTHS), stages))
    assert len(known.done) == sum(n for n, _ in race.plan(len(WIDTHS), stages))
    assert taken <= len(WIDTHS) * N_FOLDS * race.FULL_STEPS / 8


def test_where_networks_are_right_on_everything_only_the_smallest_goes_on(tmp_path: Path) -> None:
    _, known, stages = raced(tmp_path, lambda width, *_: 1.0 if width >= 48 else 0.5)
    assert known.widths(stages[0].steps) == set(WIDTHS)
    assert known.widths(stages[1].steps) == known.widths(stages[2].steps) == {48}


def test_a_network_that_learns_by_heart_is_trained_as_long_as_suits_it(tmp_path: Path) -> None:
    """Every training beyond the second stage makes it worse."""
    scores, _, stages = raced(
        tmp_path, lambda width, _, steps: width / 500 - (0.1 if steps > 200 else 0.0)
    )
    chosen = best(scores)
    assert scores[chosen].rung == 2
    assert scores[chosen].steps == stages[1].steps
    assert scores[chosen].accuracy == pytest.approx(chosen.candidate.network.hidden[0] / 500)


def test_a_short_training_that_is_only_a_little_better_says_nothing(tmp_path: Path) -> None:
    scores, _, _ = raced(tmp_path, lambda width, _, steps: width / 500 - steps / 200_000)
    chosen = best(scores)
    assert scores[chosen].steps == race.full_steps("normal")


def test_one_fold_does_not_say_how_long_to_train(tmp_path: Path) -> None:
    def worse_with_time(width: int, fold: int, steps: int) -> float:
        return width / 500 - (0.1 if steps > 200 and fold == 0 else 0.0)

    for n_folds in (1, N_FOLDS):
        scores, _, _ = raced(tmp_path / f"{n_folds}", worse_with_time, n_folds)
        chosen = best(scores)
        assert scores[chosen].steps == race.full_steps("normal")
