"""Files are written in one way: whole or not at all, by `metabit.files`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")

#: Files that may write in another way, and why.
APART = {
    "src/metabit/files.py": "the one way",
    "src/metabit/cli/standard_streams.py": "a standard error that was closed",
    "firmware_sim/build.py": "into a scratch folder for the compiler, which nobody else sees",
    "firmware_sim/deploy/flash_image.py": "into such a folder too",
    "firmware_sim/deploy/linux_program.py": "into such a folder too",
    "trainer/data/download.py": "as it arrives, into a file that gets its name when it is checked",
    "trainer/reproduction/runner.py": "a lock, which holds nothing",
}


def writes(node: ast.AST) -> bool:
    """Whether a call opens a file to write, or is one of pathlib's short ways to write one."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    if name != "open":
        return name in ("write_text", "write_bytes", "mkstemp", "fdopen")
    words = [a for a in (*node.args, *(k.value for k in node.keywords))]
    modes = [w.value for w in words if isinstance(w, ast.Constant) and isinstance(w.value, str)]
    return any(set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in modes)


def test_only_files_that_say_why_write_in_another_way() -> None:
    found = set()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if any(part.is_symlink() for part in path.parents):
                continue
            if any(map(writes, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == set(APART)
