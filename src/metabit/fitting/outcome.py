"""Results as one document, of values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metabit.fitting.choice import ranked, unbeaten
from metabit.fitting.finish import Finished
from metabit.fitting.material import Material
from metabit.fitting.propose import Proposed
from metabit.fitting.question import Question
from metabit.fitting.race import Entry, Rung, Score
from metabit.trainer.circumstances import circumstances, commit

if TYPE_CHECKING:
    from metabit.fitting.on_board import Spent

SCHEMA = "metabit/fit/1"


def document(
    question: Question, material: Material, proposed: Proposed, stages: Sequence[Rung],
    scores: Mapping[Entry, Score], spent: Mapping[Entry, Spent | None], chosen: Entry,
    finished: Finished,
) -> dict[str, Any]:  # fmt: skip
    """All results of `metabit fit`; accuracies are shares, sizes bytes.

    Args:
        question, material, proposed, stages, scores: what was asked, tried and found.
        spent: what candidates of the last stage take on the board, where there is one.
        chosen, finished: the best of them.
    """
    good = set(unbeaten(scores))

    def row(entry: Entry) -> dict[str, Any]:
        return _row(entry, scores[entry], entry in good) | _spent(spent.get(entry))

    return {
        "schema": SCHEMA,
        "question": question.to_dict(),
        "data": _data(material),
        "front_ends": proposed.looked_at,
        "refused": {
            "counts": proposed.counts,
            "candidates": [
                {"label": candidate.label, "kind": why.kind, "why": why.why}
                for candidate, why in proposed.refused
            ],
        },
        "stages": [
            {"steps": rung.steps, "folds": list(rung.folds), "candidates": n}
            for rung, n in zip(stages, _sizes(stages, scores), strict=True)
        ],
        "candidates": [row(entry) for entry in ranked(scores)],
        "chosen": row(chosen)
        | {
            "model": finished.model_file.name,
            "recipe": finished.recipe_file.name,
            "answers": "head" if finished.by_head else "network",
            "learns": _learns(proposed, finished),
            "test_accuracy": finished.test_accuracy,
            "n_test": finished.n_test,
            "ram_bytes": finished.ram_bytes,
            "predict_ram_bytes": finished.predict_ram_bytes,
            "flash_bytes": finished.flash_bytes,
        },
        "commit": commit(),
        "circumstances": circumstances(),
    }


def _learns(proposed: Proposed, finished: Finished) -> str | None:
    """What learns in the file where nobody says otherwise."""
    if not proposed.learns:
        return None
    learn = finished.recipe.learn
    return "counting head" if learn is None else f"head with goal {learn.goal}"


def _spent(spent: Spent | None) -> dict[str, float | None]:
    if spent is None:
        return {"predict_us": None, "predict_uj": None}
    return {"predict_us": spent.predict_us, "predict_uj": spent.predict_uj}


def _sizes(stages: Sequence[Rung], scores: Mapping[Entry, Score]) -> list[int]:
    """Candidates in each stage."""
    return [sum(score.rung >= number for score in scores.values()) for number in range(len(stages))]


def _data(material: Material) -> dict[str, Any]:
    dataset = material.dataset
    groups = dataset.train.subject
    common = int(np.bincount(dataset.train.y).argmax())
    return {
        "source": dataset.source,
        "n_train": len(dataset.train),
        "n_test": len(dataset.test),
        "classes": list(dataset.class_names),
        "commonest_class": {
            "name": dataset.class_names[common],
            "test_accuracy": float((dataset.test.y == common).mean()),
        },
        "input_shape": list(dataset.input_shape),
        "n_groups": None if groups is None else len(np.unique(groups)),
        "held_out": material.held_out,
        "n_folds": len(material.folds),
    }


def _row(entry: Entry, score: Score, is_unbeaten: bool) -> dict[str, Any]:
    candidate = entry.candidate
    return {
        "label": candidate.label,
        "front_end": candidate.front,
        "shape": candidate.shape,
        "hidden": list(candidate.network.hidden),
        "convolutions": [list(block) for block in candidate.network.convolutions],
        "stage": score.rung,
        "steps": score.steps,
        "accuracy": score.accuracy,
        "network": score.network,
        "head": None if np.isnan(score.head) else score.head,
        "unbeaten": is_unbeaten,
        **entry.cost.to_dict(),
    }
