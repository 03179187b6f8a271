"""Files and functions are short enough to be read at once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "src", "trainer", "export", "edge_runtime", "firmware_sim", "benchmarks", "examples", "tests",
)  # fmt: skip
MOST_FILE_LINES, MOST_FUNCTION_LINES = 400, 60

#: Files that are longer, and why.
LONGER = {
    "edge_runtime/include/metabit.h": "the manual of the C library, three quarters of it comments: "
    "it is read from the top, and searched as one file"
}


def sources(*suffixes: str) -> dict[str, list[str]]:
    """Lines of every file with one of these suffixes, links not followed."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and not any(p.is_symlink() for p in (path, *path.parents)):
                name = path.relative_to(ROOT).as_posix()
                found[name] = path.read_text(encoding="utf-8").splitlines()
    return found


def python_functions(lines: list[str]) -> dict[str, int]:
    """Lines of each function, decorators not counted."""
    return {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.FunctionDef)
    }


def c_functions(lines: list[str]) -> dict[str, int]:
    """Lines of each function: from the margin to the brace that closes it, also in a macro."""
    found, head, name = {}, 0, ""
    for at, line in enumerate(lines):
        if re.match(r"[A-Za-z_].*\(", line):
            head, name = at, line.partition("(")[0].split()[-1].lstrip("*")
        elif line.startswith("}") and name:
            found[name], name = at - head + 1, ""
    return found


def test_no_file_is_long_but_those_that_say_why() -> None:
    files = sources(".py", ".c", ".h", ".S")
    assert len(files) > 700  # the search itself works
    assert {n for n, lines in files.items() if len(lines) > MOST_FILE_LINES} == LONGER.keys()


def test_no_function_is_long() -> None:
    long, n = [], 0
    for suffixes, functions in (((".py",), python_functions), ((".c", ".h"), c_functions)):
        for file, lines in sources(*suffixes).items():
            found = functions(lines)
            n += len(found)
            long += [
                f"{file}: {f} {size}" for f, size in found.items() if size > MOST_FUNCTION_LINES
            ]
    assert n > 5000  # the search itself works
    assert long == []


def test_a_function_in_c_is_measured_from_its_head_to_its_brace() -> None:
    lines = [
        "static int", "#define ONE 1", "int mb_one(", "    int a) {", "    return a;", "}", "",
        "struct {", "    int b;", "} two;",
    ]  # fmt: skip
    assert c_functions(lines) == {"mb_one": 4}
