"""`metabit data`: which data sets are here, and how to get one."""

from __future__ import annotations

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.progress import progress
from metabit.cli.tables import table
from metabit.errors import InputError, MetabitError

LICENCES = {
    "digits": "CC BY 4.0",
    "hapt": "CC BY 4.0",
    "mnist": "CC BY-SA 3.0",
    "fashion-mnist": "MIT",
}


@verb("data")
@click.argument("action", type=click.Choice(["list", "fetch"]), default="list")
@click.argument("name", required=False)
def command(out: Output, action: str, name: str | None) -> Answer:
    """List the data sets and where they are, or download one: metabit data fetch NAME.

    digits and hapt come with metabit. Other sets are looked for in the folder METABIT_DATA, and
    downloaded to it. If that is not set, they are looked for in the user cache and in
    /usr/share/datasets, and downloaded to the user cache. A downloaded file is kept only if its
    checksum is right.
    """
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
                name, "-", "-", "-", "-", LICENCES[name], f"not here: metabit data fetch {name}"
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
