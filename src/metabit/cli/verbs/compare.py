"""`metabit compare`: finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadPath
from metabit.cli.tables import table
from metabit.extras import need

if TYPE_CHECKING:
    from metabit.trainer.runs.comparison import Comparison, Group, MeanAndStd

SHARES = {
    "acc": "ACC",
    "bwt": "BWT",
    "fwt": "FWT",
    "forgetting": "forgot",
    "plasticity": "new",
    "prequential": "preq.",
}
"""Columns in per cent; docstrings of metabit.trainer.metrics have the formulas."""


@verb("compare")
@click.argument(
    "runs", metavar="RUN...", nargs=-1, required=True, type=ReadPath()
)  # fmt: skip
@click.option(
    "-o", "--out", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="Also draw learning curves, accuracy matrices and trade-offs into this folder.",
)  # fmt: skip
def command(out: Output, runs: tuple[Path, ...], folder: Path | None) -> Answer:
    """Compare finished runs in one table, the best mean accuracy first.

    Every RUN is a folder that `metabit train` wrote. Runs that differ only in their seed become one
    row, with mean and standard deviation. All runs must have learnt the same tasks from the same
    data; others are refused.
    """
    if folder is not None:
        need("compare --out")

    from metabit.trainer.runs.comparison import compare, read

    comparison = compare([read(path) for path in runs])
    _print(out, comparison)
    plots = [] if folder is None else _draw(out, comparison, folder)
    return {
        "stream": comparison.stream,
        "tasks": comparison.tasks,
        "groups": [_answer(group) for group in comparison.groups],
        "plots": plots,
    }


def _answer(group: Group) -> Answer:
    estimates = {key: _fields(value) for key, value in group.estimates().items()}
    return {
        "method": group.method,
        "settings": group.settings,
        "seeds": [result.seed for result in group.results],
        "runs": [result.path for result in group.results],
        "n_steps": [result.n_steps for result in group.results],
        **estimates,
        "accuracy_so_far": group.curves().mean(axis=0),
        "accuracy_matrix": [
            [None if value != value else value for value in row]
            for row in group.mean_matrix().tolist()
        ],
    }


def _fields(estimate: MeanAndStd) -> dict[str, float | None] | None:
    """JSON has no NaN: a number that is not known is null."""
    if estimate.mean != estimate.mean:
        return None
    return {"mean": estimate.mean, "std": estimate.std}


def _print(out: Output, comparison: Comparison) -> None:
    known = [group.estimates() for group in comparison.groups]
    shares = {
        key: title
        for key, title in SHARES.items()
        if any(e[key].mean == e[key].mean for e in known)
    }
    rows = table(
        f"{comparison.stream}: accuracies in %, ± standard deviation over seeds",
        "method", "settings", *(f">{title}" for title in shares.values()),
        ">B/weight", ">seconds", ">seeds",
    )  # fmt: skip
    for group in comparison.groups:
        estimates = group.estimates()
        rows.add_row(
            group.method,
            group.settings_line,
            *(_cell(estimates[key], scale=100) for key in shares),
            _state_cell(estimates["state_bytes_per_weight"].mean),
            _cell(estimates["seconds"]),
            str(len(group.results)),
        )
    out.show(rows)
    fewest, most = comparison.n_steps
    if fewest != most:
        out.line(f"not the same effort: {fewest:,} to {most:,} steps a run", "yellow")


def _cell(estimate: MeanAndStd, scale: int = 1) -> str:
    if estimate.mean != estimate.mean:
        return "-"
    mean = f"{scale * estimate.mean:.1f}"
    return mean if estimate.std is None else f"{mean} ± {scale * estimate.std:.1f}"


def _state_cell(bytes_per_weight: float) -> str:
    return "-" if bytes_per_weight != bytes_per_weight else f"{bytes_per_weight:,.1f}"


def _draw(out: Output, comparison: Comparison, folder: Path) -> list[Path]:
    from metabit.files import make_folder, write_whole
    from metabit.trainer.runs.comparison_plots import figures, groups_with_state

    make_folder(folder)
    pictures = figures(comparison)
    for name, picture in pictures.items():
        write_whole(folder / name, picture)
    out.line(
        f"drawn into {folder}: {', '.join(pictures) or 'nothing, a single task has no history'}"
    )
    known = groups_with_state(comparison)
    if known and len(known) < len(comparison.groups):
        unknown = [group.label for group in comparison.groups if group not in known]
        out.line(f"not in accuracy_state.png, no state recorded: {'; '.join(unknown)}", "yellow")
    return [folder / name for name in pictures]
