"""From the [data] table of a recipe to its data set and stream."""

from __future__ import annotations

from metabit.errors import InputError
from metabit.trainer.data import load
from metabit.trainer.dataset import DataSet
from metabit.trainer.recipe_data import DataRecipe
from metabit.trainer.streams import cut
from metabit.trainer.streams.scenario import classes_by_scenario, inputs_by_scenario
from metabit.trainer.streams.stream import Stream


def build(recipe: DataRecipe) -> tuple[DataSet, Stream]:
    """The data set and the stream that a recipe's [data] asks for.

    Raises:
        InputError: the set is not on this machine, or cannot be cut in this way.
    """
    dataset = load(recipe.name)
    if recipe.subjects is not None or recipe.classes is not None:
        dataset = dataset.only(recipe.subjects, recipe.classes)
    dataset = dataset.limited(recipe.train_samples, recipe.test_samples, recipe.seed)
    if recipe.validation is not None:
        dataset = dataset.held_out(recipe.validation, recipe.seed)
    return dataset, _cut(dataset, recipe)


def _cut(dataset: DataSet, recipe: DataRecipe) -> Stream:
    if recipe.stream == "single":
        return cut.single_task(dataset)
    if recipe.stream == "parts":
        return cut.stream_parts(dataset, recipe.n_parts or 0, recipe.seed)
    if recipe.stream == "classes":
        groups = _class_groups(dataset, recipe)
        stream = cut.class_tasks(dataset, groups)
        return classes_by_scenario(stream, recipe.scenario or "class", list(groups.values()))
    return inputs_by_scenario(_with_changed_inputs(dataset, recipe), recipe.scenario or "domain")


def _with_changed_inputs(dataset: DataSet, recipe: DataRecipe) -> Stream:
    if recipe.stream == "subjects":
        return cut.subject_tasks(dataset, _subject_groups(dataset, recipe))
    return cut.permuted_tasks(dataset, recipe.n_tasks or 0, recipe.seed)


def _subject_groups(dataset: DataSet, recipe: DataRecipe) -> list[list[int]]:
    """The groups of the recipe; persons held out for validation leave theirs."""
    there = cut.subjects_of(dataset)
    if not isinstance(recipe.groups, tuple):
        return cut.equal_groups(there, recipe.n_tasks or 0)
    if recipe.validation is None:
        return [list(group) for group in recipe.groups]
    groups = [[person for person in group if person in there] for group in recipe.groups]
    if not all(groups):
        raise InputError(
            f"validation = {recipe.validation} holds out a whole group of subjects: make the "
            "groups larger or the share smaller",
            code="E-STREAM",
        )
    return groups


def _class_groups(dataset: DataSet, recipe: DataRecipe) -> dict[str, tuple[int, ...]]:
    if recipe.groups == "activities":
        if dataset.name != "hapt":
            raise InputError(
                f'groups = "activities": {dataset.name} has none; use hapt', code="E-STREAM"
            )
        return cut.HAPT_CLASS_GROUPS
    groups = recipe.groups or cut.equal_groups(range(dataset.n_classes), recipe.n_tasks or 0)
    return {f"classes {cut.spans(group)}": tuple(group) for group in groups}
