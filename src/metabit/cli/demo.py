"""`metabit demo`: the whole story in about a minute."""

from __future__ import annotations

from pathlib import Path

import click

from metabit.cli.common import Answer, Output, verb
from metabit.extras import need


@verb("demo")
@click.option(
    "-o", "--out", "folder", default=Path("report"), show_default=True, metavar="DIR",
    type=click.Path(path_type=Path), help="Folder for plots and numbers.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True,
    help="Seed for everything that is random.",
)  # fmt: skip
def command(out: Output, seed: int, folder: Path) -> Answer:
    """Train, pack, run, learn on the device engine and profile, on bundled real data.

    The data are recordings of human activity. Some persons train the network; others follow as a
    stream, with metaplasticity and without, side by side.
    """
    need("demo")
    from metabit.cli.demo_story import run

    return run(out, folder=folder, seed=seed)
