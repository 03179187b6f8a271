"""docs/ERRORS.md is the list of every error code there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import metabit
from metabit.errors import MetabitError, nearest

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")
ROW = re.compile(r"^\| (`E-[^|]*) \| ([0-9, ]+) \| (.+) \|$", re.MULTILINE)


def codes_in_sources() -> set[str]:
    """Every string "E-..." in the sources, links not followed."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if not any(part.is_symlink() for part in path.parents):
                found |= set(re.findall(r'"(E-[A-Z0-9-]+)"', path.read_text()))
    return found


def documented() -> dict[str, set[int]]:
    """Codes of the tables, with the exit codes of their row."""
    rows = ROW.findall((ROOT / "docs" / "ERRORS.md").read_text())
    return {
        code: {int(number) for number in exits.split(",")}
        for codes, exits, _ in rows
        for code in re.findall(r"`(E-[A-Z0-9-]+)`", codes)
    }


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    sources, document = codes_in_sources(), documented()
    assert len(sources) > 50  # the search itself works
    assert sorted(sources - document.keys()) == []
    assert sorted(document.keys() - sources) == []


def test_the_documented_exit_codes_are_those_of_the_exceptions() -> None:
    """`raise SomeError(..., code="E-...")`: its exit code is in the row of the code."""
    exits = {name: getattr(metabit, name).exit_code for name in metabit.__all__ if "Error" in name}
    raised = re.compile(r'\b(\w+Error)\((?:(?!\b\w+Error\().)*?code="(E-[A-Z0-9-]+)"', re.DOTALL)
    document, wrong, n_found = documented(), [], 0
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for kind, code in raised.findall(path.read_text()):
                n_found += 1
                if kind in exits and exits[kind] not in document.get(code, {exits[kind]}):
                    wrong.append(f"{path.name}: {kind} {code} exits with {exits[kind]}")
    assert n_found > 50  # the search itself works
    assert wrong == []


def test_every_error_has_an_exit_code_and_a_code() -> None:
    error = metabit.BudgetError("too much", code="E-BUDGET")
    assert (error.exit_code, error.code, str(error)) == (3, "E-BUDGET", "too much")
    with pytest.raises(TypeError):
        MetabitError("no code")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("word", "hint"),
    [("epoch", 'did you mean "epochs"?'), ("zzz", "known: batch, epochs, seed")],
)
def test_nearest_names_a_close_choice_or_all(word: str, hint: str) -> None:
    assert nearest(word, ["epochs", "batch", "seed"]) == hint
