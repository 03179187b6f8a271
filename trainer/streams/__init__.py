"""Sequences of tasks made from data sets: what a network is trained on, in which order.

Every builder takes its random numbers from a seed, so the same call gives the same stream on any
machine. A task makes its samples when they are asked for: a hundred permuted tasks take no more
memory than the set they come from.
"""

from __future__ import annotations

from metabit.trainer.streams.build import build
from metabit.trainer.streams.cut import (
    HAPT_CLASS_GROUPS,
    Permutation,
    class_tasks,
    equal_groups,
    permuted_tasks,
    single_task,
    stream_parts,
    subject_tasks,
)
from metabit.trainer.streams.stream import Source, Stream, Task

__all__ = [
    "HAPT_CLASS_GROUPS",
    "Permutation",
    "Source",
    "Stream",
    "Task",
    "build",
    "class_tasks",
    "equal_groups",
    "permuted_tasks",
    "single_task",
    "stream_parts",
    "subject_tasks",
]
