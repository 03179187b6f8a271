"""Which candidates are trained for how long: successive halving.

All candidates are trained for a short while, the best of them for longer, and the best two in full,
each time on every fold: which groups are held out decides more than which network is trained. What
a candidate is worth is the accuracy of whichever answers better, its network or the counting head,
on samples that it was not trained on; no more of them than it was trained with, because testing
would otherwise take longer than a short training. Few groups are learnt by heart in a long
training: where a shorter one did better on every fold, its accuracy stays, and the chosen network
is trained so long. One fold alone says nothing about that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metabit.export.heads.home import HOME_CAP
from metabit.fitting.candidate import BATCH, Candidate
from metabit.fitting.cost import Cost
from metabit.fitting.features import Features
from metabit.fitting.question import EFFORTS, Question
from metabit.fitting.trial import DOES
from metabit.trainer.reproduction.jobs import DONE, Job, folder_name, read_done
from metabit.trainer.reproduction.runner import Workers

FULL_STEPS = 1600
"""Training steps of the chosen candidate, at normal effort."""

CLEARLY = 0.01
"""So much better a shorter training has to be, because it was tested on fewer samples."""

FEW_PER_CLASS = 200
"""Samples of a class that a head knows in all stages but the last: it is quicker to make."""


@dataclass(frozen=True)
class Rung:
    """A stage of the race.

    Attributes:
        steps: training steps of each candidate.
        folds: the folds that it is tested on.
        keep: candidates that stay in the race; 0 for the last rung. One of them is the most
            accurate of those that need no more than half the flash of the best.
    """

    steps: int
    folds: tuple[int, ...]
    keep: int


@dataclass(frozen=True)
class Entry:
    """A candidate in the race.

    Attributes:
        candidate, cost: the candidate and what it needs.
        features: file of its samples.
    """

    candidate: Candidate
    cost: Cost
    features: Path


@dataclass(frozen=True)
class Score:
    """What a candidate has shown.

    Attributes:
        rung: number of the last rung that it was in, from 0.
        steps: training steps after which it has shown it, in its last rung or in one before; the
            chosen candidate is trained so long.
        network, head: accuracy with either of them answering, from 0 to 1; NaN for none.
        folds: accuracy on each fold of whichever answers better on all of them.
    """

    rung: int
    steps: int
    network: float
    head: float
    folds: tuple[float, ...]

    @property
    def by_head(self) -> bool:
        """Whether the head answers better."""
        return self.head > self.network

    @property
    def accuracy(self) -> float:
        """Of whichever answers better."""
        return self.head if self.by_head else self.network


def full_steps(effort: str) -> int:
    """Training steps of the chosen candidate, unless a shorter training did better in the race."""
    return round(FULL_STEPS * EFFORTS[effort])


def rungs(n_candidates: int, n_folds: int, effort: str) -> list[Rung]:
    """The stages of a race, which takes about an eighth of what a search of the whole grid does."""
    full, every = full_steps(effort), tuple(range(n_folds))
    return [
        Rung(max(1, full // 32), every, max(6, n_candidates // 8)),
        Rung(max(1, full // 8), every, 2),
        Rung(full, every, 0),
    ]


def full_rung(n_folds: int, effort: str) -> Rung:
    """The last stage, which a search of the whole grid does for every candidate."""
    return rungs(1, n_folds, effort)[-1]


def plan(n_entries: int, stages: Sequence[Rung]) -> list[tuple[int, int]]:
    """Jobs of each stage, and the training steps of each of its jobs."""
    made, left = [], n_entries
    for rung in stages:
        made.append((left * len(rung.folds), rung.steps))
        left = min(left, rung.keep)
    return made


def race(
    entries: Sequence[Entry], stages: Sequence[Rung], question: Question,
    features: Mapping[Path, Features], folder: Path, workers: Workers, commit: str | None,
) -> dict[Entry, Score]:  # fmt: skip
    """Run the race; what was done before in this folder is not done again.

    Args:
        entries: the candidates.
        stages: the stages.
        question: what was asked.
        features: the samples of each file.
        folder: where each trial has a folder.
        workers: who trains.
        commit: commit of the sources.

    Returns:
        the score of every candidate whose training did not fail.
    """
    scores: dict[Entry, Score] = {}
    left = list(entries)
    for number, rung in enumerate(stages):
        jobs = {e: jobs_of(e, rung, question, features[e.features], folder, commit) for e in left}
        workers.do([job for of_entry in jobs.values() for job in of_entry], folder)
        for entry, of_entry in jobs.items():
            if all(job.finished for job in of_entry):
                scores[entry] = _better(scores.get(entry), _score(number, rung.steps, of_entry))
        left = _best(left, scores, number, rung.keep)
    return scores


def _best(
    entries: Sequence[Entry], scores: Mapping[Entry, Score], number: int, keep: int
) -> list[Entry]:
    """The entries of a rung that stay in the race; of equal ones the smaller come first.

    Where one is right on every sample, nothing can be better: only the smallest such one stays.
    """
    there = [entry for entry in entries if entry in scores and scores[entry].rung == number]
    there.sort(key=lambda entry: (-scores[entry].accuracy, entry.cost.flash_bytes))
    if there and scores[there[0]].accuracy == 1:
        keep = min(keep, 1)
    kept = there[:keep]
    small = [e for e in there if 2 * e.cost.flash_bytes <= there[0].cost.flash_bytes]
    if len(there) > keep > 1 and small and small[0] not in kept:
        kept[-1] = small[0]
    return kept


def jobs_of(
    entry: Entry, rung: Rung, question: Question, features: Features, folder: Path,
    commit: str | None,
) -> list[Job]:  # fmt: skip
    """The trainings of an entry in a stage, one per fold; arguments as of `race`."""
    return [_job(entry, rung, fold, question, features, folder, commit) for fold in rung.folds]


def _job(
    entry: Entry, rung: Rung, fold: int, question: Question, features: Features, folder: Path,
    commit: str | None,
) -> Job:  # fmt: skip
    steps, n_inside = rung.steps, int((~features.folds[fold]).sum())
    epochs = epochs_of(steps, n_inside)
    recipe = entry.candidate.recipe(question.name, question.data, epochs, question.seed)
    tables = {
        "recipe": recipe.to_dict(),
        "features": str(entry.features),
        "fold": fold,
        "most_samples": steps * BATCH,
        "head_ram_bytes": entry.cost.head_ram_bytes,
        "per_class": HOME_CAP if rung.keep == 0 else FEW_PER_CLASS,
    }
    name = folder_name(f"{entry.candidate.shape} {steps} fold {fold}", tables)
    label = f"{entry.candidate.label}, {steps} steps, fold {fold + 1}"
    return Job(label, folder / name, question.seed, commit, tables, does=DOES)


def epochs_of(steps: int, n_samples: int) -> int:
    """Epochs that come nearest to so many steps, at least one."""
    return max(1, round(steps * BATCH / n_samples))


def known(folder: Path) -> list[tuple[float, str]]:
    """Accuracy and label of every trial that is finished in this folder, the best first."""
    found = []
    for path in folder.glob(f"*/{DONE}"):
        done = read_done(path.parent)
        accuracies = [done["numbers"][key] for key in ("network", "head")]
        found.append((max(a for a in accuracies if a is not None), str(done["label"])))
    return sorted(found, reverse=True)


def _score(number: int, steps: int, jobs: Sequence[Job]) -> Score:
    numbers = [read_done(job.folder)["numbers"] for job in jobs]
    network, head = (
        [np.nan if each[key] is None else float(each[key]) for each in numbers]
        for key in ("network", "head")
    )
    made = Score(number, steps, float(np.mean(network)), float(np.mean(head)), ())
    return replace(made, folds=tuple(head if made.by_head else network))


def _better(before: Score | None, now: Score) -> Score:
    """What a candidate has shown so far, in the rung that it is in now."""
    if before is None or len(now.folds) < 2 or before.accuracy < now.accuracy + CLEARLY:
        return now
    everywhere = all(was > there for was, there in zip(before.folds, now.folds, strict=True))
    return replace(before, rung=now.rung) if everywhere else now
