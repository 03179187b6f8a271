"""Streams: the same every time, nothing seen twice, nobody on both sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metabit import InputError
from metabit.trainer import streams
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.streams import Stream

BUILDERS: dict[str, Callable[[DataSet, int], Stream]] = {
    "permuted": lambda d, seed: streams.permuted_tasks(d, 3, seed),
    "parts": lambda d, seed: streams.stream_parts(d, 7, seed),
}


def rows(split: Split) -> list[bytes]:
    """Every sample with its label, as bytes that can be sorted and compared."""
    return [x.tobytes() + bytes([int(y)]) for x, y in zip(split.x, split.y, strict=True)]


@pytest.mark.parametrize("name", BUILDERS)
def test_a_seed_gives_the_same_stream_every_time_and_another_seed_another(
    name: str, digits: DataSet
) -> None:
    first, again, other = (BUILDERS[name](digits, seed) for seed in (5, 5, 6))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.train.x, b.train.x)
        assert np.array_equal(a.train.y, b.train.y)
        assert np.array_equal(a.test.x, b.test.x)
    assert not np.array_equal(first[0].train.x, other[0].train.x)


def test_permuted_tasks_are_permutations_with_a_bank_each(digits: DataSet) -> None:
    stream = streams.permuted_tasks(digits, 3, seed=1)
    assert len(stream) == 3
    assert [task.bank for task in stream] == [0, 1, 2]
    for task in stream:
        assert task.train.x.shape == digits.train.x.shape
        change = task.test_source.change
        assert isinstance(change, streams.Permutation)
        for ours, original in ((task.train, digits.train), (task.test, digits.test)):
            flat, flat_original = (s.x.reshape(len(s), -1) for s in (ours, original))
            assert np.array_equal(np.sort(flat, axis=1), np.sort(flat_original, axis=1))
            assert np.array_equal(flat, flat_original[:, change.order])
    assert not np.array_equal(stream[0].train.x, digits.train.x)  # the first is random too
    assert not np.array_equal(stream[0].train.x, stream[1].train.x)


def test_parts_are_disjoint_and_together_the_whole_set(digits: DataSet) -> None:
    stream = streams.stream_parts(digits, 7, seed=1)
    together = [row for task in stream for row in rows(task.train)]
    assert sorted(together) == sorted(rows(digits.train))
    sizes = [len(task.train) for task in stream]
    assert max(sizes) - min(sizes) <= 1
    assert {task.bank for task in stream} == {0}
    assert all(task.test_source is stream[0].test_source for task in stream)


def test_no_subject_is_ever_on_two_sides(hapt: DataSet) -> None:
    groups = streams.equal_groups(range(1, 25), 5)
    stream = streams.subject_tasks(hapt, groups)
    seen: list[set[int]] = []
    for task, group in zip(stream, groups, strict=True):
        assert task.train.subject is not None
        assert task.test.subject is not None
        assert set(task.train.subject.tolist()) == set(group)
        assert set(task.test.subject.tolist()) == {25, 26, 27, 28, 29, 30}
        seen.append(set(group))
    assert sum(len(group) for group in seen) == len(set().union(*seen)) == 24
    assert sum(len(task.train) for task in stream) == len(hapt.train)


def test_windows_of_a_subject_stay_in_recording_order(hapt: DataSet) -> None:
    task = streams.subject_tasks(hapt, [[3]])[0]
    assert hapt.train.subject is not None
    assert np.array_equal(task.train.x, hapt.train.x[hapt.train.subject == 3])


def test_class_groups_cover_hapt_and_do_not_overlap(hapt: DataSet) -> None:
    stream = streams.class_tasks(hapt, dict(streams.HAPT_CLASS_GROUPS))
    assert [task.name for task in stream] == ["static", "dynamic", "transitions"]
    found = [set(task.train.y.tolist()) for task in stream]
    assert found == [{3, 4, 5}, {0, 1, 2}, {6, 7, 8, 9, 10, 11}]
    assert found == [set(task.test.y.tolist()) for task in stream]
    assert sum(len(task.train) for task in stream) == len(hapt.train)


def test_equal_groups_keep_order_and_lose_nobody() -> None:
    assert streams.equal_groups([1, 2, 3, 4, 5], 2) == [[1, 2, 3], [4, 5]]
    with pytest.raises(InputError, match="only 2"):
        streams.equal_groups([1, 2], 3)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[1, 2], [2, 3]], "subject 2 is named twice"),
        ([[1, 25]], "subject 25 is not in the training split, which has 1-24"),
        ([[1], []], "at least one"),
    ],
)
def test_groups_that_would_mix_subjects_are_refused(
    hapt: DataSet, groups: list[list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        streams.subject_tasks(hapt, groups)


def test_a_set_without_subjects_has_no_subject_tasks(digits: DataSet) -> None:
    with pytest.raises(InputError, match="use hapt"):
        streams.subject_tasks(digits, [[1]])
    with pytest.raises(InputError, match="use hapt"):
        streams.build(DataRecipe(name="digits", stream="subjects", n_tasks=2))
    with pytest.raises(InputError, match="use hapt"):
        digits.train.of_subjects([1])


def test_more_parts_than_samples_are_refused(digits: DataSet) -> None:
    with pytest.raises(InputError, match="fewer parts"):
        streams.stream_parts(digits, 1298, seed=0)


@pytest.mark.parametrize(
    ("recipe", "n_tasks"),
    [
        (DataRecipe("digits", "single"), 1),
        (DataRecipe("digits", "permuted", n_tasks=4), 4),
        (DataRecipe("digits", "parts", n_parts=6), 6),
        (DataRecipe("hapt", "subjects", n_tasks=8), 8),
        (DataRecipe("hapt", "subjects", groups=((1, 2), (24,))), 2),
        (DataRecipe("digits", "classes", n_tasks=5), 5),
        (DataRecipe("hapt", "classes", groups=((0, 1, 2), (6, 7))), 2),
        (DataRecipe("hapt", "classes", groups="activities"), 3),
    ],
)
def test_every_kind_of_stream_can_be_built_from_a_recipe(recipe: DataRecipe, n_tasks: int) -> None:
    dataset, stream = streams.build(recipe)
    assert dataset.name == recipe.name
    assert len(stream) == n_tasks == len({task.name for task in stream})
    assert stream.description
    assert all(len(task.train) and len(task.test) for task in stream)


def test_limits_draw_the_same_samples_every_time_in_their_order(digits: DataSet) -> None:
    few, again = digits.limited(100, 50, seed=3), digits.limited(100, 50, seed=3)
    assert (len(few.train), len(few.test)) == (100, 50)
    assert np.array_equal(few.train.x, again.train.x)
    where = [rows(digits.train).index(row) for row in rows(few.train)]
    assert where == sorted(where)
    assert len(set(where)) == 100
    with pytest.raises(InputError, match="1298 digits training samples"):
        digits.limited(1298, None, seed=0)


def test_a_recipe_can_leave_out_persons_and_classes(hapt: DataSet) -> None:
    recipe = DataRecipe("hapt", "single", subjects=(1, 2, 26), classes=(0, 3))
    dataset, stream = streams.build(recipe)
    train = stream[0].train
    assert train.subject is not None
    assert set(train.subject.tolist()) == {1, 2}  # 26 is tested, and never trained on
    assert set(train.y.tolist()) == set(stream[0].test.y.tolist()) == {0, 3}
    assert dataset.n_classes == hapt.n_classes
    with pytest.raises(InputError, match="no samples"):
        streams.build(DataRecipe("hapt", "single", subjects=(26,)))
