"""Doing a job: a training run or an experiment, and its numbers in job.json."""

from __future__ import annotations

import json
import time
from typing import Any

import torch

from metabit.files import make_folder, write_whole
from metabit.trainer import experiments
from metabit.trainer.circumstances import circumstances
from metabit.trainer.devices import device_words, find_device
from metabit.trainer.experiments.outcome import cost_figure
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.reproduction.jobs import DONE, SCHEMA, SHARES, Job
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Progress

CURVES = "curves.png"
"""The picture of an experiment."""

Numbers = dict[str, float | None]

_IN_METRICS = {"plasticity": "learning_acc", "prequential": "prequential_acc"}
"""Shares that have other names in metrics.json than in tables."""


def do_job(job: Job, progress: Progress) -> None:
    """Do a job, or continue it; afterwards it is finished.

    Raises:
        MetabitError: as `metabit.trainer.loop.train` does.
    """
    if job.finished:
        return
    make_folder(job.folder)
    numbers = _experiment(job) if job.experiment else _training(job, progress)
    document = {
        "schema": SCHEMA,
        **numbers,
        "seed": job.seed,
        "commit": job.commit,
        "circumstances": circumstances() | _device(job),
    }
    text = json.dumps(document, indent=1, allow_nan=False)
    write_whole(job.folder / DONE, (text + "\n").encode())
    # Only a run that will continue needs its checkpoint, which is the largest file.
    (job.folder / run_folder.CHECKPOINT).unlink(missing_ok=True)


def _device(job: Job) -> dict[str, Any]:
    """The graphics processor that the job was done on; empty without one."""
    if not job.recipe:
        return {}
    words = device_words(find_device(recipe_from_dict(job.recipe).train.device))
    return {"gpu": words} if words else {}


def _experiment(job: Job) -> dict[str, Any]:
    torch.set_num_threads(1)  # the workers share the cores, and sums depend on the number
    begun = time.process_time()
    found = experiments.find(job.experiment)(job.seed, job.scale)
    if found.curves:
        title = f"{job.experiment.replace('_', ' ')}, seed {job.seed}"
        write_whole(job.folder / CURVES, cost_figure(found.curves, title))
    return {
        "stream": "",
        "numbers": {key: _finite(value) for key, value in found.numbers.items()}
        | {"seconds": round(time.process_time() - begun, 3)},
    }


def _training(job: Job, progress: Progress) -> dict[str, Any]:
    recipe = recipe_from_dict(job.recipe)
    begun = (job.folder / run_folder.RECIPE).exists()
    metrics = train(recipe, job.folder, resume=begun, progress=progress).metrics
    return {"stream": metrics["stream"], "numbers": _numbers(metrics, on_gpu=bool(_device(job)))}


def _numbers(metrics: dict[str, Any], on_gpu: bool) -> Numbers:
    """What tables need of metrics.json, and the extra metrics of the method.

    Seconds are processor time, which other programs on the machine do not lengthen. On a graphics
    processor, for which the processor waits, they are time by the clock.
    """
    numbers: Numbers = {}
    for name in SHARES:
        value = metrics.get(_IN_METRICS.get(name, name))
        if value is not None:
            numbers[name] = value
    numbers |= {key: float(value) for key, value in metrics["extra_metrics"].items()}
    return numbers | {
        "state_bytes": sum(metrics["state_bytes"].values()),
        "n_steps": metrics["n_steps"],
        "seconds": metrics["seconds" if on_gpu else "processor_seconds"],
    }


def _finite(value: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return float(value) if abs(value) < float("inf") else None
