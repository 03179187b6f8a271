"""Candidates: what is tried, and what is refused before any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from metabit.errors import BudgetError
from metabit.files import make_folder
from metabit.fitting import fronts, networks
from metabit.fitting.candidate import Candidate
from metabit.fitting.cost import Cost, Refused, cost_of
from metabit.fitting.features import Features, write_features
from metabit.fitting.material import Material
from metabit.fitting.question import EFFORTS, Question
from metabit.fitting.race import FULL_STEPS, Entry
from metabit.trainer.recipe.frontend import FrontEndRecipe

LONGEST_SECONDS = 60
"""Candidates whose full training takes longer, by a rule of thumb, are refused at normal effort."""
LONGER = {"quick": 1.0, "normal": 1.0, "thorough": 8.0}

Say = Callable[[str], None]


@dataclass
class Proposed:
    """What is tried, and what is not.

    Attributes:
        entries: candidates that fit.
        features: samples by their file.
        looked_at: linear accuracy of each front end by name; empty where there is one only.
        refused: candidates that are not tried, each with the reason.
        learns: whether a head learns; False where none fits with any candidate.
    """

    entries: list[Entry] = field(default_factory=list)
    features: dict[Path, Features] = field(default_factory=dict)
    looked_at: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[Candidate, Refused]] = field(default_factory=list)
    learns: bool = True

    @property
    def counts(self) -> dict[str, int]:
        """Refused candidates by the kind of the reason."""
        return dict(Counter(refused.kind for _, refused in self.refused))


def propose(question: Question, material: Material, folder: Path, say: Say) -> Proposed:
    """Candidates that fit the budgets, and files of their samples.

    Args:
        question: what was asked.
        material: the samples.
        folder: gets the files of samples.
        say: is told what is done.

    Raises:
        BudgetError: no candidate fits (E-BUDGET).
    """
    made, by_front = Proposed(), _features(question, material, say)
    if len(by_front) > 1:
        for name, (_, features) in by_front.items():
            train = features.dataset.train
            flat = train.x.reshape(len(train), -1)
            made.looked_at[name] = fronts.linear_accuracy(flat, train.y, material.folds[0])
    chosen = fronts.best_fronts(made.looked_at) if made.looked_at else list(by_front)
    make_folder(folder)
    candidates: list[tuple[Candidate, Path]] = []
    for number, name in enumerate(chosen):
        front, features = by_front[name]
        path = folder / f"{number}.npz"
        write_features(path, features)
        made.features[path] = features
        candidates += [(each, path) for each in _candidates(name, front, features)]
    say(f"{len(candidates)} candidates: planning RAM and flash of each")
    for made.learns in (True, False):
        _weigh(made, candidates, question)
        if made.entries:
            return made
    smallest = min(made.refused, key=lambda pair: _size(pair[0]))[1]
    raise BudgetError(
        f"{question.name}: none of {len(made.refused)} candidates fits; the smallest "
        f"{smallest.why}. Allow more, or give the network fewer inputs with --channels or a "
        "shorter --window",
        code="E-BUDGET",
    )


def _size(candidate: Candidate) -> int:
    return candidate.n_inputs * max((1, *candidate.network.hidden))


def _features(
    question: Question, material: Material, say: Say
) -> dict[str, tuple[FrontEndRecipe | None, Features]]:
    """The training samples after every front end."""
    dataset = material.dataset
    wanted = fronts.proposals(dataset)
    if question.frontend is not None:
        wanted = {"front end of the recipe": question.frontend}
    unused = dataset.test.take(dataset.test.y[:0].astype(int))
    found = {}
    for name, front in wanted.items():
        say(f"front end: {name}")
        seen = fronts.seen_by_network(replace(dataset, test=unused), front)
        found[name] = (front, Features(seen, material.folds))
    return found


def _candidates(name: str, front: FrontEndRecipe | None, features: Features) -> list[Candidate]:
    dataset = features.dataset
    is_picture = front is None and dataset.dtype == "uint8" and len(dataset.input_shape) >= 2
    return [
        Candidate(name, front, network, dataset.n_inputs, dataset.n_classes)
        for network in networks.proposals(dataset.input_shape, is_picture)
    ]


def _weigh(made: Proposed, candidates: list[tuple[Candidate, Path]], question: Question) -> None:
    """Sort candidates into those that fit and those that are refused."""
    made.refused.clear()
    for candidate, path in candidates:
        cost = cost_of(candidate, made.features[path], question.budgets, learns=made.learns)
        if isinstance(cost, Cost):
            cost = _in_time(cost, question)
        if isinstance(cost, Refused):
            made.refused.append((candidate, cost))
        else:
            made.entries.append(Entry(candidate, cost, path))


def _in_time(cost: Cost, question: Question) -> Cost | Refused:
    """The cost, or a refusal of what takes too long to train."""
    seconds = cost.step_seconds * FULL_STEPS * EFFORTS[question.effort]
    if seconds <= LONGEST_SECONDS * LONGER[question.effort]:
        return cost
    return Refused("training time", f"takes about {seconds:,.0f} s to train: --effort thorough")
