"""Options that several verbs share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from metabit.cli.paths import ReadName, ReadPath
from metabit.edge_runtime.plan import MAX_BATCH
from metabit.edge_runtime.threads import MOST

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.argument("file", metavar="FILE", type=ReadPath())
DATA = click.argument("data", metavar="DATA", type=ReadName())

RAM = click.option("--ram", metavar="SIZE", help="RAM budget, such as 256K or 256KiB.")
BITS = click.option(
    "--bits", type=click.Choice(["8", "4"]), callback=lambda _c, _p, v: int(v or 0),
    help="Bits a hidden weight; what the file holds if not given.",
)  # fmt: skip
BANK = click.option(
    "--bank", type=click.IntRange(min=0), default=0, show_default=True,
    help="Normalisation bank to use, counted from 0.",
)  # fmt: skip
BANK_OR_TASKS = click.option(
    "--bank", type=click.IntRange(min=0), default=None,
    help="Normalisation bank to use, counted from 0; if not given, the bank of --task.",
)  # fmt: skip
LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N samples."
)
SPLIT = click.option(
    "--split", type=click.Choice(["test", "train"]), default="test", show_default=True,
    help="Which part of a data set given by name.",
)  # fmt: skip
TASK = click.option(
    "--task", type=click.IntRange(min=1), metavar="K",
    help="Which task of those that the model was trained on, from 1; if not given, the whole data "
    "set, or the first task where tasks are permuted, rotated or relabelled.",
)  # fmt: skip
STATE = click.option(
    "--state", metavar="DIR", type=ReadPath(),
    help="Folder that keeps what was learnt.",
)  # fmt: skip
BATCH = click.option(
    "--batch", type=click.IntRange(1, MAX_BATCH), default=1, show_default=True, metavar="N",
    help="Samples a learning step: weights move once for all of them.",
)  # fmt: skip
THREADS = click.option(
    "--threads", type=click.IntRange(1, MOST), metavar="N",
    help="Threads for large layers; what METABIT_THREADS says, or 1, if not given.",
)  # fmt: skip
BOARD = click.option("--board", metavar="NAME", required=True, help="See `metabit boards`.")


def learn_option(default: str) -> Callable[[F], F]:
    """--learn: which layers learn."""
    return click.option(
        "--learn", default=default, show_default=True, metavar="LAYERS",
        help="Which layers learn: none, head, all, auto (the most that fit), or a number counted "
        "from the output.",
    )  # fmt: skip


def bank_for(bank: int | None, task: int | None, n_banks: int) -> int:
    """The bank to use: as given, else that of the task, in a model with a bank a task."""
    if bank is not None:
        return bank
    return task - 1 if task is not None and n_banks > 1 else 0
