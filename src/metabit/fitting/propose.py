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
from metabit.fitting.cost import Cost, Refused, blob_of, cost_of
from metabit.fitting.features import Features, read_features, write_features
from metabit.fitting.material import Material
from metabit.fitting.question import Budgets, Question
from metabit.fitting.race import Entry, full_steps
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
    wanted = fronts.proposals(material.dataset)
    if question.frontend is not None:
        wanted = {"front end of the recipe": question.frontend}
    made = Proposed()
    if len(wanted) > fronts.KEPT:
        say(f"comparing {len(wanted)} front ends")
        made.looked_at = fronts.looked_at(material, wanted, question.seed)
        wanted = {name: wanted[name] for name in fronts.best_fronts(made.looked_at)}
    make_folder(folder)
    candidates: list[tuple[Candidate, Path]] = []
    for number, (name, front) in enumerate(wanted.items()):
        say(f"front end: {name}")
        path = folder / f"{number}.npz"
        made.features[path] = _features(material, front, path)
        candidates += [(each, path) for each in _candidates(name, front, made.features[path])]
    say(f"{len(candidates)} candidates: planning RAM and flash of each")
    budgets = _with_board(made, candidates, question.budgets)
    for made.learns in (True, False):
        _weigh(made, candidates, question, budgets)
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


def _features(material: Material, front: FrontEndRecipe | None, path: Path) -> Features:
    """The training samples after a front end; they are made once, and then read from the file."""
    if not path.exists():
        dataset = material.dataset
        unused = dataset.test.take(dataset.test.y[:0].astype(int))
        seen = fronts.seen_by_network(replace(dataset, test=unused), front)
        write_features(path, Features(seen, material.folds))
    return read_features(path)


def _candidates(name: str, front: FrontEndRecipe | None, features: Features) -> list[Candidate]:
    dataset = features.dataset
    is_picture = front is None and dataset.dtype == "uint8" and len(dataset.input_shape) >= 2
    return [
        Candidate(name, front, network, dataset.n_inputs, dataset.n_classes)
        for network in networks.proposals(dataset.input_shape, is_picture)
    ]


def _with_board(
    made: Proposed, candidates: list[tuple[Candidate, Path]], budgets: Budgets
) -> Budgets:
    """Budgets that also hold for the board, which the smallest candidate is tried on."""
    if budgets.board is None:
        return budgets
    from metabit.fitting.on_board import room_on

    candidate, path = min(candidates, key=lambda pair: _size(pair[0]))
    cost = cost_of(candidate, made.features[path], Budgets())
    if isinstance(cost, Refused):
        return budgets
    return room_on(budgets.board, budgets, blob_of(candidate, made.features[path], cost))


def _weigh(
    made: Proposed, candidates: list[tuple[Candidate, Path]], question: Question, budgets: Budgets
) -> None:
    """Sort candidates into those that fit and those that are refused."""
    made.refused.clear()
    for candidate, path in candidates:
        cost = cost_of(candidate, made.features[path], budgets, learns=made.learns)
        if isinstance(cost, Cost):
            cost = _in_time(cost, question)
        if isinstance(cost, Refused):
            made.refused.append((candidate, cost))
        else:
            made.entries.append(Entry(candidate, cost, path))
    if question.budgets.latency_us is not None or question.budgets.energy_uj is not None:
        from metabit.fitting.on_board import within

        made.entries, slow = within(made.entries, made.features, question.budgets)
        made.refused += [(entry.candidate, why) for entry, why in slow]


def _in_time(cost: Cost, question: Question) -> Cost | Refused:
    """The cost, or a refusal of what takes too long to train."""
    seconds = cost.step_seconds * full_steps(question.effort)
    if seconds <= LONGEST_SECONDS * LONGER[question.effort]:
        return cost
    return Refused("training time", f"takes about {seconds:,.0f} s to train: --effort thorough")
