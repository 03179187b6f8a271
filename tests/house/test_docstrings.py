"""What a public function may raise stands in its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")
SAYS = re.compile(r"raise|refuse|errors?:|Error", re.IGNORECASE)
#: What is raised only where a caller inside of metabit is wrong.
OF_CALLERS = {"NotImplementedError", "AssertionError", "TypeError", "RuntimeError", "Diverged"}


def public_functions() -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Public functions and methods, with a name for people and the docstring of the class."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if any(part.is_symlink() for part in path.parents):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            classes = [x for x in tree.body if isinstance(x, ast.ClassDef) and is_public(x.name)]
            owners: list[ast.Module | ast.ClassDef] = [tree, *classes]
            for owner in owners:
                of_class = "" if isinstance(owner, ast.Module) else ast.get_docstring(owner) or ""
                for x in owner.body:
                    if isinstance(x, ast.FunctionDef) and is_public(x.name):
                        where = f"{path.relative_to(ROOT).as_posix()}: {x.name}"
                        yield where, x, of_class


def is_public(name: str) -> bool:
    return not name.startswith("_")


def raised(function: ast.FunctionDef) -> set[str]:
    """What a function itself raises, callers' mistakes left out."""
    found = {
        ast.unparse(node.exc).partition("(")[0]
        for node in ast.walk(function)
        if isinstance(node, ast.Raise) and node.exc is not None
    }
    return found - OF_CALLERS


def test_every_public_function_has_a_docstring() -> None:
    functions = list(public_functions())
    assert len(functions) > 1200  # the search itself works
    assert [where for where, function, _ in functions if not ast.get_docstring(function)] == []


def test_what_a_function_raises_stands_in_its_docstring() -> None:
    silent = [
        where
        for where, function, of_class in public_functions()
        # The docstring of a verb is its help, which says what is refused where it matters.
        if raised(function) and function.name != "command"
        if not SAYS.search(ast.get_docstring(function) or "")
        if not SAYS.search(of_class.partition("Every method")[2])
    ]
    assert silent == []
