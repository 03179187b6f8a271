"""The section GOAL: how a file is to learn where nobody says otherwise (docs/FORMAT.md)."""

from __future__ import annotations

import struct

from metabit.export.sections.cursor import Cursor
from metabit.export.spec import GOALS, LEARNERS, Told

MOST_REPLAY, MOST_BATCH = 65_535, 64
#: What can learn samples again.
_REPLAYS = ("auto", "tracking", "head")
_GOAL = struct.Struct("<IIII")  # what, goal, replay, batch


def dump_goal(told: Told) -> bytes:
    """The bytes of the section."""
    goal = GOALS.index(told.goal) + 1
    return _GOAL.pack(LEARNERS.index(told.what), goal, told.replay, told.batch)


def read_goal(cursor: Cursor) -> Told:
    """Read the section and check everything that it says.

    Raises:
        CorruptError: a value is out of range, or the section too long or too short.
    """
    what, goal, replay, batch = map(int, cursor.unpack(_GOAL))
    cursor.finish()
    if what >= len(LEARNERS) or not 1 <= goal <= len(GOALS):
        raise cursor.corrupt("what learns, or its goal, is unknown")
    told = Told(LEARNERS[what], GOALS[goal - 1], replay, batch)
    problem = goal_problem(told)
    if problem:
        raise cursor.corrupt(problem)
    return told


def goal_problem(told: Told) -> str | None:
    """What breaks a limit of the format, or None."""
    if told.what not in LEARNERS or told.goal not in GOALS:
        return f"what={told.what!r} or goal={told.goal!r} is unknown"
    if not 0 <= told.replay <= MOST_REPLAY or not 1 <= told.batch <= MOST_BATCH:
        return f"replay of {told.replay} samples, or batches of {told.batch}, out of range"
    if told.replay and (told.what not in _REPLAYS or told.batch > 1):
        return f"replay of {told.replay} samples, where {told.what} learns, or in batches"
    return None
