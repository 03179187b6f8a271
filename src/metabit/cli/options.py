"""Options that several verbs share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from metabit.cli.paths import ReadName, ReadPath
from metabit.edge_runtime.options import MAX_BATCH, MAX_CONTEXTS, MAX_REPLAY
from metabit.edge_runtime.threads import MOST
from metabit.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.argument("file", metavar="FILE", type=ReadPath())
DATA = click.argument("data", metavar="DATA", type=ReadName())

RAM = click.option("--ram", metavar="SIZE", help="RAM budget, such as 256K or 256KiB.")
BITS = click.option(
    "--bits", type=click.Choice(["8", "4"]), callback=lambda _c, _p, v: int(v or 0),
    help="Bits per hidden weight. Default: as in FILE.",
)  # fmt: skip
BANK = click.option(
    "--bank", type=click.IntRange(min=0), default=0, show_default=True, metavar="K",
    help="Which bank of normalisation values to use, counted from 0.",
)  # fmt: skip
BANK_OR_TASKS = click.option(
    "--bank", type=click.IntRange(min=0), metavar="K",
    help="Which bank of normalisation values to use, counted from 0. Default: the bank of --task.",
)  # fmt: skip
LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N samples."
)
LABEL = click.option(
    "--label", metavar="COLUMN",
    help="The column of a csv file that holds the label: its name, or its number from 1. Default: "
    "as in training; a column called label, class or target; or the last, if there is one too "
    "many.",
)  # fmt: skip
CODES = click.option(
    "--codes/--real",
    "codes",
    default=None,
    help="Whether the numbers of a csv file are the model's own integers or real values. Default: "
    "real values for a model with a front end; otherwise what the first row looks like.",
)
SPLIT = click.option(
    "--split", type=click.Choice(["test", "train"]), default="test", show_default=True,
    help="Which part of the data set, if DATA is the name of one.",
)  # fmt: skip
TASK = click.option(
    "--task", type=click.IntRange(min=1), metavar="K",
    help="Which of the tasks that the model was trained on, counted from 1. Default: the whole "
    "data set; or the first task, if tasks change the samples or their labels.",
)  # fmt: skip
STATE = click.option(
    "--state", metavar="DIR", type=ReadPath(),
    help="Folder in which `metabit learn` keeps what it has learnt.",
)  # fmt: skip
KEEP = click.option(
    "--state", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder in which what is learnt is kept, and continued from.",
)  # fmt: skip
BATCH = click.option(
    "--batch", type=click.IntRange(1, MAX_BATCH), callback=lambda _c, _p, v: v or 0, metavar="N",
    help="Samples per learning step: the weights move once for all of them. Default: as in FILE, "
    "or 1.",
)  # fmt: skip
REPLAY = click.option(
    "--replay", type=click.IntRange(0, MAX_REPLAY), metavar="N",
    help="Samples kept to be learnt again, four beside each new one. Default: as in FILE, or none.",
)  # fmt: skip
CONTEXTS = click.option(
    "--contexts", type=click.IntRange(1, MAX_CONTEXTS), metavar="N",
    help="Room for so many networks where all layers learn: when what comes in changes abruptly "
    "another opens. 1: one network. Default: with auto as many as fit, at most "
    f"{MAX_CONTEXTS}; or else one.",
)  # fmt: skip
THREADS = click.option(
    "--threads", type=click.IntRange(1, MOST), metavar="N",
    help="Threads for large layers. Default: METABIT_THREADS if it is set, otherwise 1.",
)  # fmt: skip
BOARD = click.option(
    "--board",
    metavar="NAME",
    required=True,
    help="Name of a board, see `metabit boards`; or a board file.",
)


def learn_option(default: str | None) -> Callable[[F], F]:
    """--learn: what learns.

    Args:
        default: None where a verb chooses by what it is given, and says how.
    """
    return click.option(
        "--learn", default=default, show_default=default is not None, metavar="WHAT",
        help="What learns: auto (what the recipe of FILE said, or else its counting head, or as "
        "many layers as fit into the RAM), counting (the counting head), counting-small (the same "
        "in a third of the RAM), tracking (a head that follows drift), none, head (the last "
        "layer), all, or how many layers, counted from the last.",
    )  # fmt: skip


def bank_for(bank: int | None, task: int | None, n_banks: int) -> int:
    """The bank to use: as given, or the bank of the task, in a model with a bank per task.

    Raises:
        InputError: there is no such task (E-TASK).
    """
    if bank is not None:
        return bank
    if task is not None and 1 < n_banks < task:
        raise InputError(
            f"--task {task}: the model was trained on tasks 1 to {n_banks}", code="E-TASK"
        )
    return task - 1 if task is not None and n_banks > 1 else 0
