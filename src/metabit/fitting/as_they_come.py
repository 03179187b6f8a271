"""What learning is worth where samples come in time: each is predicted, and then learnt.

A network that stays as it is grows old on a stream whose meaning changes. Which of the two goals
suits such a stream is seen by trying both on samples in their order: on held-out training samples
to choose the goal, and on the test samples to say what it is worth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Goal
from metabit.errors import BudgetError
from metabit.export import container
from metabit.export.heads.home import HeadChoice
from metabit.fitting import packing
from metabit.fitting.candidate import M
from metabit.fitting.features import Features
from metabit.fitting.question import Question
from metabit.fitting.race import Entry, Score, epochs_of
from metabit.trainer.data.dataset import Split
from metabit.trainer.loop import train_in_memory
from metabit.trainer.networks.network import Network
from metabit.trainer.prepare import Prepared
from metabit.trainer.recipe.learn import LearnRecipe
from metabit.trainer.streams import single_task

MOST_SAMPLES = 20_000
"""The first of them."""


def chosen_goal(
    entry: Entry, score: Score, features: Features, question: Question
) -> LearnRecipe | None:
    """How the file of a candidate is to learn, by held-out training samples as they come.

    Args:
        entry: the candidate, which is trained once more for this.
        score: what it has shown: how long it is trained, and whether its head answers.
        features: its samples, of which the first fold is held out.
        question: what was asked.

    Returns:
        goal "track" where it is the best on them; None for what learns by default.
    """
    net, prepared = _trained_on_fold(entry, score, features, question)
    dataset = prepared.dataset
    model = packing.packed(net, dataset, M, entry.cost.bits)
    head = HeadChoice(ram_bytes=entry.cost.head_ram_bytes)
    model = packing.answering(packing.with_known(model, net, dataset.train, head), score.by_head)
    held = Split(packing.rows(net, dataset.test.x), dataset.test.y)
    found = as_they_come(container.dumps(model), held, question.budgets.ram_bytes)
    others = [found["kept"], *(found[g]["accuracy"] for g in get_args(Goal) if found[g])]
    is_best = found["track"] is not None and found["track"]["accuracy"] >= max(others)
    return LearnRecipe(goal="track") if is_best else None


def _trained_on_fold(
    entry: Entry, score: Score, features: Features, question: Question
) -> tuple[Network, Prepared]:
    """A candidate, trained as the chosen one is, on what the first fold does not hold out."""
    dataset = features.of_fold(0, None, question.seed)
    epochs = epochs_of(score.steps, len(dataset.train))
    recipe = entry.candidate.recipe(question.name, question.data, epochs, question.seed)
    prepared = Prepared(recipe, Path(), False, dataset, single_task(dataset))
    return train_in_memory(prepared)[0], prepared


def as_they_come(source: Path | bytes, test: Split, ram_bytes: int | None) -> dict[str, Any]:
    """Accuracy of each goal on samples, each predicted before it is learnt.

    Args:
        source: the .mbit file, with a head, or its bytes.
        test: samples in the order of time, x of shape (n, n_inputs).
        ram_bytes: budget for the arena; None for no limit.

    Returns:
        "n_samples", "kept", the accuracy of the file as it is, and for each goal "accuracy" and
        "ram_bytes"; None for a goal that does not fit the budget.
    """
    x, y = test.x[:MOST_SAMPLES], test.y[:MOST_SAMPLES]
    kept = float((Engine(source).predict(x) == y).mean())
    found: dict[str, Any] = {"n_samples": len(y), "kept": kept}
    for goal in get_args(Goal):
        found[goal] = _learning(source, x, y, goal, ram_bytes)
    return found


def _learning(
    source: Path | bytes, x: NDArray[Any], y: NDArray[np.integer], goal: Goal, ram_bytes: int | None
) -> dict[str, Any] | None:
    try:
        engine = Engine(source, learn="auto", goal=goal, ram=ram_bytes)
    except BudgetError:
        return None
    if not engine.plan.learns:
        return None
    right = float((engine.learn(x, y) == y).mean())
    return {"accuracy": right, "ram_bytes": engine.plan.arena_bytes}
