"""Experiments: what a paper measures in another way than by training a recipe.

Every experiment is a file with a function `measure(seed, scale)` that returns an `Outcome`.

    condition_of_use.py  do unlabelled samples of one condition decide what is kept?
    facts.py           are facts kept that an embedding learns group by group?
    quadratic_task.py  does the size of a hidden weight tell its importance in a quadratic task?
    sign_switch.py     does the size of a hidden weight tell what flipping its sign costs?
    outcome.py         what an experiment returns, and its picture
    magnitude_bins.py  weights sorted into bins by their size
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metabit.trainer.experiments.outcome import Outcome

MODULES = {
    "condition_of_use": "metabit.trainer.experiments.condition_of_use",
    "facts": "metabit.trainer.experiments.facts",
    "quadratic_task": "metabit.trainer.experiments.quadratic_task",
    "sign_switch": "metabit.trainer.experiments.sign_switch",
}
"""Where each experiment is, by the name that a benchmark gives it."""


def find(name: str) -> Callable[[int, str], Outcome]:
    """The function `measure(seed, scale)` of an experiment; only now is PyTorch imported.

    Args:
        name: one of `MODULES`.
    """
    measure: Callable[[int, str], Outcome] = importlib.import_module(MODULES[name]).measure
    return measure
