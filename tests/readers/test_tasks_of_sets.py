"""Tasks of an exported model, read again from its data set by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit import InputError
from metabit.export.spec import Model
from metabit.readers.read import read_samples
from metabit.trainer import streams
from metabit.trainer.recipe.data import DataRecipe


def model_of(recipe: dict[str, Any], n_inputs: int = 64, dtype: str = "uint8") -> Model:
    """A model that says it was trained on such a stream of digits."""
    model = random_model([n_inputs, 8, 10], dtype=dtype)
    return replace(model, meta={"data": {"name": "digits", **recipe}})


STREAMS: list[tuple[dict[str, Any], DataRecipe]] = [
    ({"stream": "permuted", "n_tasks": 2}, DataRecipe("digits", "permuted", n_tasks=2)),
    ({"stream": "rotated", "n_tasks": 2}, DataRecipe("digits", "rotated", n_tasks=2)),
    (
        {"stream": "classes", "n_tasks": 5, "scenario": "domain"},
        DataRecipe("digits", "classes", n_tasks=5, scenario="domain"),
    ),
]


@pytest.mark.parametrize(("table", "recipe"), STREAMS)
def test_the_tasks_that_a_model_was_trained_on_come_back(
    table: dict[str, Any], recipe: DataRecipe
) -> None:
    stream = streams.build(recipe)[1]
    model = model_of(table | {"train_samples": 100, "test_samples": 50, "label_noise": 0.1})
    for split in ("train", "test"):
        for number, task in ((None, stream[0]), (1, stream[0]), (2, stream[1])):
            wanted = getattr(task, split)
            read = read_samples("digits", model, split=split, task=number)
            assert np.array_equal(read.x, wanted.x.reshape(len(wanted), -1))
            assert read.y is not None
            assert np.array_equal(read.y, wanted.y)
            assert task.name in read.where


def test_without_a_task_the_whole_set_is_read_where_tasks_only_choose_from_it() -> None:
    model = model_of({"stream": "classes", "n_tasks": 5})
    assert len(read_samples("digits", model).x) == 500
    pair = read_samples("digits", model, task=2)
    assert pair.y is not None
    assert set(pair.y.tolist()) == {2, 3}


@pytest.mark.parametrize("task", [None, 1])
def test_samples_are_prepared_as_in_training(task: int | None) -> None:
    wide = model_of({"stream": "single", "pad": 2}, n_inputs=144)
    assert read_samples("digits", wide, task=task).x.shape == (500, 144)
    recipe = {"stream": "single", "thermometer": 3}
    bits = model_of(recipe, n_inputs=192, dtype="int8")
    encoded = read_samples("digits", bits, task=task).x
    assert set(np.unique(encoded).tolist()) == {-1, 1}


@pytest.mark.parametrize(
    ("data", "recipe", "task", "message"),
    [
        ("digits", {"stream": "classes", "n_tasks": 5}, 6, "tasks 1 to 5"),
        ("hapt", {"stream": "permuted", "n_tasks": 5}, 1, "not trained on tasks of hapt"),
    ],
)
def test_a_task_that_is_not_there_is_refused(
    data: str, recipe: dict[str, Any], task: int, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_samples(data, model_of(recipe), task=task)
    assert caught.value.code == "E-TASK"
