"""What learning is worth where samples come in time: each is predicted, and then learnt.

A network that stays as it is grows old on a stream whose meaning changes. Which of the two goals
suits such a stream is seen by trying both on the test samples in their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Goal
from metabit.errors import BudgetError
from metabit.trainer.data.dataset import Split

MOST_SAMPLES = 20_000
"""The first of the test samples."""


def as_they_come(path: Path, test: Split, ram_bytes: int | None) -> dict[str, Any]:
    """Accuracy of each goal on test samples, each predicted before it is learnt.

    Args:
        path: the .mbit file, with a head.
        test: samples in the order of time, x of shape (n, n_inputs).
        ram_bytes: budget for the arena; None for no limit.

    Returns:
        "n_samples", "kept", the accuracy of the file as it is, and for each goal "accuracy" and
        "ram_bytes"; None for a goal that does not fit the budget.
    """
    x, y = test.x[:MOST_SAMPLES], test.y[:MOST_SAMPLES]
    kept = float((Engine(path).predict(x) == y).mean())
    found: dict[str, Any] = {"n_samples": len(y), "kept": kept}
    for goal in get_args(Goal):
        found[goal] = _learning(path, x, y, goal, ram_bytes)
    return found


def _learning(
    path: Path, x: NDArray[Any], y: NDArray[np.integer], goal: Goal, ram_bytes: int | None
) -> dict[str, Any] | None:
    try:
        engine = Engine(path, learn="auto", goal=goal, ram=ram_bytes)
    except BudgetError:
        return None
    if not engine.plan.learns:
        return None
    right = float((engine.learn(x, y) == y).mean())
    return {"accuracy": right, "ram_bytes": engine.plan.arena_bytes}
