"""Links of the pages lead to files that are there, and to headings that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "docs", "trainer", "export", "edge_runtime", "firmware_sim", "src", "benchmarks", "examples",
    "recipes", "tests",
)  # fmt: skip
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("*.md")))
    if not any(part.is_symlink() for part in page.parents)
    and page != ROOT / "benchmarks/boards/page.md"  # docs/BOARDS.md without tables, and its links
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Names of a page's headings, as they are linked to: small, without signs, with hyphens."""
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h) for h in HEADING.findall(text_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


def broken(page: Path) -> list[str]:
    """Links of a page within the repository that lead nowhere."""
    found = []
    for link in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_to_no_file_and_to_no_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One, two: `x`\n[a](#one-two-x) [b](#two) [c](c.md) [d](https://x.y/z.md)\n")
    assert broken(page) == ["#two", "c.md"]
