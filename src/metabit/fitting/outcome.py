"""Results as one document, of values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metabit.fitting.choice import ranked, unbeaten
from metabit.fitting.finish import Finished
from metabit.fitting.material import Material
from metabit.fitting.propose import Proposed
from metabit.fitting.question import Question
from metabit.fitting.race import Entry, Rung, Score
from metabit.trainer.circumstances import circumstances, commit

SCHEMA = "metabit/fit/1"


def document(
    question: Question, material: Material, proposed: Proposed, stages: Sequence[Rung],
    scores: Mapping[Entry, Score], chosen: Entry, finished: Finished, seconds: float,
) -> dict[str, Any]:  # fmt: skip
    """All results of `metabit fit`; accuracies are shares, sizes bytes."""
    good = set(unbeaten(scores))
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
        "candidates": [_row(entry, scores[entry], entry in good) for entry in ranked(scores)],
        "chosen": _row(chosen, scores[chosen], chosen in good)
        | {
            "model": finished.model_file.name,
            "recipe": finished.recipe_file.name,
            "answers": "head" if finished.by_head else "network",
            "learns": proposed.learns,
            "test_accuracy": finished.test_accuracy,
            "n_test": finished.n_test,
            "ram_bytes": finished.ram_bytes,
            "predict_ram_bytes": finished.predict_ram_bytes,
            "flash_bytes": finished.flash_bytes,
        },
        "seconds": round(seconds, 1),
        "commit": commit(),
        "circumstances": circumstances(),
    }


def _sizes(stages: Sequence[Rung], scores: Mapping[Entry, Score]) -> list[int]:
    """Candidates in each stage."""
    return [sum(score.rung >= number for score in scores.values()) for number in range(len(stages))]


def _data(material: Material) -> dict[str, Any]:
    dataset = material.dataset
    groups = dataset.train.subject
    return {
        "source": dataset.source,
        "n_train": len(dataset.train),
        "n_test": len(dataset.test),
        "classes": list(dataset.class_names),
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
        "accuracy": score.accuracy,
        "network": score.network,
        "head": None if np.isnan(score.head) else score.head,
        "unbeaten": is_unbeaten,
        **entry.cost.to_dict(),
    }
