"""From a question to its results: proposes, races, finishes.

DIR/fit.json          all results
DIR/NAME.mbit         the network, which learns on the device
DIR/recipe.toml       what `metabit train` trains it from
DIR/pareto.png        accuracy, RAM and flash as a picture
DIR/run/              the run folder of the network
DIR/question.json     what was asked; the same question continues
DIR/trials/           numbers of every network that was tried
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metabit.errors import InputError, MetabitError
from metabit.files import make_folder, write_whole
from metabit.fitting import material as materials
from metabit.fitting import outcome, plot, race
from metabit.fitting.choice import best
from metabit.fitting.finish import finish
from metabit.fitting.propose import Say, propose
from metabit.fitting.question import Question
from metabit.fitting.windows import with_window
from metabit.trainer.circumstances import commit
from metabit.trainer.reproduction.runner import Workers
from metabit.trainer.runs.progress import Progress

QUESTION, RESULTS, PICTURE, TRIALS, CACHE = (
    "question.json", "fit.json", "pareto.png", "trials", "features",
)  # fmt: skip

MakeWorkers = Callable[[list[tuple[int, int]]], Workers]
"""Function of what `race.plan` says that gives who does it."""


@dataclass(frozen=True)
class Asked:
    """How an answer is made; none of it changes the answer.

    Attributes:
        folder: gets the results.
        workers: who trains, told what `race.plan` says.
        progress: is told about the last training.
        say: is told what is done, a line at a time.
    """

    folder: Path
    workers: MakeWorkers
    progress: Progress
    say: Say


def open_folder(folder: Path, question: Question) -> None:
    """Make the folder ready for a question, or for continuing it.

    Raises:
        InputError: another question was asked there, or it holds other files (E-FIT-FOLDER).
    """
    asked = folder / QUESTION
    if asked.exists():
        try:
            before = json.loads(asked.read_bytes())["fingerprint"]
        except (ValueError, KeyError, TypeError):
            before = None
        if before != question.fingerprint:
            raise InputError(
                f"{folder}: holds the answer to another question, see {QUESTION} there; choose "
                "another folder with -o",
                code="E-FIT-FOLDER",
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder}: holds other files; choose a new or empty folder with -o",
            code="E-FIT-FOLDER",
        )
    make_folder(folder)
    document = {"fingerprint": question.fingerprint, **question.to_dict()}
    write_whole(asked, (json.dumps(document, indent=1) + "\n").encode())


def answer(question: Question, asked: Asked) -> dict[str, Any]:
    """Find the network, or continue to; the document of `outcome.document`.

    Raises:
        InputError: the data cannot be used, or the folder is another question's.
        BudgetError: no network fits.
        MetabitError: no training came to an end (E-FIT-TRAINING).
    """
    begun, folder = time.monotonic(), asked.folder
    asked.say("reading the samples")
    material = materials.read(question.data, question.seed)
    open_folder(folder, question)
    proposed = propose(question, material, folder / CACHE, asked.say)
    stages = race.rungs(len(proposed.entries), len(material.folds), question.effort)
    workers = asked.workers(race.plan(len(proposed.entries), stages))
    scores = race.race(
        proposed.entries, stages, question, proposed.features, folder / TRIALS, workers, commit()
    )
    if not scores:
        raise MetabitError(
            f"{question.name}: no training came to an end; METABIT_DEBUG=1 shows why",
            code="E-FIT-TRAINING",
        )
    chosen = best(scores)
    finished = finish(chosen, scores[chosen], material, question, folder, asked.progress)
    found = outcome.document(
        question, material, proposed, stages, scores, chosen, finished, time.monotonic() - begun
    )
    write_whole(folder / PICTURE, plot.picture(found))
    write_whole(folder / RESULTS, (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    shutil.rmtree(folder / CACHE)
    return found


def windowed(question: Question) -> Question:
    """The question with a window for recordings of which nobody said how to cut them."""
    return replace(question, data=with_window(question.data))
