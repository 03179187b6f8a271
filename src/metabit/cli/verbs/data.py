"""`metabit data`: which data sets are here, how to get one, and what is in your own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadPath, WriteFile
from metabit.cli.progress import progress
from metabit.cli.tables import percent, table
from metabit.errors import InputError, MetabitError
from metabit.extras import need
from metabit.files import write_whole

if TYPE_CHECKING:
    from metabit.trainer.data.own.look import Look

SHOWN = 20
"""Classes or groups that are named."""

LICENCES = {
    "digits": "CC BY 4.0",
    "hapt": "CC BY 4.0",
    "mnist": "CC BY-SA 3.0",
    "fashion-mnist": "MIT",
    "cifar-10": "none stated",
    "cifar-10-grey": "not stated",
    "spoken-digits": "CC BY-SA 4.0",
}


@verb("data")
@click.argument("action", type=click.Choice(["list", "fetch", "make", "inspect"]), default="list")
@click.argument("name", required=False)
@click.argument("source", required=False, type=ReadPath())
@click.option("--label", metavar="COLUMN", help="With inspect: the column that holds the class.")
@click.option("--group", metavar="COLUMN", help="With inspect: the person or recording of a row.")
@click.option("--time", metavar="COLUMN", help="With inspect: the time of a row in seconds.")
@click.option(
    "--pattern", metavar="TEXT",
    help='With inspect: what names of files say, such as "{label}_{group}_{}.wav".',
)  # fmt: skip
@click.option(
    "--plot", metavar="FILE", type=WriteFile(),
    help="With inspect: draw classes and columns into this PNG file.",
)  # fmt: skip
def command(
    out: Output, action: str, name: str | None, source: Path | None, plot: Path | None,
    **columns: str | None,
) -> Answer:  # fmt: skip
    """List the data sets and where they are, get one, or look into data of your own.

    metabit data fetch NAME downloads a set; metabit data make NAME SOURCE makes one of pictures or
    recordings that are on this machine; metabit data inspect PATH says what is in a table, in
    arrays or in a folder of recordings or pictures, and drafts [data] of a recipe for it.

    digits and hapt come with metabit. Other sets are looked for in the folder METABIT_DATA, and
    downloaded to it. If that is not set, they are looked for in the user cache and in
    /usr/share/datasets, and downloaded to the user cache. A downloaded file is kept only if its
    checksum is right.
    """
    if action == "make":
        return _make(out, name, source)
    if source is not None:
        raise InputError(f'"{source}" is unexpected; it belongs to make', code="E-USAGE")
    if action == "inspect":
        return _inspect(out, name, plot, columns)
    if plot is not None or any(value is not None for value in columns.values()):
        raise InputError("these options belong to `metabit data inspect PATH`", code="E-USAGE")
    if action == "fetch":
        return _fetch(out, name)
    if name is not None:
        raise InputError(f'"{name}" is unexpected; `metabit data` lists all', code="E-USAGE")
    return _list(out)


def _list(out: Output) -> Answer:
    from metabit.trainer import data

    rows = table("data sets", "name", ">train", ">test", "sample", ">classes", "licence", "where")
    found: list[Answer] = []
    for name in data.names():
        where = data.find(name)
        if where is None:
            rows.add_row(
                name, "-", "-", "-", "-", LICENCES[name], f"not here: {data.how_to_get(name)}"
            )
            looked = [str(path) for path in data.search_path(name)]
            found.append({"name": name, "found": None, "looked_in": looked})
            continue
        try:
            loaded = data.load(name)
        except MetabitError as error:
            rows.add_row(name, "-", "-", "-", "-", LICENCES[name], f"damaged: {error}")
            found.append({"name": name, "found": where, "problem": str(error)})
            continue
        shape = "×".join(map(str, loaded.input_shape))
        rows.add_row(
            name, f"{len(loaded.train):,}", f"{len(loaded.test):,}", f"{loaded.dtype} {shape}",
            str(loaded.n_classes), LICENCES[name], str(where),
        )  # fmt: skip
        found.append(
            {
                "name": name,
                "found": where,
                "n_train": len(loaded.train),
                "n_test": len(loaded.test),
                "shape": loaded.input_shape,
                "dtype": loaded.dtype,
                "n_classes": loaded.n_classes,
                "licence": LICENCES[name],
                "citation": loaded.citation,
            }
        )
    out.show(rows)
    return {"sets": found}


def _fetch(out: Output, name: str | None) -> Answer:
    from metabit.trainer import data

    if name is None:
        raise InputError(f"fetch what? One of {', '.join(data.names())}", code="E-USAGE")
    with progress() as bar:
        shown = bar.add_task(name, total=None, note="")

        def report(file: str, n_bytes: int, total: int | None) -> None:
            bar.update(shown, description=file, completed=n_bytes, total=total)

        where = data.fetch(name, report=report)
    out.line(f"{name}: in {where}")
    return {"name": name, "found": where}


def _make(out: Output, name: str | None, source: Path | None) -> Answer:
    from metabit.trainer import data

    if name is None or source is None:
        raise InputError("make what of what? Give NAME and SOURCE", code="E-USAGE")
    where = data.make(name, source)
    out.line(f"{name}: in {where}")
    return {"name": name, "found": where}


def _inspect(
    out: Output, path: str | None, plot: Path | None, columns: Mapping[str, str | None]
) -> Answer:
    from metabit.trainer.data.own import OwnData
    from metabit.trainer.data.own.look import look_at

    if path is None:
        raise InputError("inspect what? Give a file or a folder", code="E-USAGE")
    given: dict[str, Any] = {
        key: int(value) if value is not None and value.isdecimal() else value
        for key, value in columns.items()
    }
    look = _with_window(look_at(OwnData(path, **given)), path, given)
    _show(out, look)
    if plot is not None:
        need("data inspect --plot")
        from metabit.trainer.data.own.look_plot import draw

        write_whole(plot, draw(look))
        out.line(f"drawn: {plot}")
    return {
        "path": path,
        "what": look.what,
        "classes": look.classes,
        "groups": look.groups,
        "columns": [
            {
                "name": column.name,
                "lowest": _or_none(column.ends[0]),
                "highest": _or_none(column.ends[1]),
                "n_missing": column.n_missing,
                "share_at_ends": column.share_at_ends,
            }
            for column in look.columns
        ],
        "notes": look.notes,
        "recipe": look.draft,
        "plot": plot,
    }


def _show(out: Output, look: Look) -> None:
    """What was seen, for people: columns, counts, notes, and the draft of a recipe."""
    out.line(f"{look.where}: {look.what}", "bold")
    if look.columns:
        rows = table("columns of numbers", "name", ">lowest", ">highest", ">missing", ">at an end")
        for column in look.columns:
            low, high = column.ends
            rows.add_row(
                column.name, f"{low:g}", f"{high:g}", f"{column.n_missing:,}",
                percent(column.share_at_ends),
            )  # fmt: skip
        out.show(rows)
    counted = {"classes": look.classes, "groups": look.groups, **look.words}
    for name, counts in counted.items():
        if counts:
            shown = ", ".join(f"{word} {n:,}" for word, n in list(counts.items())[:SHOWN])
            out.line(f"{name}: {len(counts)} ({shown}{', ...' if len(counts) > SHOWN else ''})")
    for note in look.notes:
        out.line(note, "yellow")
    for line in ("", "for a recipe:", *look.draft.split("\n")):
        out.line(line)


def _with_window(look: Look, path: str, given: Mapping[str, Any]) -> Look:
    """The look at a table that is a time series, with the window that `metabit fit` takes."""
    from metabit.fitting import series
    from metabit.trainer.recipe.data import DataRecipe

    if not look.classes:
        return look
    try:
        window = series.window_of(DataRecipe(path=path, **given), None, seed=0)
    except InputError:  # why these rows cannot be taken as they are stands among the notes
        return look
    if window is None:
        return look
    notes = (*look.notes, series.words_for(window))
    return replace(look, notes=notes, draft=f"{look.draft}\nwindow = {window}")


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
