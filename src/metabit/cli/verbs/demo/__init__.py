"""`metabit demo`: the whole story in about a minute.

story.py     what happens, step by step
findings.py  what was found out
"""

from __future__ import annotations

from pathlib import Path

import click

from metabit.cli.common import Answer, Output, verb
from metabit.extras import need


@verb("demo")
@click.option(
    "-o", "--out", "folder", default=Path("report"), show_default=True, metavar="DIR",
    type=click.Path(path_type=Path), help="Folder for the report: a page and all numbers.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
    help="Seed for everything that is random.",
)  # fmt: skip
def command(out: Output, seed: int, folder: Path) -> Answer:
    """Train, pack, run, teach and profile a network, on real data that come with metabit.

    The data are recordings of human activity. Some people train the network; then others teach it
    on the device engine, one after another, also movements that it has never seen. People who
    never teach it say how well that went.
    """
    need("demo")
    from metabit.cli.verbs.demo.story import run

    return run(out, folder=folder, seed=seed)
