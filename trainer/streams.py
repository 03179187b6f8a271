"""Sequences of tasks made from one data set: what a network is trained on, in which order.

Every builder takes its random numbers from a seed, so the same call gives the same stream on any
machine. A task makes its samples when they are asked for: a hundred permuted tasks take no more
memory than the set they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data import load
from metabit.trainer.dataset import DataSet, Split
from metabit.trainer.recipe_data import DataRecipe

HAPT_CLASS_GROUPS = {
    "dynamic": (0, 1, 2),
    "static": (3, 4, 5),
    "transitions": (6, 7, 8, 9, 10, 11),
}
"""The three kinds of activity in HAPT, in the order in which they are learnt."""


@dataclass(frozen=True, eq=False)
class Task:
    """One task of a stream.

    Attributes:
        name: what tables and plots call it.
        bank: normalisation bank it belongs to in a network with a bank per task.
        train_source, test_source: the samples before the inputs are put in order.
        order: which input value stands at each place, shape (n_inputs,); None leaves them.
    """

    name: str
    bank: int
    train_source: Split
    test_source: Split
    order: NDArray[np.int64] | None = None

    @property
    def train(self) -> Split:
        """Training samples."""
        return _ordered(self.train_source, self.order)

    @property
    def test(self) -> Split:
        """Test samples."""
        return _ordered(self.test_source, self.order)


def _ordered(split: Split, order: NDArray[np.int64] | None) -> Split:
    if order is None:
        return split
    flat = split.x.reshape(len(split), -1)
    return Split(flat[:, order].reshape(split.x.shape), split.y, split.subject)


@dataclass(frozen=True, eq=False)
class Stream:
    """Tasks in the order in which they are learnt.

    Attributes:
        name: "permuted", "parts", "subjects", "classes" or "single".
        description: one line for people.
        tasks: the tasks.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Task:
        return self.tasks[index]


def single_task(dataset: DataSet) -> Stream:
    """The whole set as one task: the upper line that streams are compared with."""
    task = Task("all", 0, dataset.train, dataset.test)
    return Stream("single", f"{dataset.name}, all {len(dataset.train)} samples at once", (task,))


def permuted_tasks(dataset: DataSet, n_tasks: int, seed: int) -> Stream:
    """Tasks that differ by a fixed random permutation of the input values.

    All permutations are random, the first too, as in the paper. Each task has a bank of its own.

    Reference:
        Goodfellow et al. 2013, "An empirical investigation of catastrophic forgetting"; in this
        form Laborieux et al. 2021.
    """
    _check_count("n_tasks", n_tasks, at_least=1)
    generator = np.random.default_rng(seed)
    tasks = tuple(
        Task(
            name=f"permutation {k + 1}",
            bank=k,
            train_source=dataset.train,
            test_source=dataset.test,
            order=generator.permutation(dataset.n_inputs),
        )
        for k in range(n_tasks)
    )
    return Stream("permuted", f"{n_tasks} permutations of {dataset.name}, seed {seed}", tasks)


def stream_parts(dataset: DataSet, n_parts: int, seed: int) -> Stream:
    """The training set shuffled once and cut into parts that are never seen again.

    Parts are disjoint and together are the whole training set; their sizes differ by one at most.
    Every part is tested on the whole test set, and all share one bank: the network is never told
    where a part ends.

    Reference:
        Laborieux et al. 2021 (60 parts of Fashion-MNIST).
    """
    _check_count("n_parts", n_parts, at_least=1)
    if n_parts > len(dataset.train):
        raise InputError(
            f"{n_parts} parts of {len(dataset.train)} {dataset.name} samples: use fewer parts",
            code="E-STREAM",
        )
    order = np.random.default_rng(seed).permutation(len(dataset.train))
    tasks = tuple(
        Task(f"part {k + 1}", 0, dataset.train.take(part), dataset.test)
        for k, part in enumerate(np.array_split(order, n_parts))
    )
    return Stream("parts", f"{dataset.name} in {n_parts} parts, seed {seed}", tasks)


def subject_tasks(dataset: DataSet, groups: Sequence[Sequence[int]]) -> Stream:
    """One task per group of persons, each tested on the persons of the test split.

    Nobody is in two groups, and nobody who is tested is trained on: overlapping windows of one
    person never stand on both sides.

    Args:
        dataset: a set that knows whose its samples are (hapt).
        groups: persons of the training split, one group a task.

    Raises:
        InputError: no persons in the set, a person twice, or one who is not in the training split.
    """
    if dataset.train.subject is None:
        raise _no_subjects(dataset)
    _check_groups(groups, set(dataset.train.subject.tolist()), "subject")
    tasks = tuple(
        Task(
            name=f"subjects {_spans(group)}",
            bank=k,
            train_source=dataset.train.of_subjects(group),
            test_source=dataset.test,
        )
        for k, group in enumerate(groups)
    )
    return Stream("subjects", f"{dataset.name}, {len(tasks)} groups of subjects", tasks)


def class_tasks(dataset: DataSet, groups: dict[str, Sequence[int]]) -> Stream:
    """One task per group of classes; labels stay as they are, and so does the number of outputs.

    Args:
        dataset: any set.
        groups: name of each task and its classes, such as `HAPT_CLASS_GROUPS`.

    Raises:
        InputError: a class twice, or one that the set does not have.
    """
    _check_groups(list(groups.values()), set(range(dataset.n_classes)), "class")
    tasks = tuple(
        Task(name, k, dataset.train.of_classes(group), dataset.test.of_classes(group))
        for k, (name, group) in enumerate(groups.items())
    )
    return Stream("classes", f"{dataset.name}, {len(tasks)} groups of classes", tasks)


def build(recipe: DataRecipe) -> tuple[DataSet, Stream]:
    """The data set and the stream that a recipe's [data] asks for.

    Raises:
        InputError: the set is not on this machine, or cannot be cut in this way.
    """
    dataset = load(recipe.name)
    if recipe.subjects is not None or recipe.classes is not None:
        dataset = dataset.only(recipe.subjects, recipe.classes)
    dataset = dataset.limited(recipe.train_samples, recipe.test_samples, recipe.seed)
    return dataset, _cut(dataset, recipe)


def _cut(dataset: DataSet, recipe: DataRecipe) -> Stream:
    if recipe.stream == "single":
        return single_task(dataset)
    if recipe.stream == "permuted":
        return permuted_tasks(dataset, recipe.n_tasks or 0, recipe.seed)
    if recipe.stream == "parts":
        return stream_parts(dataset, recipe.n_parts or 0, recipe.seed)
    if recipe.stream == "subjects":
        return subject_tasks(
            dataset, recipe.groups or _subject_groups(dataset, recipe.n_tasks or 0)
        )
    groups = recipe.groups or equal_groups(range(dataset.n_classes), recipe.n_tasks or 0)
    return class_tasks(dataset, {f"classes {_spans(group)}": group for group in groups})


def _subject_groups(dataset: DataSet, n_groups: int) -> list[list[int]]:
    if dataset.train.subject is None:
        raise _no_subjects(dataset)
    return equal_groups(np.unique(dataset.train.subject).tolist(), n_groups)


def _no_subjects(dataset: DataSet) -> InputError:
    return InputError(
        f"{dataset.name} does not say whose its samples are: use hapt", code="E-SUBJECT"
    )


def equal_groups(members: Sequence[int], n_groups: int) -> list[list[int]]:
    """`members` in order, cut into groups whose sizes differ by one at most."""
    _check_count("n_tasks", n_groups, at_least=1)
    if n_groups > len(members):
        raise InputError(
            f"n_tasks = {n_groups}: there are only {len(members)} to share out", code="E-STREAM"
        )
    return [part.tolist() for part in np.array_split(np.array(members), n_groups)]


def _check_count(key: str, value: int, at_least: int) -> None:
    if value < at_least:
        raise InputError(f"{key} = {value}: must be {at_least} or more", code="E-STREAM")


def _check_groups(groups: Sequence[Sequence[int]], known: set[int], kind: str) -> None:
    seen: set[int] = set()
    for group in groups:
        if not group:
            raise InputError(f"a group without a {kind}: name at least one", code="E-STREAM")
        for member in group:
            if member not in known:
                raise InputError(
                    f"{kind} {member} is not in the training split, which has "
                    f"{_spans(sorted(known))}",
                    code="E-STREAM",
                )
            if member in seen:
                raise InputError(f"{kind} {member} is named twice", code="E-STREAM")
            seen.add(member)


def _spans(members: Sequence[int]) -> str:
    """Short form of a list of numbers, such as "1-4, 7"."""
    spans: list[list[int]] = []
    for member in members:
        if spans and member == spans[-1][1] + 1:
            spans[-1][1] = member
        else:
            spans.append([member, member])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
