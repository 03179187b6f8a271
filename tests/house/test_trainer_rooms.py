"""Inside the trainer imports go one way too: rooms stand in layers, and there is no cycle."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ROOMS = (
    "circumstances files metrics metaplasticity",
    "data",
    "recipe",
    "streams",
    "optim networks generative",
    "runs",
    "methods",
    "loop",
    "experiments",
    "reproduction",
)
"""Folders, and files that lie beside them, from the lowest layer up. A file may import from its own
room, and from the rooms of its layer and of those before it."""

LAYER = {room: number for number, layer in enumerate(ROOMS) for room in layer.split()}


@cache
def modules() -> dict[str, Path]:
    """Every module of the trainer, by its name without "metabit.trainer."."""
    folder = ROOT / "trainer"
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__").removesuffix("__init__")] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the trainer that this one imports, anywhere in it: for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: imports inside the trainer are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if not name.startswith("metabit.trainer."):
                continue
            inner = name.removeprefix("metabit.trainer.")
            # `from a.b import c` names a module c or something inside the module a.b.
            found.add(inner if inner in modules() else inner.rpartition(".")[0])
    return frozenset(found - {module})


def test_every_room_has_a_layer() -> None:
    rooms = {module.partition(".")[0] for module in modules() if module}
    assert rooms == LAYER.keys()


@pytest.mark.parametrize("room", LAYER)
def test_nothing_is_imported_from_a_higher_layer(room: str) -> None:
    upward = {
        f"{module} -> {imported}"
        for module in modules()
        if module.partition(".")[0] == room
        for imported in imports(module)
        if LAYER[imported.partition(".")[0]] > LAYER[room]
    }
    assert upward == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: imports(module) for module in modules()}
    assert sum(map(len, graph.values())) > 200  # the search itself works
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_no_rooms_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {room: set() for room in LAYER}
    for module in modules():
        room = module.partition(".")[0]
        graph.setdefault(room, set()).update(i.partition(".")[0] for i in imports(module))
        graph[room].discard(room)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import each other: {' -> '.join(reversed(error.args[1]))}")
