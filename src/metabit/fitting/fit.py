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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabit.errors import InputError, MetabitError
from metabit.files import make_folder, write_whole
from metabit.fitting import material as materials
from metabit.fitting import outcome, plot, race, rivals
from metabit.fitting.as_they_come import as_they_come, chosen_goal
from metabit.fitting.choice import best
from metabit.fitting.finish import Finished, finish
from metabit.fitting.fronts import seen_by_network
from metabit.fitting.propose import Proposed, Say, propose
from metabit.fitting.question import Question
from metabit.trainer.circumstances import commit
from metabit.trainer.data.own.memory import said_before
from metabit.trainer.reproduction.runner import Workers
from metabit.trainer.runs.progress import Progress

if TYPE_CHECKING:
    from metabit.fitting.on_board import Spent

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
        rivals: whether others' classifiers are trained too.
    """

    folder: Path
    workers: MakeWorkers
    progress: Progress
    say: Say
    rivals: bool = True


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
    asked.say(said_before(question.data.path) or "reading the samples")
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
    spent = _on_board(scores, proposed, question, asked.say)
    chosen = best({entry: score for entry, score in scores.items() if entry in spent})
    is_stream = material.held_out == "time" and proposed.learns
    learn = None
    if is_stream:
        asked.say("which goal suits the stream: trying both on held-out training samples")
        features = proposed.features[chosen.features]
        learn = chosen_goal(chosen, scores[chosen], features, question)
    finished = finish(chosen, scores[chosen], material, question, learn, folder, asked.progress)
    found = outcome.document(question, material, proposed, stages, scores, spent, chosen, finished)
    found["as_they_come"] = None
    if is_stream:
        found["as_they_come"] = as_they_come(
            finished.model_file, finished.test, question.budgets.ram_bytes
        )
    found["confirmed"] = _confirmed(asked, finished, question, proposed.learns)
    found["rivals"] = _rivals(asked, material, chosen, finished, question)
    found["seconds"] = round(time.monotonic() - begun, 1)
    write_whole(folder / PICTURE, plot.picture(found))
    write_whole(folder / RESULTS, (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    shutil.rmtree(folder / CACHE)
    return found


def _on_board(
    scores: Mapping[race.Entry, race.Score], proposed: Proposed, question: Question, say: Say
) -> dict[race.Entry, Spent | None]:
    """The candidates of the last stage that keep to time and energy, and what they take."""
    last = max(score.rung for score in scores.values())
    finalists = [entry for entry, score in scores.items() if score.rung == last]
    budgets = question.budgets
    if budgets.board is None:
        return dict.fromkeys(finalists)
    from metabit.fitting import on_board

    found: dict[race.Entry, Spent | None] = {}
    for entry in finalists:
        say(f"on {budgets.board}: {entry.candidate.label}")
        spent = on_board.spent_by(entry, proposed.features[entry.features], budgets.board)
        if on_board.keeps_to(spent, budgets):
            found[entry] = spent
    if not found:
        raise on_board.nothing_is_quick_enough(question.name, budgets)
    return found


def _confirmed(
    asked: Asked, finished: Finished, question: Question, learns: bool
) -> dict[str, Any] | None:
    """What the delivered file did on the board, with the bits of this machine; None without one."""
    board = question.budgets.board
    if board is None:
        return None
    from metabit.fitting import on_board

    asked.say(f"running {finished.model_file.name} on {board}")
    return on_board.confirmed(finished.model_file, board, finished.test, learns)


def _rivals(
    asked: Asked, material: materials.Material, chosen: race.Entry, finished: Finished,
    question: Question,
) -> list[dict[str, Any]]:  # fmt: skip
    """The rivals' rows; none where they are not wanted or scikit-learn is not installed."""
    if not asked.rivals:
        return []
    how = rivals.how_to_get()
    if how:
        asked.say(f"rivals such as a random forest are left out: they need scikit-learn, {how}")
        return []
    dataset = seen_by_network(material.dataset, chosen.candidate.frontend)
    return rivals.measured(
        dataset,
        material.folds[0],
        finished.flash_bytes,
        finished.ram_bytes,
        question.seed,
        asked.say,
    )
