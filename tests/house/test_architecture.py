"""ARCHITECTURE.md is true: every path it names is there, and it stays short enough to read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TASKS = TEXT.split("## If you want to")[1].split("\n## ")[0]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[A-Z]+\.md)`|\]\(([^)#]+)\)")


def paths(text: str) -> set[str]:
    """Paths in backticks with at least one slash, and targets of links."""
    return {first or second for first, second in PATH.findall(text)}


@pytest.mark.parametrize("path", sorted(paths(TEXT)))
def test_every_path_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "src/metabit" / path).exists()


def test_every_task_leads_to_a_path_in_each_of_its_two_steps() -> None:
    rows = [row.strip("| ").split(" | ") for row in TASKS.splitlines() if row.startswith("| ")]
    rows = [row for row in rows if row[0] not in ("you want to",)]
    assert len(rows) >= 9
    for task, first, second in rows:
        assert paths(first), f"{task}: the first step names no path"
        assert paths(second), f"{task}: no second path"


def test_it_has_a_glossary_of_some_twenty_words() -> None:
    words = TEXT.split("## Words")[1].split("\n## ")[0]
    assert 18 <= len(re.findall(r"^\| (?!word|---)", words, re.MULTILINE)) <= 30


def test_it_fits_three_pages() -> None:
    assert len(TEXT.split()) <= 1900
