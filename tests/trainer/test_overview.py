"""All methods side by side: the rows of the first benchmark, a column each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metabit.trainer.reproduction import page, results
from metabit.trainer.reproduction.overview import overview
from metabit.trainer.reproduction.results import Document


def document(name: str, **accuracies: float) -> Document:
    def row(label: str, acc: float) -> dict[str, Any]:
        metrics = {"acc": {"mean": acc, "std": 0.01}, "state_bytes": {"mean": 2048.0, "std": 0.0}}
        return {"label": label, "metrics": metrics}

    rows = [row(label, acc) for label, acc in accuracies.items()]
    return {"schema": results.SCHEMA, "benchmark": name, "rows": rows}


def test_a_row_has_every_accuracy_with_its_state() -> None:
    first, second = document("one", ewc=0.5, naive=0.25), document("two", naive=0.75, other=0.1)
    assert overview([first, second]).splitlines() == [
        "|  | one | two |",
        "| --- | --- | --- |",
        "| ewc | 50.0 ± 1.0 (2) | - |",
        "| naive | 25.0 ± 1.0 (2) | 75.0 ± 1.0 (2) |",
    ]


def test_the_page_has_it_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    marks = "before\n<!-- overview small: one two -->\nold\n<!-- end overview -->\nafter\n"
    assert "old" not in page.with_tables(marks)  # no results yet: an empty table
    results.write(page.saved_path("two", "small"), document("two", naive=0.75))
    text = page.with_tables(marks)
    assert "| naive | 75.0 ± 1.0 (2) |" in text
    assert text.startswith("before\n<!-- overview small: one two -->\n|  | two |")
    assert text.endswith("<!-- end overview -->\nafter\n")
    assert page.with_tables(text) == text
