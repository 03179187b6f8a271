"""`metabit fit`: from data and a budget to a network that fits, trained and packed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.fit_tables import say_answer
from metabit.cli.options import DATA, RAM
from metabit.cli.progress import FitBar
from metabit.edge_runtime.sizes import parse_bytes
from metabit.errors import InputError, nearest
from metabit.extras import need
from metabit.report import of_fit
from metabit.report.render import write
from metabit.report.words import made_now

if TYPE_CHECKING:
    from metabit.fitting.question import Budgets, Question


@verb("fit")
@DATA
@click.option(
    "--label", metavar="COLUMN", help="The column with the class: name, or number from 1."
)
@click.option("--group", metavar="COLUMN", help="The column that says whose a row is.")
@click.option("--time", metavar="COLUMN", help="The column with the seconds of a row.")
@click.option(
    "--channels", metavar="NAME,...", help="The columns that are inputs. Default: all others."
)
@click.option(
    "--pattern", metavar="TEXT",
    help='How names of files say what they hold: "{label}/{}" (default), "{label}_{group}_{}.wav".',
)  # fmt: skip
@click.option(
    "--window", type=click.IntRange(min=1), metavar="N",
    help="Rows of a time series per sample; 1: each row is a sample. Default: found in the data.",
)  # fmt: skip
@click.option("--hop", type=click.IntRange(min=1), metavar="N", help="Rows from window to window.")
@click.option(
    "--sample-rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Rows per second.",
)
@click.option(
    "--missing",
    type=click.Choice(["refuse", "drop", "hold"]),
    help="What to do with missing values.",
)
@click.option(
    "--split", type=click.Choice(["group", "time", "random"]),
    help="What is held out to test with. Default: groups where there are any; the end of the data "
    "for windows and where there is a time; otherwise random rows.",
)  # fmt: skip
@click.option(
    "--test", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
    help="The share that is held out. Default: 0.25.",
)  # fmt: skip
@click.option(
    "--limit",
    "train_samples",
    type=click.IntRange(min=2),
    metavar="N",
    help="Use only N training samples, drawn.",
)
@RAM
@click.option("--flash", metavar="SIZE", help="Budget for the .mbit file, such as 64K.")
@click.option(
    "--board", metavar="NAME",
    help="A board, see `metabit boards`: its RAM and flash, less what the firmware takes, are "
    "budgets too, and its latency is shown.",
)  # fmt: skip
@click.option("--latency", metavar="TIME", help="Budget for a prediction on --board, such as 5ms.")
@click.option(
    "--energy", metavar="ENERGY", help="Budget for a prediction on --board, such as 20uJ."
)
@click.option(
    "--effort", type=click.Choice(["quick", "normal", "thorough"]), default="normal",
    show_default=True, help="How long networks are trained.",
)  # fmt: skip
@click.option(
    "--rivals/--no-rivals",
    default=True,
    help="Whether scikit-learn's classifiers are trained too, to compare with.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the split, the networks and their training.",
)
@click.option(
    "--jobs", "n_workers", type=click.IntRange(min=1), metavar="N",
    help="How many networks are trained at the same time. Default: one per core.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["pool", "ray"]), default="pool", show_default=True,
    help="pool: processes on this machine. ray: a Ray cluster that shares its folders.",
)  # fmt: skip
@click.option(
    "-o", "--out", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder for the results. Default: fits/NAME.",
)  # fmt: skip
def command(
    out: Output, data: str, ram: str | None, flash: str | None, board: str | None,
    latency: str | None, energy: str | None, effort: str, seed: int,
    n_workers: int | None, engine: str, rivals: bool, folder: Path | None, **columns: Any,
) -> Answer:  # fmt: skip
    """Find a network for DATA that fits the device, train it, and pack it.

    DATA is a CSV or .npz file, a folder or zip of WAV files, CSV files or pictures, the name of a
    data set, or a recipe, whose [data] is taken.

    Networks of many shapes are proposed. Those that do not fit are refused before any training; the
    others race, on training samples that are held out. The best one is trained on all of them and
    tested once. DIR gets the .mbit file, which learns on the device, its recipe, fit.json with all
    results, a picture, and a page. Ctrl-C keeps what is known, and the same command continues.
    """
    need("fit")
    from metabit.fitting import fit
    from metabit.trainer.reproduction import ray_engine
    from metabit.trainer.reproduction.pool import Pool
    from metabit.trainer.reproduction.runner import Workers

    budgets = _budgets(ram, flash, board, latency, energy)
    question = _question(data, budgets, effort, seed, columns)
    if columns["window"] is None:
        question = _windowed(out, question, is_recipe=data.lower().endswith(".toml"))
    where = folder or Path("fits") / question.name
    n = n_workers or os.cpu_count() or 1
    with FitBar() as bar, Pool() as pool:
        do_jobs = pool if engine == "pool" else ray_engine.do_jobs
        asked = fit.Asked(
            where,
            lambda stages: Workers(do_jobs, n, bar.of(stages)),
            bar,
            out.line,
            rivals,
        )
        found = or_known(out, where, lambda: fit.answer(question, asked))
    say_answer(out, where, found)
    out.line(f"report: {write(of_fit.page(found, made_now()), where / 'report.html')}")
    return {"folder": where, **{key: found[key] for key in found if key != "schema"}}


def or_known(out: Output, folder: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; when it is interrupted, say what is known and how to continue."""
    from metabit.fitting.race import known

    try:
        return work()
    except KeyboardInterrupt:
        tried = known(folder / "trials")
        out.line("")
        out.line(
            f"{len(tried)} trainings are kept in {folder}; the same command continues", "yellow"
        )
        for accuracy, label in tried[:3]:
            out.line(f"best so far: {100 * accuracy:.1f} % {label}")
        raise


def _budgets(
    ram: str | None, flash: str | None, board: str | None, latency: str | None, energy: str | None
) -> Budgets:
    from metabit.fitting.question import Budgets
    from metabit.fitting.units import parse_micro

    if board is None and (latency or energy):
        raise InputError("--latency and --energy need a --board", code="E-USAGE")
    if board is not None:
        need("profile, simulate")
        from metabit.firmware_sim import boards

        boards.load(board)
    return Budgets(
        None if ram is None else _positive(ram),
        None if flash is None else _positive(flash),
        board,
        None if latency is None else parse_micro(latency, "s", "5ms, 800us or 0.1s"),
        None if energy is None else parse_micro(energy, "J", "20uJ or 1.5mJ"),
    )


def _question(
    data: str, budgets: Budgets, effort: str, seed: int, columns: dict[str, Any]
) -> Question:
    from metabit.fitting.question import Question
    from metabit.trainer import data as sets
    from metabit.trainer.recipe import load_recipe
    from metabit.trainer.recipe.data import DataRecipe

    given = {key: _column(key, value) for key, value in columns.items() if value is not None}
    if given.get("window") == 1:  # a recipe has no window then
        del given["window"]
    path, frontend = Path(data), None
    if path.suffix.lower() == ".toml":
        _refuse_columns(given, f"{data} says it")
        recipe = load_recipe(path)
        table, frontend, name = recipe.data, recipe.frontend, recipe.name
        if table.stream != "single" or table.validation is not None:
            raise InputError(
                f'{data}: [data] must have stream = "single" and no validation: a network is '
                "fitted to one task, and its folds are made here",
                code="E-FIT-DATA",
            )
    elif data in sets.names():
        _refuse_columns(
            {k: v for k, v in given.items() if k != "train_samples"}, f"{data} has none"
        )
        table, name = DataRecipe(data, **given), data
    elif path.exists():
        table, name = DataRecipe(path=data, **given), path.name.split(".")[0]
    else:
        raise InputError(
            f'"{data}": no such file or folder, and no data set; {nearest(data, sets.names())}',
            code="E-DATA-READ",
        )
    return Question(name, table, frontend, budgets, effort, seed)


def _windowed(out: Output, question: Question, is_recipe: bool) -> Question:
    """The question with windows for time series of which nobody said how to cut them.

    A recipe says of its tables what a sample is; of folders of recordings it need not.
    """
    from metabit.fitting import series
    from metabit.fitting.windows import with_window

    table = with_window(question.data)
    if not is_recipe:
        window = series.window_of(table, question.budgets.ram_bytes, question.seed)
        if window is not None:
            out.line(
                f"{Path(table.path or '').name}: {series.words_for(window)}. --window N sets "
                "another length, and with --window 1 each row is a sample by itself"
            )
            table = replace(table, window=window)
    return replace(question, data=table)


def _positive(size: str) -> int:
    n_bytes = parse_bytes(size)
    if n_bytes == 0:
        raise InputError(f'size "{size}": nothing fits into no bytes', code="E-SIZE")
    return n_bytes


def _column(key: str, value: Any) -> Any:
    """A value as [data] takes it: names of columns may be numbers."""
    if key in ("label", "group", "time") and value.isdigit():
        return int(value)
    if key == "channels":
        return tuple(name.strip() for name in value.split(","))
    return value


def _refuse_columns(given: dict[str, Any], why: str) -> None:
    if given:
        names = ", ".join("--" + key.replace("_", "-") for key in given)
        raise InputError(f"{names}: {why}", code="E-USAGE")
