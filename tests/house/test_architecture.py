"""ARCHITECTURE.md is true: it names every source file, and every file it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PARTS = ("trainer", "export", "edge_runtime", "firmware_sim")


def tree() -> str:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return text.split("```")[1]


def named(part: str) -> set[str]:
    """Words of the tree's block about a folder, with a.[ch] spelled out."""
    block = re.split(rf"^{part}/", tree(), flags=re.M)[1]
    block = re.split(r"^\S", block, flags=re.M)[0]
    spelled = re.sub(r"(\w+)\.\[ch\]", r"\1.c \1.h", block)
    return set(re.findall(r"[\w/]+\.(?:py|c|h)\b", spelled))


def test_every_source_file_is_in_the_tree() -> None:
    for part in PARTS:
        words = {Path(word).name for word in named(part)}
        files = {p.name for p in (ROOT / part).rglob("*") if p.suffix in (".py", ".c", ".h")}
        files -= {"__init__.py", "mailbox.h"}
        assert files <= words, f"{part}: not in the tree: {sorted(files - words)}"


def test_every_file_in_the_tree_is_there() -> None:
    for part in PARTS:
        there = {p.name for p in (ROOT / part).rglob("*")}
        words = {Path(word).name for word in named(part)}
        assert words <= there, f"{part}: not there: {sorted(words - there)}"
