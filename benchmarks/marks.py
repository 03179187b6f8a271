"""Tables in pages of docs/: each stands between the two comments of a mark."""

from __future__ import annotations

from pathlib import Path


def between(document: str, mark: str, text: str) -> str:
    """The document with this text between the two comments of a mark."""
    start, end = f"<!-- {mark} -->", f"<!-- end {mark} -->"
    head, rest = document.split(start)
    return f"{head}{start}\n{text}\n{end}{rest.split(end)[1]}"


def rewrite(page: Path, mark: str, text: str) -> None:
    """Put this text between the two comments of a mark of a page."""
    page.write_text(between(page.read_text(encoding="utf-8"), mark, text), encoding="utf-8")
