"""Do unlabelled samples of one condition of use decide what a network keeps?

A network learns clothes, then permuted clothes, one task after the other, and has few weights for
all of them. After each task its importance is measured (MAS) on samples without labels in which
only one half of the classes occurs: tops, or shoes and bags. At the end both halves of the earlier
tasks are asked, on samples that it has never seen. The condition has decided if the half that was
in use is kept better than the half that was not.

Reference:
    Aljundi et al. 2018, section 5.3, where the importance is measured on facts about sports.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from metabit.trainer.experiments.outcome import Outcome
from metabit.trainer.loop import train_in_memory
from metabit.trainer.prepare import Prepared, prepare
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.streams.stream import Source

HalfAccuracy = dict[str, float]
"""Accuracy on each half of the classes, from 0 to 1, over all tasks but the last."""


@dataclass(frozen=True)
class Setup:
    """One size of the experiment.

    Attributes:
        data: [data] of the recipe; its test samples are halved: the first half is seen in use
            without labels, the second half is asked.
        halves: the classes of each condition, by name.
        network, method, train: tables of the recipe; the method is MAS.
    """

    data: dict[str, Any]
    halves: dict[str, tuple[int, ...]]
    network: dict[str, Any]
    method: dict[str, Any]
    train: dict[str, Any]


SETUPS = {
    "paper": Setup(
        data={"name": "fashion-mnist", "stream": "permuted", "n_tasks": 7, "scenario": "task"},
        halves={"tops": (0, 2, 4, 6), "shoes and bags": (5, 7, 8, 9)},
        network={"kind": "real", "hidden": [64, 64]},
        method={"lr": 0.003, "reset_optimizer": True, "strength": 0.01},
        train={"epochs": 2, "batch": 50},
    ),
}
SETUPS["small"] = replace(
    SETUPS["paper"], data=SETUPS["paper"].data | {"train_samples": 4000, "test_samples": 4000}
)


def measure(seed: int, scale: str) -> Outcome:
    """How much better a half of the classes is kept if it is the one in use.

    Args:
        seed: seed of the data and of the training.
        scale: one of `SETUPS`.

    Returns:
        Accuracies from 0 to 1 on earlier tasks: naive; all_in_use, importance measured on all
        classes; in_use and out_of_use, the means over both conditions; and advantage, their
        difference. advantage_..., the same for each half.
    """
    setup = SETUPS[scale]
    numbers = {
        "naive": _mean(kept(setup, seed, strength=0.0)),
        "all_in_use": _mean(kept(setup, seed)),
    }
    by_condition = {
        name: kept(setup, seed, measure_classes=list(classes))
        for name, classes in setup.halves.items()
    }
    used, unused = [], []
    for half in setup.halves:
        [other] = [name for name in setup.halves if name != half]
        used.append(by_condition[half][half])
        unused.append(by_condition[other][half])
        numbers[f"advantage_{half.replace(' ', '_')}"] = used[-1] - unused[-1]
    numbers |= {"in_use": float(np.mean(used)), "out_of_use": float(np.mean(unused))}
    return Outcome(numbers | {"advantage": numbers["in_use"] - numbers["out_of_use"]})


def kept(setup: Setup, seed: int, **options: Any) -> HalfAccuracy:
    """What a network has kept of each half of the classes.

    Args:
        setup: the size.
        seed: seed of the data and of the training.
        options: keys of [method] that replace those in the setup.
    """
    recipe = recipe_from_dict(
        {
            "name": "condition-of-use",
            "data": {**setup.data, "seed": seed},
            "network": setup.network,
            "method": {"name": "mas", "measure_on": "test", **setup.method, **options},
            "train": {**setup.train, "seed": seed},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(recipe, Path(folder) / "run")
    model, _ = train_in_memory(_with_tests(prepared, lambda n: np.arange(n // 2)))
    asked = _with_tests(prepared, lambda n: np.arange(n // 2, n)).stream
    found: dict[str, list[float]] = {name: [] for name in setup.halves}
    for task in asked.tasks[:-1]:
        test, head = task.test, task.classes
        labels = model.predict(test.x, prepared.dataset.zero_point, head)
        for name, classes in setup.halves.items():
            of_half = np.isin(test.y, np.array(head)[list(classes)])
            found[name].append(float(np.mean(labels[of_half] == test.y[of_half])))
    return {name: float(np.mean(accuracies)) for name, accuracies in found.items()}


def _mean(found: HalfAccuracy) -> float:
    return float(np.mean(list(found.values())))


def _with_tests(prepared: Prepared, chosen: Callable[[int], Any]) -> Prepared:
    """The run with some of the test samples of each task: `chosen` gives indices among so many."""

    def fewer(source: Source) -> Source:
        return replace(source, which=chosen(len(source)))

    tasks = tuple(
        replace(task, test_source=fewer(task.test_source)) for task in prepared.stream.tasks
    )
    return replace(prepared, stream=replace(prepared.stream, tasks=tasks))
