"""Trains a candidate for a while and tests it on a fold: one job of a worker."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from metabit.errors import MetabitError
from metabit.export.heads.home import HeadChoice
from metabit.files import make_folder, write_whole
from metabit.fitting import packing
from metabit.fitting.features import read_features
from metabit.trainer.loop import train_in_memory
from metabit.trainer.networks.network import Network
from metabit.trainer.prepare import Prepared
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.reproduction.jobs import DONE, SCHEMA, Job
from metabit.trainer.runs.progress import Progress
from metabit.trainer.streams import single_task

DOES = f"{__name__}:do_trial"
"""The name that a worker finds `do_trial` by."""


def do_trial(job: Job, progress: Progress) -> None:
    """Do a job of `race`; afterwards job.json in its folder has the accuracies.

    Args:
        job: its `recipe` has "recipe", the recipe as plain tables, "features", a file, "fold",
            "most_samples", "head_ram_bytes" and "per_class", samples of a class that a head knows.
        progress: is told about each step.

    Raises:
        MetabitError: training diverged.
    """
    begun = time.process_time()
    asked: dict[str, Any] = job.recipe
    recipe = recipe_from_dict(asked["recipe"])
    features = read_features(Path(asked["features"]))
    dataset = features.of_fold(asked["fold"], asked["most_samples"], recipe.train.seed)
    prepared = Prepared(recipe, job.folder, False, dataset, single_task(dataset))
    net, accuracy = train_in_memory(prepared, progress)
    numbers = {"network": accuracy, "head": _by_head(net, prepared, asked)}
    document = {
        "schema": SCHEMA,
        "label": job.label,
        "numbers": numbers | {"processor_seconds": round(time.process_time() - begun, 3)},
        "seed": job.seed,
        "commit": job.commit,
    }
    make_folder(job.folder)
    write_whole(job.folder / DONE, (json.dumps(document, allow_nan=False) + "\n").encode())


def _by_head(net: Network, prepared: Prepared, asked: dict[str, Any]) -> float | None:
    """Accuracy where a counting head answers; None without one."""
    if asked["head_ram_bytes"] is None:
        return None
    head = HeadChoice(ram_bytes=asked["head_ram_bytes"], novelty=False)
    dataset, m = prepared.dataset, prepared.recipe.method.m
    assert isinstance(m, float)
    model = packing.packed(net, dataset, m, 0)
    try:
        model = packing.with_known(model, net, dataset.train, head, asked["per_class"])
    except MetabitError as error:
        raise MetabitError(f"the head: {error}", code=error.code) from error
    x = packing.rows(net, dataset.test.x)
    return packing.accuracy(model, x, dataset.test.y, by_head=True)
