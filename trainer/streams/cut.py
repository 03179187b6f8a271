"""Streams cut from one data set: whole, permuted, in parts, by person, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.streams.stream import Source, Stream, Task

HAPT_CLASS_GROUPS = {
    "static": (3, 4, 5),
    "dynamic": (0, 1, 2),
    "transitions": (6, 7, 8, 9, 10, 11),
}
"""The three kinds of activity in HAPT, in the order in which they are learnt."""


@dataclass(frozen=True, eq=False)
class Permutation:
    """Inputs in another order.

    Attributes:
        order: index of the input value that each place gets, int64, shape (n_inputs,).
    """

    order: NDArray[np.int64]

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """The samples `x`, shape (n, *input_shape), with their values in the new order."""
        return x.reshape(len(x), -1)[:, self.order].reshape(x.shape)


def single_task(dataset: DataSet) -> Stream:
    """The whole set as one task: the upper bound that streams are compared with."""
    task = Task("all", 0, (Source(dataset.train),), Source(dataset.test))
    description = f"{dataset.name}, all {len(dataset.train)} samples at once"
    return Stream("single", description, (task,), dataset.n_classes)


def permuted_tasks(dataset: DataSet, n_tasks: int, seed: int) -> Stream:
    """Tasks that differ by a fixed random permutation of the input values.

    All permutations are random, also the first, as in the paper. Each task has a bank of its own.

    Reference:
        Goodfellow et al. 2013, "An empirical investigation of catastrophic forgetting"; in this
        form Laborieux et al. 2021.
    """
    check_count("n_tasks", n_tasks)
    generator = np.random.default_rng(seed)
    tasks = []
    for k in range(n_tasks):
        order = Permutation(generator.permutation(dataset.n_inputs))
        sources = Source(dataset.train, order), Source(dataset.test, order)
        tasks.append(Task(f"permutation {k + 1}", k, sources[:1], sources[1]))
    description = f"{n_tasks} permutations of {dataset.name}, seed {seed}"
    return Stream("permuted", description, tuple(tasks), dataset.n_classes)


def stream_parts(dataset: DataSet, n_parts: int, seed: int) -> Stream:
    """The training set, shuffled once and cut into parts, each of which is seen only once.

    The parts are disjoint and together make up the training set; their sizes differ by one at most.
    Every part is tested on the whole test set, and all parts share one bank: the network is never
    told where a part ends.

    Raises:
        InputError: more parts than samples (E-STREAM).

    Reference:
        Laborieux et al. 2021 (60 parts of Fashion-MNIST).
    """
    check_count("n_parts", n_parts)
    if n_parts > len(dataset.train):
        raise InputError(
            f"{n_parts} parts of {len(dataset.train)} {dataset.name} samples: use fewer parts",
            code="E-STREAM",
        )
    order = np.random.default_rng(seed).permutation(len(dataset.train))
    test = Source(dataset.test)
    tasks = tuple(
        Task(f"part {k + 1}", 0, (Source(dataset.train.take(part)),), test)
        for k, part in enumerate(np.array_split(order, n_parts))
    )
    description = f"{dataset.name} in {n_parts} parts, seed {seed}"
    return Stream("parts", description, tasks, dataset.n_classes)


def subject_tasks(dataset: DataSet, groups: Sequence[Sequence[int]]) -> Stream:
    """One task per group of persons, each tested on the persons of the test split.

    Nobody is in two groups, and nobody is both trained on and tested: the windows of one person
    overlap.

    Args:
        dataset: a set whose persons are known (hapt).
        groups: persons of the training split, one group per task.

    Raises:
        InputError: the persons are not known, a person is named twice, or a person is not in the
            training split.
    """
    _check_groups(groups, set(subjects_of(dataset)), "subject")
    test = Source(dataset.test)
    tasks = tuple(
        Task(f"subjects {spans(group)}", k, (Source(dataset.train.of_subjects(group)),), test)
        for k, group in enumerate(groups)
    )
    description = f"{dataset.name}, {len(tasks)} groups of subjects"
    return Stream("subjects", description, tasks, dataset.n_classes)


def class_tasks(dataset: DataSet, groups: Mapping[str, Sequence[int]]) -> Stream:
    """One task per group of classes; labels stay as they are, and so does the number of outputs.

    Args:
        dataset: any set.
        groups: name of each task and its classes, such as `HAPT_CLASS_GROUPS`.

    Raises:
        InputError: a class is named twice, or the set does not have it.
    """
    _check_groups(list(groups.values()), set(range(dataset.n_classes)), "class")
    tasks = tuple(
        Task(
            name,
            k,
            (Source(dataset.train.of_classes(group)),),
            Source(dataset.test.of_classes(group)),
        )
        for k, (name, group) in enumerate(groups.items())
    )
    description = f"{dataset.name}, {len(tasks)} groups of classes"
    return Stream("classes", description, tasks, dataset.n_classes)


def subjects_of(dataset: DataSet) -> list[int]:
    """Persons of the training split, in rising order.

    Raises:
        InputError: the persons are not known.
    """
    if dataset.train.subject is None:
        raise InputError(
            f"{dataset.name} does not say whose its samples are: use hapt", code="E-SUBJECT"
        )
    found: list[int] = np.unique(dataset.train.subject).tolist()
    return found


def equal_groups(members: Sequence[int], n_groups: int) -> list[list[int]]:
    """Cut `members`, in order, into groups whose sizes differ by one at most.

    Raises:
        InputError: more groups than members (E-STREAM).
    """
    check_count("n_tasks", n_groups)
    if n_groups > len(members):
        raise InputError(
            f"n_tasks = {n_groups}: there are only {len(members)} to share out", code="E-STREAM"
        )
    return [part.tolist() for part in np.array_split(np.array(members), n_groups)]


def check_count(key: str, value: int) -> None:
    """Raise InputError unless `value` is 1 or more."""
    if value < 1:
        raise InputError(f"{key} = {value}: must be 1 or more", code="E-STREAM")


def _check_groups(groups: Sequence[Sequence[int]], known: set[int], kind: str) -> None:
    seen: set[int] = set()
    for group in groups:
        if not group:
            raise InputError(f"a group without a {kind}: name at least one", code="E-STREAM")
        for member in group:
            if member not in known:
                raise InputError(
                    f"{kind} {member} is not in the training split, which has "
                    f"{spans(sorted(known))}",
                    code="E-STREAM",
                )
            if member in seen:
                raise InputError(f"{kind} {member} is named twice", code="E-STREAM")
            seen.add(member)


def spans(members: Sequence[int]) -> str:
    """Short form of a list of numbers, such as "1-4, 7"."""
    found: list[list[int]] = []
    for member in members:
        if found and member == found[-1][1] + 1:
            found[-1][1] = member
        else:
            found.append([member, member])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
