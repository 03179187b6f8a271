"""What makes a stream harder: wrong labels, and boundaries that are not sharp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.streams.stream import Source, Stream, Task

_NOISE, _BLUR = 1, 2  # added to the seed, so that neither repeats the numbers of the tasks


def with_label_noise(stream: Stream, share: float, seed: int) -> Stream:
    """The stream with wrong training labels; test labels stay right.

    Args:
        stream: any stream.
        share: share of each task's training samples that get the label of another class of the
            task; all other classes are equally likely.
        seed: seed of the draw.

    Raises:
        InputError: a task has only one class.
    """
    generator = np.random.default_rng([seed, _NOISE])
    tasks = tuple(_mislabelled(task, share, generator) for task in stream)
    description = f"{stream.description}, {share:.0%} of the training labels wrong"
    return replace(stream, description=description, tasks=tasks)


def _mislabelled(task: Task, share: float, generator: np.random.Generator) -> Task:
    (source,) = task.train_source  # labels are changed before neighbouring tasks are mixed
    split = source.split
    classes, places = np.unique(split.y, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"label_noise: {task.name} has one class only, so none of its labels can be wrong",
            code="E-STREAM",
        )
    wrong = generator.choice(len(split), round(share * len(split)), replace=False)
    steps = generator.integers(1, len(classes), len(wrong))
    y = split.y.copy()
    y[wrong] = classes[(places[wrong] + steps) % len(classes)]
    return replace(task, train_source=(replace(source, split=replace(split, y=y)),))


def with_blurred_boundaries(stream: Stream, share: float, seed: int) -> Stream:
    """The stream with neighbouring tasks mixed, so that tasks do not change abruptly.

    At each boundary the two tasks exchange the same number of training samples. An epoch takes the
    samples of a task in random order, so the exchanged ones are spread over it. Test samples stay.

    Args:
        stream: a stream of two or more tasks.
        share: share of the smaller task's training samples that are exchanged at a boundary, below
            0.5; a task in the middle has two boundaries.
        seed: seed of the draw.

    Raises:
        InputError: the stream has a single task.
    """
    if len(stream) < 2:
        raise InputError("blur: a single task has no boundary", code="E-STREAM")
    generator = np.random.default_rng([seed, _BLUR])
    kept, back, onward = [], [], []  # per task: samples that stay, move back, and move on
    sizes = [task.n_train for task in stream]
    for k, task in enumerate(stream):
        to_back, to_onward = (
            round(share * min(sizes[k], sizes[other])) if 0 <= other < len(sizes) else 0
            for other in (k - 1, k + 1)
        )
        order = generator.permutation(sizes[k])
        back.append(_taken(task, order[:to_back]))
        onward.append(_taken(task, order[to_back : to_back + to_onward]))
        kept.append(_taken(task, order[to_back + to_onward :]))
    tasks = []
    for k, task in enumerate(stream):
        came = (*onward[max(k - 1, 0) : k], *back[k + 1 : k + 2])
        tasks.append(replace(task, train_source=(kept[k], *came)))
    description = f"{stream.description}, {share:.0%} exchanged at each boundary"
    return replace(stream, description=description, tasks=tuple(tasks))


def _taken(task: Task, which: NDArray[np.int64]) -> Source:
    """The training samples of a task with these indices, in their order."""
    (source,) = task.train_source
    return replace(source, which=np.sort(which))
