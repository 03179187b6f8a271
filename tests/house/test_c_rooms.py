"""Files of the C core depend on each other one way: down from room to room, and never in a ring.

A file depends on another by including it, and by using a function that the other defines. Both are
read from the text, so a call that no include shows is seen as well.
"""

from __future__ import annotations

import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter

from metabit.edge_runtime import sources

SRC = sources() / "src"

#: Rooms of src/, lowest first: a file uses its own room and those before it in this list. A room is
#: a folder, or files that lie directly in src/.
ROOMS = (
    ("strict", "bytes", "arith", "random", "levels"),
    ("kernels/kernels", "kernels/hidden_norm", "kernels/list", "kernels/scalar"),
    ("kernels/lanes",),
    ("kernels/sets",),
    ("kernels/choose",),
    ("file",),
    ("internal", "layer", "split", "metaplasticity"),
    ("rule",),
    ("model",),
    ("frontend",),
    ("forward",),
    ("heads",),
    ("learn",),
    ("self_test", "about"),
    ("link",),
)
#: Files directly in src/: what all rooms share, and what stands above them.
MOST_FILES = 14

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_INCLUDE = re.compile(r'#include "([^"]+)"')
#: A definition begins at the margin and goes on to an opening brace, a declaration to a semicolon.
_FUNCTION = re.compile(r"^\w[^;{}()=#]*?\b(mb_\w+)\(([^;{}]*)\)\s*([;{])", re.M)

Graph = dict[str, set[str]]


def files() -> dict[str, str]:
    """Paths in src/ and contents without comments."""
    return {
        path.relative_to(SRC).as_posix(): _COMMENT.sub("", path.read_text())
        for path in sorted(SRC.rglob("*.[ch]"))
    }


def module(path: str) -> str:
    """A file and its header are one module: `forward/conv` for `forward/conv.c` and `.h`."""
    return path.rpartition(".")[0]


def definitions(texts: dict[str, str]) -> dict[str, str]:
    """Functions of the core by name, with the module that defines each."""
    return {
        name: module(path)
        for path, text in texts.items()
        for name, _, end in _FUNCTION.findall(text)
        if end == "{"
    }


def graph(texts: dict[str, str]) -> Graph:
    """Modules, and those that each includes or takes functions from."""
    defined = definitions(texts)
    edges: Graph = {module(path): set() for path in texts}
    for path, text in texts.items():
        for include in _INCLUDE.findall(text):
            target = (SRC / path).parent / include
            if target.exists():
                edges[module(path)].add(module(target.resolve().relative_to(SRC).as_posix()))
        used = set(re.findall(r"\bmb_\w+", text)) & defined.keys()
        edges[module(path)] |= {defined[name] for name in used}
    return {name: targets - {name} for name, targets in edges.items()}


def rank(name: str) -> int:
    """Number of a module's room, lowest first."""
    found = [
        number
        for number, rooms in enumerate(ROOMS)
        if any(name == room or name.startswith(f"{room}/") for room in rooms)
    ]
    assert found, f"{name} is in no room of tests/house/test_c_rooms.py"
    return found[0]


def test_no_file_depends_on_a_higher_room() -> None:
    upward = sorted(
        f"{name} -> {target}"
        for name, targets in graph(files()).items()
        for target in targets
        if rank(target) > rank(name)
    )
    assert upward == []


def test_no_files_depend_on_each_other_in_a_ring() -> None:
    try:
        TopologicalSorter(graph(files())).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_a_header_declares_functions_of_the_file_of_its_name_alone() -> None:
    texts = files()
    defined = definitions(texts)
    strangers = sorted(
        f"{path}: {name} is defined in {defined[name]}"
        for path, text in texts.items()
        for name, _, end in _FUNCTION.findall(text)
        if end == ";" and name in defined and defined[name] != module(path)
    )
    assert strangers == []


def test_no_two_files_share_a_name() -> None:
    """Some build systems put all objects into one folder."""
    names = Counter(path.rpartition("/")[2] for path in files())
    assert [name for name, count in names.items() if count > 1] == []


def test_few_files_lie_outside_of_a_folder() -> None:
    assert len([path for path in files() if "/" not in path]) <= MOST_FILES


def test_calls_are_seen_without_an_include() -> None:
    texts = {
        "low/one.c": "void mb_one(int a)\n{\n    mb_two();\n}\n",
        "high/two.c": "int mb_two(void) {\n    return 0;\n}\n",
        "high/two.h": "int mb_two(void);\n",
    }
    assert graph(texts) == {"low/one": {"high/two"}, "high/two": set()}
