"""docs/ERRORS.md is the list of every error code there is."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import metabit
from metabit.errors import MetabitError, nearest

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")
CODE = re.compile(r"E-[A-Z0-9]+(?:-[A-Z0-9]+)*")
ROW = re.compile(r"^\| (`E-[^|]*) \| (\d+) \| (.+) \|$", re.MULTILINE)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file of the packages, links not followed."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part.is_symlink() for part in path.parents):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def codes_in_sources() -> dict[str, set[str]]:
    """Every error code, with the exception classes that are raised with it."""
    found: dict[str, set[str]] = {}
    for _, tree in sources():
        makers = {
            node.name: node.returns.id
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name)
        }
        for node in ast.walk(tree):
            kind = raised_kind(node, makers)
            for child in ast.iter_child_nodes(node):
                value = child.value if isinstance(child, ast.keyword) else child
                for code in codes_of(value):
                    found.setdefault(code, set()).update({kind} - {""})
    return found


def codes_of(node: ast.AST) -> list[str]:
    """A code that stands here, or the two of `a if ... else b`."""
    if isinstance(node, ast.IfExp):
        return codes_of(node.body) + codes_of(node.orelse)
    if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)):
        return [str(node.value)]
    return []


def raised_kind(node: ast.AST, makers: dict[str, str]) -> str:
    """The exception class of `SomeError(...)`, of `(SomeError, ...)` or of a call that returns one;
    "" for anything else, such as a comparison."""
    name = ""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
    elif isinstance(node, ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Name):
        name = node.elts[0].id
    name = makers.get(name, name)
    return name if name.endswith("Error") else ""


def documented() -> dict[str, set[int]]:
    """Codes of the tables, with the exit codes of their rows."""
    found: dict[str, set[int]] = {}
    for codes, exit_code, _ in ROW.findall((ROOT / "docs" / "ERRORS.md").read_text()):
        for code in CODE.findall(codes):
            found.setdefault(code, set()).add(int(exit_code))
    return found


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    found, document = codes_in_sources(), documented()
    assert len(found) > 50  # the search itself works
    assert sorted(found.keys() ^ document.keys()) == []


def test_every_code_has_one_exit_code_and_it_is_the_documented_one() -> None:
    """Whoever raises it: `raise SomeError(..., code="E-...")` decides how a command ends."""
    exits = {name: getattr(metabit, name).exit_code for name in metabit.__all__ if "Error" in name}
    document = documented()
    raised = {code: {exits[kind] for kind in kinds} for code, kinds in codes_in_sources().items()}
    assert {code: found for code, found in raised.items() if len(found) != 1} == {}
    assert {code: found for code, found in raised.items() if found != document[code]} == {}


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
