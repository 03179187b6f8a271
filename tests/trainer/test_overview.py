"""Methods on several benchmarks: a table with all of them, and a line about one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metabit.trainer.reproduction import page, results
from metabit.trainer.reproduction.overview import measured, overview
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
    assert "old" not in page.with_figures(marks)  # no results yet: an empty table
    results.write(page.saved_path("two", "small"), document("two", naive=0.75))
    text = page.with_figures(marks)
    assert "| naive | 75.0 ± 1.0 (2) |" in text
    assert text.startswith("before\n<!-- overview small: one two -->\n|  | two |")
    assert text.endswith("<!-- end overview -->\nafter\n")
    assert page.with_figures(text) == text


def test_a_line_has_the_accuracy_of_a_method_and_that_of_the_first_row() -> None:
    first, second = document("one", naive=0.25, ewc=0.5), document("two", naive=0.75, other=0.1)
    assert measured({"A": first, "B": second}, "ewc") == "- Measured: A 50.0 % (25.0)."
    assert measured({"A": first, "B": second}, "naive") == "- Measured: A 25.0 %; B 75.0 %."


def test_the_line_stands_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    monkeypatch.setattr(page, "MEASURED_ON", {"one": "some task"})
    results.write(page.saved_path("one", "small"), document("one", naive=0.25, ewc=0.5))
    marks = "<!-- measured ewc -->\nold\n<!-- end measured -->\n"
    expected = (
        "<!-- measured ewc -->\n- Measured: some task 50.0 % (25.0).\n<!-- end measured -->\n"
    )
    assert page.with_figures(marks) == expected
