"""Every folder of source files has a map: its README.md, or the docstring of its `__init__.py`,
names every source file that lies in it, and no file that does not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = (
    "trainer",
    "export",
    "edge_runtime",
    "firmware_sim",
    "src/metabit",
    "benchmarks",
    "tests/helpers",
)
SUFFIXES = {".py", ".c", ".h", ".S"}
NAME = re.compile(r"^(?:| +|\| `)([\w.]+\.(?:py|c|h|S|\[ch\]))(?:`|  )", re.MULTILINE)


def folders() -> list[str]:
    """Every folder with source files, links not followed."""
    found = []
    for part in PARTS:
        for path in [ROOT / part, *sorted((ROOT / part).rglob("*"))]:
            linked = any(p.is_symlink() for p in (path, *path.parents))
            if path.is_dir() and not linked and sources(path):
                found.append(str(path.relative_to(ROOT)))
    return found


def sources(folder: Path) -> set[str]:
    """Names of the source files directly in a folder."""
    names = {p.name for p in folder.iterdir() if p.suffix in SUFFIXES}
    return names - {"__init__.py", "__main__.py"}


def text_of_map(folder: Path) -> str:
    """The README.md of a folder, or else the docstring of its package."""
    if (folder / "README.md").exists():
        return (folder / "README.md").read_text(encoding="utf-8")
    package = folder / "__init__.py"
    assert package.exists(), f"{folder.relative_to(ROOT)} has neither README.md nor __init__.py"
    return ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")), clean=False) or ""


def listed(folder: Path) -> list[str]:
    """Files that a map lists: each stands first in its line, or in a table's first column."""
    names = NAME.findall(text_of_map(folder))
    spelled = [[n.replace("[ch]", end) for end in "ch"] if "[ch]" in n else [n] for n in names]
    return [name for both in spelled for name in both]


def test_the_walk_sees_every_part() -> None:
    assert set(PARTS) <= set(folders())


@pytest.mark.parametrize("folder", folders())
def test_the_map_of_a_folder_lists_exactly_its_files(folder: str) -> None:
    names = listed(ROOT / folder)
    assert sorted(names) == sorted(sources(ROOT / folder))
