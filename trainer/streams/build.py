"""Makes the data set and the stream that the [data] table of a recipe describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from metabit.errors import InputError
from metabit.trainer.data import load
from metabit.trainer.data.dataset import DataSet, Encoding, Split
from metabit.trainer.data.images import padded
from metabit.trainer.data.own import load_own
from metabit.trainer.data.thermometer import Thermometer, quantiles
from metabit.trainer.data.windows import frames_and_channels, with_front_end
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.streams import cut
from metabit.trainer.streams.disturbed import with_blurred_boundaries, with_label_noise
from metabit.trainer.streams.scenario import classes_by_scenario, inputs_by_scenario
from metabit.trainer.streams.sets import fitted, set_tasks
from metabit.trainer.streams.stream import Stream
from metabit.trainer.streams.turned import axes_tasks, even_angles, rotated_tasks

RAW = FrontEndRecipe(length=1, hop=1, statistics=("mean",), bands=0, log="none")
"""The front end of one's own counts where a recipe has none: every value as it is, standardised."""


def build(recipe: DataRecipe, frontend: FrontEndRecipe | None = None) -> tuple[DataSet, Stream]:
    """The data set and the stream that [data] of a recipe describes.

    Args:
        recipe: [data].
        frontend: [frontend]; None for a recipe without one.

    Raises:
        InputError: the set is not on this machine, or cannot be divided into these tasks.
    """
    return build_from(_read(recipe), recipe, frontend)


def raw_set(recipe: DataRecipe) -> DataSet:
    """The set that [data] names, with the samples it asks for, before any front end.

    Raises:
        InputError: as `build`.
    """
    return _prepared(_read(recipe), recipe)


def front_end_for(dataset: DataSet, frontend: FrontEndRecipe | None) -> FrontEndRecipe | None:
    """The front end that samples of a set go through: `RAW` for counts where a recipe has none."""
    return RAW if frontend is None and dataset.dtype == "int16" else frontend


def build_from(
    first: DataSet, recipe: DataRecipe, frontend: FrontEndRecipe | None = None
) -> tuple[DataSet, Stream]:
    """As `build`, with the first set as it was read."""
    others = [load(name) for name in recipe.then or ()]
    frontend = front_end_for(first, frontend)
    datasets = [_prepared(each, recipe) for each in (first, *(fitted(o, first) for o in others))]
    if recipe.thermometer is not None:
        # Thresholds come from the whole first set, so all tasks and all limits have the same.
        encoder = quantiles(first.train.x, recipe.thermometer)
        datasets = [_encoded(each, encoder) for each in datasets]
    dataset = datasets[0]
    if frontend is not None:
        does = frontend.operations(*frames_and_channels(dataset), dataset.sample_rate)
        dataset = with_front_end(dataset, does)
    if len(datasets) > 1:
        citations = dict.fromkeys(each.citation for each in datasets)
        dataset = replace(dataset, citation="; ".join(citations))
    stream = _cut(dataset, recipe) if recipe.then is None else _of_sets(datasets, recipe)
    if recipe.label_noise is not None:
        stream = with_label_noise(stream, recipe.label_noise, recipe.seed)
    if recipe.blur is not None:
        stream = with_blurred_boundaries(stream, recipe.blur, recipe.seed)
    return dataset, stream


def _read(recipe: DataRecipe) -> DataSet:
    """The first set, as it lies there."""
    own = recipe.own
    return load(recipe.name) if own is None else load_own(own)


def _prepared(dataset: DataSet, recipe: DataRecipe) -> DataSet:
    """A set before it is divided into tasks: padded, and with the samples that the recipe names."""
    if recipe.pad is not None:
        dataset = padded(dataset, recipe.pad)
    if recipe.subjects is not None or recipe.classes is not None:
        dataset = dataset.only(recipe.subjects, recipe.classes)
    n_train, n_test = recipe.train_samples, recipe.test_samples
    if recipe.then is not None:
        n_train = n_train and min(n_train, len(dataset.train))
        n_test = n_test and min(n_test, len(dataset.test))
    dataset = dataset.limited(n_train, n_test, recipe.seed)
    if recipe.validation is not None:
        dataset = dataset.held_out(recipe.validation, recipe.seed)
    return dataset


def _encoded(dataset: DataSet, encoder: Thermometer) -> DataSet:
    """The set with each value as several bits: maps become one map per bit, others get an axis."""

    def encode(split: Split) -> Split:
        x = split.x
        is_map = x.ndim == 3
        bits = encoder.encode_maps(x[:, np.newaxis]) if is_map else encoder.encode(x)
        return replace(split, x=bits)

    train, test = encode(dataset.train), encode(dataset.test)
    before = Encoding(encoder.thresholds, dataset.dtype, dataset.scale, dataset.zero_point)
    return replace(
        dataset, train=train, test=test, dtype="int8", scale=1.0, zero_point=0, encoding=before
    )


def _of_sets(datasets: list[DataSet], recipe: DataRecipe) -> Stream:
    return inputs_by_scenario(set_tasks(datasets), recipe.scenario or "domain")


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
    n_tasks = recipe.n_tasks or 0
    if recipe.stream == "subjects":
        return cut.subject_tasks(dataset, _subject_groups(dataset, recipe))
    if recipe.stream == "axes":
        return axes_tasks(dataset, n_tasks, recipe.seed)
    if recipe.stream == "rotated":
        angles = recipe.angles or even_angles(n_tasks, recipe.max_angle or 180.0)
        return rotated_tasks(dataset, angles)
    return cut.permuted_tasks(dataset, n_tasks, recipe.seed)


def _subject_groups(dataset: DataSet, recipe: DataRecipe) -> list[list[int]]:
    """The groups of the recipe, without the persons that are held out for validation.

    An empty group is not a task, so a search on one person per task has fewer tasks.
    """
    there = set(cut.subjects_of(dataset))
    held_out: set[int] = set()
    if recipe.validation is not None and dataset.test.subject is not None:
        held_out = set(dataset.test.subject.tolist())
    groups: Sequence[Sequence[int]] = (
        recipe.groups
        if isinstance(recipe.groups, tuple)
        else cut.equal_groups(sorted(there | held_out), recipe.n_tasks or 0)
    )
    left = [[person for person in group if person not in held_out] for group in groups]
    return [group for group in left if group or recipe.validation is None]


def _class_groups(dataset: DataSet, recipe: DataRecipe) -> Mapping[str, Sequence[int]]:
    if recipe.groups == "activities":
        if dataset.name != "hapt":
            raise InputError(
                f'groups = "activities": {dataset.name} has none; use hapt', code="E-STREAM"
            )
        return cut.HAPT_CLASS_GROUPS
    groups: Sequence[Sequence[int]] = (
        recipe.groups
        if isinstance(recipe.groups, tuple)
        else cut.equal_groups(range(dataset.n_classes), recipe.n_tasks or 0)
    )
    return {f"classes {cut.spans(group)}": group for group in groups}
