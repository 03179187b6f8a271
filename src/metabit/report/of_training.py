"""The page of a run of `metabit train`."""

from __future__ import annotations

from typing import Any

from metabit.report.page import ColourGrid, Drawn, Lines, Page, PagePart, Series, Stat
from metabit.report.words import percent, seed_of

MOST_TASKS = 12
"""A matrix of more tasks is too wide to read, and curves are drawn in its place."""


def page(metrics: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of a finished run.

    Args:
        metrics: contents of its metrics.json.
        facts: what is known besides; facts of the run are added.
    """
    names, matrix = metrics["tasks"], metrics["accuracy_matrix"]
    recipe, several = metrics["recipe"], len(names) > 1
    stats = [Stat(percent(metrics["acc"]), "mean accuracy on test samples, at the end")]
    if several:
        stats += [
            Stat(percent(matrix[-1][0]), f"on {names[0]}, learnt first"),
            Stat(percent(matrix[-1][-1]), f"on {names[-1]}, learnt last"),
            Stat(
                f"{-100 * metrics['forgetting']:+.1f}",
                "points on old tasks since they were learnt",
            ),
        ]
    headline = f"{metrics['name']}: {percent(metrics['acc'])} right"
    headline += f" on average over {len(names)} tasks" if several else ""
    source = str(recipe["data"].get("name") or recipe["data"].get("path"))
    return Page(
        "metabit train", headline, stats, _conclusion(metrics), _sections(metrics),
        {
            "data": ": ".join(filter(None, (source, metrics["citation"]))),
            "network": f"{metrics['n_weights']:,} {recipe['network']['kind']} weights",
            "seed": seed_of(recipe),
            "trained": f"{metrics['n_steps']:,} steps in {metrics['seconds']:.1f} s, with "
            f"metabit {metrics['versions']['metabit']}, PyTorch {metrics['versions']['torch']}",
            **facts,
        },
    )  # fmt: skip


def _conclusion(metrics: dict[str, Any]) -> list[str]:
    names, matrix = metrics["tasks"], metrics["accuracy_matrix"]
    if len(names) == 1:
        return ["The network was trained on one task, and tested on samples it had not seen."]
    fresh = matrix[0][0]
    kept = matrix[-1][0]
    return [
        f"The first task was {percent(fresh)} right when it had just been learnt, and is "
        f"{percent(kept)} right after the other {len(names) - 1}. The newest is "
        f"{percent(matrix[-1][-1])} right. What metaplasticity keeps of the old it takes from the "
        "new: a smaller m learns more and keeps less. Weights still take "
        f"{percent(metrics['plasticity_left'])} of a step that would shrink them, on average."
    ]


def _sections(metrics: dict[str, Any]) -> list[PagePart]:
    names, matrix = metrics["tasks"], metrics["accuracy_matrix"]
    if len(names) == 1:
        return []
    block: Drawn = _curves(matrix) if len(names) > MOST_TASKS else _matrix(names, matrix)
    return [PagePart("Accuracy on each task, as one followed the other", [block])]


def _matrix(names: list[str], matrix: list[list[float | None]]) -> ColourGrid:
    return ColourGrid(
        [f"after {name}" for name in names],
        [str(number + 1) for number in range(len(names))],
        matrix,
        [["" if share is None else f"{100 * share:.0f}" for share in row] for row in matrix],
        "% right on task",
    )


def _curves(matrix: list[list[float]]) -> Lines:
    learnt = list(range(1, len(matrix) + 1))
    so_far = [100 * sum(row[: i + 1]) / (i + 1) for i, row in enumerate(matrix)]
    newest = [100 * row[i] for i, row in enumerate(matrix)]
    series = [
        Series("mean of all tasks so far", learnt, so_far),
        Series("the newest task", learnt, newest, 5),
    ]
    return Lines(series, "tasks learnt", "right, %")
