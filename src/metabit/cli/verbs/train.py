"""`metabit train`: from a recipe to a run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadPath
from metabit.cli.progress import TrainingBar
from metabit.cli.tables import percent, table_below
from metabit.extras import need

if TYPE_CHECKING:
    from metabit.trainer.runs.run_folder import Run

# Up to so many tasks the accuracy matrix fits a terminal.
MOST_COLUMNS = 12


@verb("train")
@click.argument("recipe", metavar="RECIPE", type=ReadPath())
@click.option(
    "-o", "--out", "folder", required=True, metavar="RUN", type=click.Path(path_type=Path),
    help="Folder for the results. It must be new or empty, unless --resume is given.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue the run in RUN from its last checkpoint.")
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Override the recipe's [train] seed."
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda", "auto"]),
    help="Override the recipe's [train] device; auto: a graphics processor where there is one.",
)  # fmt: skip
def command(
    out: Output, recipe: Path, resume: bool, seed: int | None, device: str | None, folder: Path
) -> Answer:
    """Train a network as the file RECIPE (.toml) says, and write the results to the folder RUN.

    RUN gets the trained network, checkpoints, metrics.json with the accuracy on each task after
    each task, and two plots.
    """
    need("train")

    from metabit.trainer.data.own.memory import said_before
    from metabit.trainer.prepare import prepare
    from metabit.trainer.recipe import load_recipe

    wanted = load_recipe(recipe)
    given = {"seed": seed, "device": device}
    changes: Any = {key: value for key, value in given.items() if value is not None}
    wanted = replace(wanted, train=replace(wanted.train, **changes))
    if note := said_before(wanted.data.path):
        out.line(note, "dim")
    prepared = prepare(wanted, folder, resume)
    out.line(f"training {wanted.name} into {folder}")
    # Only now: it takes seconds to import PyTorch, and a wrong recipe has been refused by now.
    from metabit.trainer.loop import train_prepared

    with TrainingBar() as bar:
        run = train_prepared(prepared, progress=bar)
    _print(out, run)
    return {"run": folder, **run.metrics}


def _print(out: Output, run: Run) -> None:
    matrix, names = run.accuracy_matrix, run.metrics["tasks"]
    shown = range(max(0, len(names) - MOST_COLUMNS), len(names))
    rows = table_below("accuracy on each task (columns) after each task (rows), in %", "after")
    for j in shown:
        rows.add_column(names[j].replace("permutation ", "perm. "), justify="right")
    for i in shown:
        cells = ("" if np.isnan(matrix[i, j]) else f"{100 * matrix[i, j]:.1f}" for j in shown)
        rows.add_row(names[i], *cells)
    out.show(rows)
    if len(shown) < len(names):
        out.line(f"(the last {len(shown)} of {len(names)} tasks; metrics.json has all)")
    metrics = run.metrics
    words = [f"mean accuracy {percent(metrics['acc'])}"]
    if len(names) > 1:
        names = {"backward transfer": "bwt", "forgetting": "forgetting"}
        words += [f"{name} {100 * metrics[key]:+.1f}" for name, key in names.items()]
    out.line(f"{', '.join(words)}; {metrics['n_steps']:,} steps in {metrics['seconds']:.1f} s")
    if run.recipe.network.kind == "binary":
        out.line(f"next: metabit export {run.path} -o {run.recipe.name}.mbit", "dim")
