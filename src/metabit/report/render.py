"""A page as HTML. Every text of it may come from a file of somebody else, and is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from metabit.files import write_whole
from metabit.report import drawing
from metabit.report.page import Bars, ColourGrid, DataTable, Dots, Drawn, Lines, Page, PagePart
from metabit.report.style import STYLE

_BEFORE_A_UNIT = re.compile(r"(?<=\d) (?=%|(?:[KMG]iB|B|s|ms|µs|µJ|mJ)\b)")
_DARK = 0.55
"""A cell from this share on has light text."""


def write(page: Page, path: Path) -> Path:
    """Write a page as one file; returns its path.

    Raises:
        StorageError: the file cannot be written.
    """
    write_whole(path, render(page).encode(errors="replace"))
    return path


def render(page: Page) -> str:
    """The page as HTML."""
    stats = "".join(
        f"<div><b>{_text(stat.value)}</b><span>{_text(stat.label)}</span></div>"
        for stat in page.stats
    )
    told = "".join(f'<p class="told">{_text(text)}</p>' for text in page.conclusion)
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in page.facts.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(page.headline)}</title><style>{STYLE}</style></head>\n<body><main>"
        f'<p class="verb">{escape(page.verb)}</p><h1>{_text(page.headline)}</h1>'
        f'<div class="stats">{stats}</div>{told}\n{"".join(map(_section, page.sections))}'
        f"<footer><dl>{facts}</dl></footer></main></body></html>\n"
    )


def _text(text: str) -> str:
    """A text of sentences: a line never ends between a number and its unit."""
    return _BEFORE_A_UNIT.sub("\u00a0", escape(text))


def _section(section: PagePart) -> str:
    blocks = "".join(_DRAWN[type(block)](block) for block in section.blocks)
    note = f'<p class="note">{_text(section.note)}</p>' if section.note else ""
    return f"<section><h2>{escape(section.title)}</h2>{blocks}{note}</section>\n"


def _lines(block: Lines) -> str:
    names = "".join(
        f'<li><svg viewBox="0 0 32 14"><line x1="1" x2="31" y1="7" y2="7" '
        f'class="curve s{each.colour}{" dashed" if each.dashed else ""}"/></svg>'
        f"{escape(each.name)}</li>"
        for each in block.series
    )
    names += "".join(
        f'<li><svg viewBox="0 0 32 14"><circle cx="16" cy="7" r="5" class="mark '
        f'{"good" if good else "bad"}"/></svg>{escape(name)}</li>'
        for good, name in sorted({(mark.good, mark.kind) for mark in block.marks}, reverse=True)
    )
    return drawing.lines(block) + f'<ul class="legend">{names}</ul>'


def _bars(block: Bars) -> str:
    most = block.most or max([bar.value for bar in block.bars], default=1) or 1
    rows = "".join(
        f'<dt>{escape(bar.name)}</dt><dd><div class="room"><i class="b{bar.colour}" '
        f'style="width:{min(100.0, 100 * bar.value / most):.2f}%"></i></div>'
        f"<span>{escape(bar.text)}</span></dd>"
        for bar in block.bars
    )
    longest = max((len(bar.text) for bar in block.bars), default=0)
    return f'<dl class="bars" style="--text:{longest}ch">{rows}</dl>'


def _cells(block: ColourGrid) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.columns)
    rows = []
    for name, shares, texts in zip(block.rows, block.shares, block.texts, strict=True):
        cells = "".join(_cell(s, t) for s, t in zip(shares, texts, strict=True))
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table class="cells"><tr><th>{escape(block.corner)}</th>{head}</tr>'
        f"{''.join(rows)}</table></div>"
    )


def _cell(share: float | None, text: str) -> str:
    if share is None:
        return '<td class="none"></td>'
    dark = ' class="dark"' if share >= _DARK else ""
    return f'<td{dark} style="--v:{share:.3f}">{escape(text)}</td>'


def _rows(block: DataTable) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in block.columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in block.rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


_DRAWN: dict[type[Drawn], Callable[[Any], str]] = {
    Lines: _lines,
    Dots: drawing.dots,
    Bars: _bars,
    ColourGrid: _cells,
    DataTable: _rows,
}
