"""`metabit report`: a page about what another verb found out."""

from __future__ import annotations

from pathlib import Path

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadPath
from metabit.report.found import page_of
from metabit.report.render import write
from metabit.report.words import made_now


@verb("report")
@click.argument("source", metavar="SOURCE", type=ReadPath())
@click.option(
    "-o", "--out", "target", metavar="FILE.html", type=click.Path(path_type=Path, dir_okay=False),
    help="The page to write. Default: report.html in SOURCE, or SOURCE with the suffix .html.",
)  # fmt: skip
def command(out: Output, source: Path, target: Path | None) -> Answer:
    """Write one HTML page about SOURCE, with its figures, drawings and what they mean.

    SOURCE is a folder of `metabit train` or `metabit fit`, a folder of states, or a file with the
    --json answer of train, fit, learn or profile. The page needs no other file and no network, and
    fits a phone.
    """
    page = page_of(source, made_now())
    where = target or (source / "report.html" if source.is_dir() else source.with_suffix(".html"))
    out.line(page.headline, "bold")
    out.line(f"report: {write(page, where)}")
    return {"source": source, "page": where, "headline": page.headline}
