"""Scenarios and validation: what labels mean, and what tuning may see."""

from __future__ import annotations

import numpy as np
import pytest

from metabit import InputError
from metabit.trainer import streams
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.recipe.data import DataRecipe

PAIRS = ((1, 2), (3, 4), (9, 0))


def built(scenario: str | None, stream: str = "classes") -> streams.Stream:
    if stream == "classes":
        return streams.build(DataRecipe("digits", stream, groups=PAIRS, scenario=scenario))[1]
    return streams.build(DataRecipe("digits", stream, n_tasks=3, scenario=scenario))[1]


def samples(split: Split) -> list[bytes]:
    return sorted(x.tobytes() for x in split.x)


@pytest.mark.parametrize(
    ("scenario", "n_classes", "outputs", "classes"),
    [
        (None, 10, "all", [(1, 2), (3, 4), (0, 9)]),
        ("class", 10, "all", [(1, 2), (3, 4), (0, 9)]),
        ("domain", 2, "all", [(0, 1), (0, 1), (0, 1)]),
        ("task", 10, "task", [(1, 2), (3, 4), (0, 9)]),
    ],
)
def test_groups_of_classes_in_three_scenarios(
    scenario: str | None, n_classes: int, outputs: str, classes: list[tuple[int, ...]]
) -> None:
    stream = built(scenario)
    assert (stream.n_classes, stream.outputs) == (n_classes, outputs)
    assert [task.classes for task in stream] == classes
    for task in stream:
        assert set(task.train.y.tolist()) == set(task.test.y.tolist()) == set(task.classes)


def test_a_domain_label_is_the_place_of_a_class_in_its_group(digits: DataSet) -> None:
    task = built("domain")[2]
    nines = digits.test.of_classes([9])
    assert samples(task.test.of_classes([0])) == samples(nines)


@pytest.mark.parametrize(
    ("scenario", "n_classes", "outputs", "step"),
    [
        (None, 10, "all", 0),
        ("domain", 10, "all", 0),
        ("class", 30, "all", 10),
        ("task", 30, "task", 10),
    ],
)
def test_permuted_tasks_in_three_scenarios(
    scenario: str | None, n_classes: int, outputs: str, step: int
) -> None:
    stream, plain = built(scenario, "permuted"), built(None, "permuted")
    assert (stream.n_classes, stream.outputs) == (n_classes, outputs)
    for k, (task, before) in enumerate(zip(stream, plain, strict=True)):
        assert task.classes == tuple(range(k * step, k * step + 10))
        for ours, theirs in ((task.train, before.train), (task.test, before.test)):
            assert np.array_equal(ours.y, theirs.y.astype(int) + k * step)
            assert np.array_equal(ours.x, theirs.x)


def test_a_scenario_is_told_in_the_description() -> None:
    assert "task-incremental" in built("task").description
    assert "domain-incremental" in built("domain").description
    assert "class-incremental" in built("class", "permuted").description


@pytest.mark.parametrize("stream", ["single", "parts"])
def test_a_scenario_without_tasks_is_refused(stream: str) -> None:
    n_parts = 3 if stream == "parts" else None
    with pytest.raises(InputError, match="scenario"):
        DataRecipe("digits", stream, n_parts=n_parts, scenario="domain")


def test_subjects_cannot_have_labels_of_their_own() -> None:
    DataRecipe("hapt", "subjects", n_tasks=3, scenario="domain")
    for scenario in ("class", "task"):
        with pytest.raises(InputError, match="tested on the same persons"):
            DataRecipe("hapt", "subjects", n_tasks=3, scenario=scenario)
    with pytest.raises(InputError, match='did you mean "task"'):
        DataRecipe("hapt", "subjects", n_tasks=3, scenario="tasks")


def test_activities_are_groups_of_hapt_only() -> None:
    stream = streams.build(DataRecipe("hapt", "classes", groups="activities"))[1]
    assert [task.name for task in stream] == ["static", "dynamic", "transitions"]
    with pytest.raises(InputError, match="use hapt"):
        streams.build(DataRecipe("digits", "classes", groups="activities"))
    with pytest.raises(InputError, match='belongs to stream = "classes"'):
        DataRecipe("hapt", "subjects", groups="activities")


# --- validation ---


def test_validation_samples_are_training_samples_that_are_not_trained_on(digits: DataSet) -> None:
    recipe = DataRecipe("digits", "permuted", n_tasks=2, validation=0.1)
    held, stream = streams.build(recipe)
    assert (len(held.train), len(held.test)) == (1167, 130)
    assert sorted(samples(held.train) + samples(held.test)) == samples(digits.train)
    again = streams.build(recipe)[1]
    assert np.array_equal(stream[1].test.x, again[1].test.x)


def test_every_class_group_is_validated_on_its_own_classes() -> None:
    recipe = DataRecipe("digits", "classes", groups=PAIRS, validation=0.2)
    for task, pair in zip(streams.build(recipe)[1], PAIRS, strict=True):
        assert set(task.test.y.tolist()) == set(task.train.y.tolist()) == set(pair)


@pytest.mark.parametrize("kind", ["subjects", "single"])
def test_whole_persons_are_held_out(kind: str, hapt: DataSet) -> None:
    n_tasks = 4 if kind == "subjects" else None
    stream = streams.build(DataRecipe("hapt", kind, n_tasks=n_tasks, validation=0.25))[1]
    tested = stream[0].test.subject
    assert tested is not None
    trained: set[int] = set()
    for task in stream:
        assert task.train.subject is not None
        trained |= set(task.train.subject.tolist())
    assert len(set(tested.tolist())) == 6
    assert trained | set(tested.tolist()) == set(range(1, 25))
    assert not trained & set(tested.tolist())


def test_persons_held_out_leave_their_groups(hapt: DataSet) -> None:
    groups = (tuple(range(1, 13)), tuple(range(13, 25)))
    recipe = DataRecipe("hapt", "subjects", groups=groups, validation=0.25)
    stream = streams.build(recipe)[1]
    assert stream[0].n_train + stream[1].n_train + len(stream[0].test) == len(hapt.train)
    for task, group in zip(stream, groups, strict=True):
        assert task.train.subject is not None
        assert set(task.train.subject.tolist()) < set(group)


def test_a_group_of_which_nobody_is_left_is_no_task() -> None:
    recipe = DataRecipe("hapt", "subjects", n_tasks=24, validation=0.25)
    assert len(streams.build(recipe)[1]) == 18
    with pytest.raises(InputError, match="at least one"):
        streams.build(DataRecipe("hapt", "subjects", groups=((1,), ())))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="above 0, below 1"):
        DataRecipe("digits", "single", validation=share)


def test_validation_leaves_something_to_train_on() -> None:
    with pytest.raises(InputError, match="leaves none to train on"):
        streams.build(DataRecipe("digits", "single", train_samples=3, validation=0.9))
