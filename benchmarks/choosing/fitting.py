"""What `metabit fit` finds, against the best of a full grid, and what each of them takes.

    python -m benchmarks.choosing.fitting [--only digits hapt ...] [--own FOLDER] [--effort quick]
                                 [--work FOLDER] [--jobs N]

The grid trains every candidate as long as `fit` trains what it chose, on every fold. Both choose
on held-out training samples, and both choices are trained on all of them with three seeds, because
one training says little, and tested. What they take is processor time of all trainings, which other
programs hardly disturb. What was trained before in --work is not trained again. Writes
benchmarks/results/fitting.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import page, results
from metabit.cli.progress import FitBar
from metabit.files import make_folder
from metabit.fitting import material as materials
from metabit.fitting import race
from metabit.fitting.choice import best
from metabit.fitting.finish import Finished, finish
from metabit.fitting.propose import Proposed, propose
from metabit.fitting.question import Budgets, Question
from metabit.fitting.race import Entry, Score
from metabit.fitting.windows import with_window
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.reproduction.jobs import Job, folder_name, read_done
from metabit.trainer.reproduction.pool import Pool
from metabit.trainer.reproduction.runner import Workers
from metabit.trainer.runs.progress import Silent

NAME, SEED, RAM_BYTES = "fitting", 1, 64 * 1024
"""Candidates and stages were chosen with seed 0."""
TESTED_SEEDS = (1, 2, 3)
"""Seeds that a choice is trained and tested with."""


def sets(own: Path | None) -> dict[str, DataRecipe]:
    """Data by name; sets of other people only where their folder is given."""
    found = {"digits": DataRecipe("digits"), "hapt": DataRecipe("hapt")}
    if own is not None:
        found["insects"] = DataRecipe(
            path=str(own / "insects-gradual.csv.gz"), label=34, split="time"
        )
        spoken = DataRecipe(
            path=str(own / "free-spoken-digits.zip"), pattern="{label}_{group}_{}.wav"
        )
        found["spoken digits"] = with_window(spoken)
        found["pictures"] = DataRecipe(
            path=str(own / "cifar-10-images.zip"), pattern="{split}/{label}/{}", train_samples=6000
        )
    return found


@dataclass(frozen=True)
class Ground:
    """What fit and grid share.

    Attributes:
        question, material, proposed: what is asked, with which samples and candidates.
        folder: of the trainings.
        workers: who trains.
    """

    question: Question
    material: materials.Material
    proposed: Proposed
    folder: Path
    workers: Workers

    def run(self, stages: list[race.Rung]) -> tuple[dict[Entry, Score], float]:
        """Scores, and the processor seconds of their trainings."""
        entries, features = self.proposed.entries, self.proposed.features
        scores = race.race(
            entries, stages, self.question, features, self.folder / "trials", self.workers, None
        )
        seconds = sum(
            read_done(job.folder)["numbers"]["processor_seconds"]
            for number, rung in enumerate(stages)
            for entry, score in scores.items()
            if score.rung >= number
            for job in self._jobs(entry, rung)
        )
        return scores, seconds

    def _jobs(self, entry: Entry, rung: race.Rung) -> Iterable[Job]:
        features, trials = self.proposed.features[entry.features], self.folder / "trials"
        return race.jobs_of(entry, rung, self.question, features, trials, None)

    def tested(self, scores: dict[Entry, Score], name: str) -> dict[str, Any]:
        """The choice, trained on all samples and tested, on average over seeds."""
        chosen = best(scores)
        tested = [self._tested(chosen, scores[chosen], name, seed) for seed in TESTED_SEEDS]
        return {
            "label": chosen.candidate.label,
            "accuracy": scores[chosen].accuracy,
            "test_accuracy": fmean(done.test_accuracy for done in tested),
            "weight_bytes": tested[0].weight_bytes,
            "ram_bytes": tested[0].ram_bytes,
        }

    def _tested(self, chosen: Entry, score: Score, name: str, seed: int) -> Finished:
        folder = self.folder / folder_name(
            f"{name} {chosen.candidate.shape} {seed}", {"front": chosen.candidate.front}
        )
        make_folder(folder)
        question = replace(self.question, seed=seed)
        return finish(chosen, score, self.material, question, None, folder, Silent())


def compared(name: str, data: DataRecipe, effort: str, work: Path, n_jobs: int) -> dict[str, Any]:
    """One row of the table."""
    question = Question(name.replace(" ", "-"), data, None, Budgets(RAM_BYTES), effort, SEED)
    material = materials.read(data, SEED)
    folder = work / f"{question.name}-{effort}"
    proposed = propose(question, material, folder / "features", print)
    n, n_folds = len(proposed.entries), len(material.folds)
    row: dict[str, Any] = {"name": name, "effort": effort, "seed": SEED, "n_candidates": n}
    with FitBar() as bar, Pool() as pool:
        for key, stages in (
            ("fit", race.rungs(n, n_folds, effort)),
            ("grid", [race.full_rung(n_folds, effort)]),
        ):
            workers = Workers(pool, n_jobs, bar.of(race.plan(n, stages)))
            ground = Ground(question, material, proposed, folder, workers)
            scores, seconds = ground.run(stages)
            row[key] = ground.tested(scores, key) | {"processor_seconds": round(seconds, 1)}
            print(name, key, row[key], flush=True)
    return row


def main() -> None:
    """Compare on every set, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--own", type=Path)
    parser.add_argument("--effort", default="normal", choices=["quick", "normal", "thorough"])
    parser.add_argument("--work", type=Path, default=Path("runs") / "fitting")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    found = sets(args.own)
    for name in args.only or found:
        row = compared(name, found[name], args.effort, args.work, args.jobs)
        command = f"python -m benchmarks.choosing.fitting --own FOLDER --effort {args.effort}"
        results.save(NAME, command, {name: row})
    page.write()


if __name__ == "__main__":
    main()
