"""One name, one meaning: no two modules give the same name to a class or to a type."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")

#: Names that may stand twice, and why.
TWICE = {
    "Graph": "an ONNX and a TFLite graph are built in the same way, each in its own folder",
    "Array": "any array of NumPy, for short",
    "Floats": "an array of floats, for short",
    "Padding": "of a convolution in the trainer, and in a file: neither imports the other",
}


def named_types() -> dict[str, set[str]]:
    """Classes and type aliases at the top of modules, with the modules that define them."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if any(part.is_symlink() for part in path.parents):
                continue
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                for name in names(node):
                    found[name].add(path.relative_to(ROOT).as_posix())
    return found


def names(node: ast.stmt) -> list[str]:
    """The public name in CamelCase that a statement defines; constants are of any name."""
    if isinstance(node, ast.ClassDef):
        given = [node.name]
    elif isinstance(node, ast.Assign):
        given = [target.id for target in node.targets if isinstance(target, ast.Name)]
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        given = [node.target.id]
    else:
        given = []
    return [name for name in given if name[0].isupper() and not name.isupper()]


def test_every_type_has_a_name_of_its_own() -> None:
    found = named_types()
    assert len(found) > 200  # the search itself works
    twice = {name: sorted(paths) for name, paths in found.items() if len(paths) > 1}
    assert {name: paths for name, paths in twice.items() if name not in TWICE} == {}
    assert TWICE.keys() <= twice.keys()
