"""Predicted cycles stay where docs/BOARDS.md says, and published ones lie within the bars."""

from __future__ import annotations

import json

import pytest

from benchmarks.boards_validate import PAGE, RESULTS, Point, page, points

ROWS = json.loads(RESULTS.read_text(encoding="utf-8"))
RECORDED = [
    Point(**{k: v for k, v in row.items() if k not in ("error", "published")},
          published=tuple(row["published"]))
    for row in ROWS
]  # fmt: skip
#: Mean absolute error that a core may have, and kernels with which it was compared.
GOALS = {
    "cortex-a53": (0.10, 6), "cortex-a76": (0.10, 5), "cortex-a72": (0.15, 5),
    "cortex-m3": (0.10, 1), "cortex-m4f": (0.10, 1),
}  # fmt: skip


def test_every_published_figure_lies_within_its_bar() -> None:
    assert [p for p in RECORDED if not p.inside] == []


@pytest.mark.parametrize("core", GOALS)
def test_the_mean_error_of_a_core_is_small(core: str) -> None:
    errors = [abs(p.error) for p in RECORDED if p.core == core and p.error is not None]
    goal, n_kernels = GOALS[core]
    assert len(errors) >= n_kernels
    assert sum(errors) / len(errors) <= goal


def test_the_page_shows_what_was_recorded() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RECORDED)


@pytest.mark.long
def test_no_prediction_moves_by_more_than_five_points() -> None:
    """After a change of a model: `python -m benchmarks.boards_validate --record`, and say why."""
    for now, then in zip(points(), RECORDED, strict=True):
        assert (now.core, now.kernel) == (then.core, then.kernel)
        assert now.predicted / then.predicted == pytest.approx(1, abs=0.05)
