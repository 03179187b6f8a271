"""Sequences of tasks made from data sets: what a network is trained on, in which order.

Every builder takes its random numbers from a seed, so the same call gives the same stream on any
machine. A task makes its samples when they are asked for: a hundred permuted tasks take no more
memory than the set they come from.

    stream.py     what a stream is: tasks in order, a seed and a description
    build.py      from a recipe's [data] table to its data set and stream
    cut.py        streams cut from one data set: whole, permuted, in parts, by person, by class
    scenario.py   what labels mean in a task: task-, domain- and class-incremental
    turned.py     rotated images, rotated sensor axes
    sets.py       one data set after another
    disturbed.py  wrong labels, and boundaries that are not sharp
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
from metabit.trainer.streams.disturbed import with_blurred_boundaries, with_label_noise
from metabit.trainer.streams.sets import set_tasks
from metabit.trainer.streams.stream import Source, Stream, Task
from metabit.trainer.streams.turned import AxisRotation, axes_tasks, rotated_tasks

__all__ = [
    "AxisRotation",
    "HAPT_CLASS_GROUPS",
    "Permutation",
    "Source",
    "Stream",
    "Task",
    "axes_tasks",
    "build",
    "class_tasks",
    "equal_groups",
    "permuted_tasks",
    "rotated_tasks",
    "set_tasks",
    "single_task",
    "stream_parts",
    "subject_tasks",
    "with_blurred_boundaries",
    "with_label_noise",
]
