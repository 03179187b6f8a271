"""Task-, domain- and class-incremental streams differ in what the labels of a task mean.

Reference:
    van de Ven and Tolias 2019, "Three scenarios for continual learning".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.streams.stream import Stream, Task


def classes_by_scenario(stream: Stream, scenario: str, groups: Sequence[Sequence[int]]) -> Stream:
    """Change the scenario of a stream of groups of classes.

    Args:
        stream: from `class_tasks`.
        scenario: "class" keeps the labels. "domain" replaces the label by the position of the class
            in its group, so that all tasks share their outputs. "task" keeps the labels, and only
            the classes of the sample's own group compete.
        groups: the classes of each task.
    """
    if scenario == "class":
        return stream
    description = f"{stream.description}, {scenario}-incremental"
    if scenario == "task":
        return replace(stream, description=description, outputs="task")
    tasks = []
    for task, group in zip(stream, groups, strict=True):
        places = np.full(stream.n_classes, -1, np.int64)
        places[list(group)] = np.arange(len(group))
        tasks.append(_relabelled(task, places))
    n_classes = max(len(group) for group in groups)
    return replace(stream, description=description, tasks=tuple(tasks), n_classes=n_classes)


def inputs_by_scenario(stream: Stream, scenario: str) -> Stream:
    """Change the scenario of a stream whose tasks have the same classes and different inputs.

    Args:
        stream: permuted or rotated inputs, sensor axes, persons or sets.
        scenario: "domain" keeps the labels. "class" gives every task its own labels,
            label + task * n_classes. "task" does so too, and only the labels of the sample's own
            task compete.
    """
    if scenario == "domain":
        return stream
    n_classes = stream.n_classes
    tasks = tuple(
        _relabelled(task, np.arange(n_classes) + k * n_classes) for k, task in enumerate(stream)
    )
    return replace(
        stream,
        description=f"{stream.description}, {scenario}-incremental",
        tasks=tasks,
        n_classes=n_classes * len(tasks),
        outputs="task" if scenario == "task" else "all",
    )


def _relabelled(task: Task, labels: NDArray[np.int64]) -> Task:
    return replace(
        task,
        train_source=tuple(replace(source, labels=labels) for source in task.train_source),
        test_source=replace(task.test_source, labels=labels),
    )
