"""Several sets in a row, wrong labels and blurred boundaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from metabit import InputError
from metabit.trainer import streams
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.streams.sets import fitted


def image_set(name: str, size: int, dtype: str = "uint8", scale: float = 1 / 255) -> DataSet:
    """A made-up set: its name decides its pixels."""
    generator = np.random.default_rng(len(name))

    def split(n: int) -> Split:
        x = generator.integers(0, 17, (n, size, size)).astype(dtype)
        return Split(x, np.arange(n, dtype=np.uint8) % 10)

    names = tuple("0123456789")
    return DataSet(name, split(40), split(20), 10, names, dtype, scale, 0, f"by {name}", name)


def rows(split: Split) -> Counter[bytes]:
    return Counter(x.tobytes() for x in split.x)


# --- sets ---


def test_sets_follow_each_other_under_one_head() -> None:
    pair = [image_set("first", 6), image_set("second", 6)]
    stream = streams.set_tasks(pair)
    assert [task.name for task in stream] == ["first", "second"]
    assert [task.bank for task in stream] == [0, 1]
    assert stream.description == "first, then second"
    assert stream.n_classes == 10
    assert stream[1].train.x is pair[1].train.x
    back = streams.set_tasks([*pair, pair[0]])
    assert [task.name for task in back] == ["first", "second", "first (2)"]


@pytest.mark.parametrize("other", [image_set("larger", 7), image_set("signed", 6, "int8")])
def test_sets_of_different_shapes_do_not_follow_each_other(other: DataSet) -> None:
    with pytest.raises(InputError, match="one shape"):
        streams.set_tasks([image_set("first", 6), other])


def test_smaller_images_are_enlarged_with_an_empty_border_and_stretched() -> None:
    large, small = image_set("large", 28), image_set("small", 8, scale=1 / 16)
    fits = fitted(small, large)
    assert fits.input_shape == (28, 28)
    assert fits.scale == large.scale
    assert fits.train.x[:, 4:-4, 4:-4].max() == 255
    assert not fits.train.x[:, :4].any()
    assert not fits.train.x[:, :, -4:].any()
    assert np.array_equal(fits.train.y, small.train.y)
    # The mean brightness stays, in the part that is not border.
    assert fits.test.x[:, 4:-4, 4:-4].mean() == pytest.approx(
        small.test.x.mean() * 255 / 16, rel=0.02
    )
    assert fitted(large, large) is large
    assert fitted(large, small) is large  # not made smaller: refused later


@pytest.mark.parametrize(
    ("scenario", "n_classes", "outputs"),
    [("domain", 10, "all"), ("class", 20, "all"), ("task", 20, "task")],
)
def test_a_recipe_joins_sets_in_three_scenarios(
    scenario: str, n_classes: int, outputs: str
) -> None:
    recipe = DataRecipe(
        "digits", "sets", then=("digits",), scenario=scenario, train_samples=50, pad=1
    )
    dataset, stream = streams.build(recipe)
    assert (stream.n_classes, stream.outputs) == (n_classes, outputs)
    assert [task.n_train for task in stream] == [50, 50]
    assert dataset.input_shape == (10, 10)
    assert stream[1].test.y.max() == n_classes - 1


def test_a_set_with_fewer_samples_than_asked_for_gives_all_it_has() -> None:
    recipe = DataRecipe("digits", "sets", then=("digits",), train_samples=2000)
    assert [task.n_train for task in streams.build(recipe)[1]] == [1297, 1297]


@pytest.mark.data("mnist")
def test_digits_follow_mnist() -> None:
    recipe = DataRecipe("mnist", "sets", then=("digits",), train_samples=2000)
    dataset, stream = streams.build(recipe)
    assert [task.n_train for task in stream] == [2000, 1297]
    assert stream[1].train.x.shape[1:] == dataset.input_shape == (28, 28)
    assert "LeCun" in dataset.citation
    assert "Alpaydin" in dataset.citation
    with pytest.raises(InputError, match="one shape"):
        streams.build(DataRecipe("digits", "sets", then=("mnist",)))


# --- label noise ---


@pytest.mark.parametrize("stream", ["permuted", "classes"])
def test_a_share_of_the_training_labels_is_wrong(stream: str) -> None:
    clean, noisy, again = (
        streams.build(DataRecipe("digits", stream, n_tasks=3, label_noise=noise))[1]
        for noise in (None, 0.2, 0.2)
    )
    for before, task, same in zip(clean, noisy, again, strict=True):
        assert np.array_equal(task.train.x, before.train.x)
        assert np.array_equal(task.test.y, before.test.y)
        assert np.array_equal(task.train.y, same.train.y)
        assert (task.train.y != before.train.y).sum() == round(0.2 * before.n_train)
        assert task.classes == before.classes
    if stream == "permuted":
        assert not np.array_equal(noisy[0].train.y, noisy[1].train.y)  # drawn for each task
    assert "20% of the training labels wrong" in noisy.description


def test_wrong_labels_are_spread_over_all_other_classes(digits: DataSet) -> None:
    stream = streams.with_label_noise(streams.single_task(digits), 0.9, seed=1)
    changed = (stream[0].train.y.astype(int) - digits.train.y) % 10
    counts = np.bincount(changed, minlength=10)
    assert counts[0] == len(digits.train) - round(0.9 * len(digits.train))
    assert counts[1:].min() > 90  # 130 each on average


def test_wrong_labels_need_another_class() -> None:
    recipe = DataRecipe("digits", "classes", n_tasks=10, label_noise=0.1)
    with pytest.raises(InputError, match="one class only"):
        streams.build(recipe)


# --- blurred boundaries ---


def test_neighbours_exchange_samples_and_nothing_is_lost_or_doubled(digits: DataSet) -> None:
    recipe = DataRecipe("digits", "classes", groups=((0, 1, 2), (3, 4), (5, 6, 7, 8, 9)), blur=0.1)
    stream = streams.build(recipe)[1]
    plain = streams.build(DataRecipe("digits", "classes", groups=recipe.groups))[1]
    together = sum((rows(task.train) for task in stream), Counter())
    assert together == rows(digits.train)
    n = round(0.1 * plain[1].n_train)
    foreign = [
        len(task.train) - len(task.train.of_classes(before.classes))
        for task, before in zip(stream, plain, strict=True)
    ]
    assert foreign == [n, 2 * n, n]
    assert [task.n_train for task in stream] == [task.n_train for task in plain]
    assert stream[0].classes == (0, 1, 2, 3, 4)
    assert all(a.test.x.tobytes() == b.test.x.tobytes() for a, b in zip(stream, plain, strict=True))
    again = streams.build(recipe)[1]
    assert all(rows(a.train) == rows(b.train) for a, b in zip(stream, again, strict=True))
    assert "10% exchanged" in stream.description


def test_an_exchanged_sample_keeps_the_look_of_its_own_task(digits: DataSet) -> None:
    stream = streams.build(DataRecipe("digits", "permuted", n_tasks=2, blur=0.25))[1]
    plain = streams.build(DataRecipe("digits", "permuted", n_tasks=2))[1]
    n = round(0.25 * len(digits.train))
    assert (rows(stream[0].train) & rows(plain[1].train)).total() >= n
    assert rows(stream[0].train) + rows(stream[1].train) == rows(plain[0].train) + rows(
        plain[1].train
    )


def test_persons_and_their_windows_stay_together_when_exchanged(hapt: DataSet) -> None:
    stream = streams.build(DataRecipe("hapt", "subjects", n_tasks=3, blur=0.1))[1]
    split = stream[0].train
    assert split.subject is not None
    for person in (1, 9):  # of the first group, and of the second
        ours = rows(split.of_subjects([person]))
        theirs = rows(hapt.train.of_subjects([person]))
        assert ours.total() > 0
        assert ours <= theirs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stream": "parts", "n_parts": 3, "blur": 0.1}, "blur"),
        ({"stream": "permuted", "n_tasks": 1, "blur": 0.1}, "no boundary"),
        ({"stream": "permuted", "n_tasks": 2, "blur": 0.1, "scenario": "task"}, "has to be of one"),
        ({"stream": "permuted", "n_tasks": 2, "blur": 0.5}, "below 0.5"),
        ({"stream": "single", "label_noise": 1.0}, "below 1"),
        ({"stream": "rotated"}, "either n_tasks or angles"),
        ({"stream": "rotated", "n_tasks": 2, "angles": (1.0,)}, "either n_tasks or angles"),
        ({"stream": "rotated", "angles": (1.0,), "max_angle": 9.0}, "max_angle belongs"),
        ({"stream": "rotated", "angles": ()}, "must not be empty"),
        ({"stream": "rotated", "n_tasks": 2, "max_angle": 360.0}, "below 360"),
        ({"stream": "axes"}, "n_tasks is missing"),
        ({"stream": "sets"}, "then is missing"),
        ({"stream": "sets", "then": ()}, "must not be empty"),
        ({"stream": "sets", "then": ("minst",)}, 'did you mean "mnist"'),
        ({"stream": "single", "then": ("mnist",)}, 'belongs to stream = "sets"'),
        ({"stream": "sets", "then": ("digits",), "n_tasks": 2}, "n_tasks"),
        ({"stream": "single", "pad": 0}, "1 or more"),
        ({"stream": "single", "pad": 65}, "64 or less"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        streams.build(DataRecipe(name="digits", **options))  # type: ignore[arg-type]
