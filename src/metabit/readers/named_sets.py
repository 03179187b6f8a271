"""Data sets by name, and the tasks of the stream that a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabit.errors import FormatError, InputError, nearest
from metabit.export.shapes import map_samples
from metabit.export.spec import Model
from metabit.export.windows import samples_of_raw
from metabit.readers.samples import SUFFIXES, ReadSamples

if TYPE_CHECKING:
    from metabit.trainer.data.dataset import DataSet
    from metabit.trainer.recipe.data import DataRecipe
    from metabit.trainer.streams import Task


def set_names() -> tuple[str, ...]:
    """Names of data sets."""
    from metabit.trainer import data  # NumPy only, but not needed for files

    return data.names()


def from_set(name: str, model: Model, split: str, task: int | None) -> ReadSamples:
    """Samples of a data set, as the model saw them in training.

    Args:
        name, split, task: see `read_samples`.
        model: the model that will see the samples.

    Raises:
        InputError: there is no such set (E-DATA-NAME), or the model was not trained on such a task
            (E-TASK).
    """
    from metabit.trainer import data  # NumPy only, but not needed for files
    from metabit.trainer.streams import build

    if name not in data.names():
        raise InputError(
            f'"{name}" is neither a {", ".join(SUFFIXES)} file nor a data set; '
            f"{nearest(name, data.names())}",
            code="E-DATA-NAME",
        )
    recipe = trained_on(model)
    sets = () if recipe is None else recipe.sets
    if recipe is None or name not in sets:
        if task is not None:
            raise InputError(
                f"--task {task}: this model was not trained on tasks of {name}", code="E-TASK"
            )
        return _of_set(data.load(name), model, split, name)
    if task is None and recipe.tasks_differ:
        task = sets.index(name) + 1
    if task is None:
        return _of_set(build(recipe.whole_set())[0], model, split, name)
    _, stream = build(recipe.with_clean_samples())
    if not 1 <= task <= len(stream):
        raise InputError(
            f"--task {task}: the model was trained on tasks 1 to {len(stream)}", code="E-TASK"
        )
    chosen = stream[task - 1]
    return _of_set(chosen, model, split, f"{name}, {chosen.name}")


def _of_set(of: DataSet | Task, model: Model, split: str, where: str) -> ReadSamples:
    """Flat samples: a model may have been made with another shape of as many values."""
    part = of.train if split == "train" else of.test
    if model.front_end is not None:
        x = samples_of_raw(part.x, model.front_end, where)
        windows = tuple(window.T for window in part.x)
        return ReadSamples(x, part.y, f"{where}, {split} samples", recordings=windows)
    maps = map_samples(part.x)
    x = maps if model.input.shape == maps.shape[1:] else part.x
    return ReadSamples(x.reshape(len(part), -1), part.y, f"{where}, {split} samples")


def trained_on(model: Model) -> DataRecipe | None:
    """The [data] table of the recipe that the model was trained with, if the file tells.

    Raises:
        FormatError: the file has such a table, but this version cannot read it.
    """
    from metabit.trainer.recipe.data import DataRecipe
    from metabit.trainer.recipe.tables import parse

    table = model.meta.get("data")
    if not isinstance(table, dict):
        return None
    try:
        return parse(DataRecipe, table, "[data] ")
    except InputError as error:
        raise FormatError(f"the recipe in the model file: {error}", code="E-META-RECIPE") from error
