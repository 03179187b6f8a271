"""Predicted cycles stay where docs/BOARDS.md says, and published ones lie within the bars."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.boards import code as boards_code
from benchmarks.boards.validate import PAGE, RESULTS, Point, page, points

ROWS = json.loads(RESULTS.read_text(encoding="utf-8"))
RECORDED = [
    Point(**{k: v for k, v in row.items() if k not in ("error", "published")},
          published=tuple(row["published"]))
    for row in ROWS
]  # fmt: skip
#: Mean absolute error that a core may have, and kernels with which it was compared.
GOALS = {
    "cortex-a53": (0.10, 7), "cortex-a76": (0.10, 5), "cortex-a72": (0.15, 6),
    "cortex-m3": (0.10, 1), "cortex-m4f": (0.10, 1), "esp32-c3": (0.10, 4),
}  # fmt: skip


def test_every_published_figure_lies_within_its_bar() -> None:
    assert [p for p in RECORDED if not p.inside] == []


@pytest.mark.parametrize("core", GOALS)
def test_the_mean_error_of_a_core_is_small(core: str) -> None:
    errors = [abs(p.error) for p in RECORDED if p.core == core and p.error is not None]
    goal, n_kernels = GOALS[core]
    assert len(errors) >= n_kernels
    assert sum(errors) / len(errors) <= goal


@pytest.mark.parametrize(
    ("core", "goal"),
    [
        ("cortex-m0plus", 0.10),
        ("cortex-m3", 0.10),
        ("cortex-m33", 0.10),
        ("cortex-m4f", 0.10),
        ("cortex-m7", 0.15),
    ],
)
def test_published_code_takes_what_its_authors_measured(core: str, goal: float) -> None:
    errors = [abs(one.error) for one in boards_code.recorded() if one.core == core]
    assert errors
    assert max(errors) <= goal


def test_code_that_lies_in_a_folder_is_called_and_costed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four additions, a loop of a subtraction and a jump that takes three cycles, and a return."""
    (tmp_path / "own.S").write_text(
        ".syntax unified\n.thumb\n.global own\n.type own, %function\nown:\n"
        + "adds r0, #1\n" * 4
        + "ldr r2, =table\n1: subs r3, #1\nbne 1b\nbx lr\n"
    )
    (tmp_path / "published.toml").write_text(
        '[[code]]\ncore = "cortex-m4f"\nfile = "own.S"\nfunction = "own"\ntables = ["table"]\n'
        'rounds = [2, 5]\ncycles = [18, 30]\nsource = "this test"\n'
    )
    monkeypatch.setattr(boards_code, "PUBLISHED", tmp_path / "published.toml")
    few, more = boards_code.run(tmp_path)
    assert (few.instructions, more.instructions) == (4 + 1 + 2 * 2 + 1, 4 + 1 + 2 * 5 + 1)
    assert more.predicted - few.predicted == 3 * 4  # a subtraction, and a jump of three cycles
    assert boards_code.table_of([few])[-1].startswith("| cortex-m4f | own | 2 | 10 | 18 |")


def test_the_page_shows_what_was_recorded() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RECORDED)


@pytest.mark.long
def test_no_prediction_moves_by_more_than_five_points() -> None:
    """After a change of a model: `python -m benchmarks.boards.validate --record`, and say why."""
    for now, then in zip(points(), RECORDED, strict=True):
        assert (now.core, now.kernel) == (then.core, then.kernel)
        assert now.predicted / then.predicted == pytest.approx(1, abs=0.05)
