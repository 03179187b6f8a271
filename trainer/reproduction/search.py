"""Chooses strengths from a grid of values, by the accuracy on validation data of the stream.

A strength cannot be carried over from one program or benchmark to another, so it is chosen here, by
a search that anyone can repeat. The validation samples are taken from the training samples ([data]
validation), and the reported results have other seeds. So the reported samples and seeds have no
part in the choice.

The choice is written next to the file of the benchmark, with everything that was tried.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metabit.errors import FormatError, InputError
from metabit.files import write_whole
from metabit.trainer.reproduction.benchmark import Benchmark, Row, Tables
from metabit.trainer.reproduction.engines import Failure
from metabit.trainer.reproduction.jobs import Job, folder_name, read_done

SCHEMA = "metabit/chosen/1"

FIRST_SEED = 100
"""Seeds of a search are counted from here; reported seeds are counted from 0."""


def jobs(
    benchmark: Benchmark, rows: Sequence[Row], scale: str, n_seeds: int, out: Path,
    commit: str | None,
) -> dict[str, list[list[Job]]]:  # fmt: skip
    """The jobs of a search: for each label and each combination of values, one job per seed."""
    made: dict[str, list[list[Job]]] = {}
    for row in rows:
        made[row.label] = [
            [
                _job(benchmark, row, scale, values, seed, out / "search", commit)
                for seed in range(FIRST_SEED, FIRST_SEED + n_seeds)
            ]
            for values in row.grid(scale)
        ]
    return made


def _job(
    benchmark: Benchmark, row: Row, scale: str, values: Tables, seed: int, out: Path,
    commit: str | None,
) -> Job:  # fmt: skip
    recipe = benchmark.recipe(row, scale, values, seed)
    recipe["data"] = recipe["data"] | {"validation": benchmark.validation}
    words = ", ".join(f"{key} = {value}" for key, value in values.items())
    # The name does not depend on the seeds: the folder has one run per seed.
    name = folder_name(row.label, benchmark.tables(row, scale) | {"searched": values})
    folder = out / name / f"seed-{seed}"
    return Job(f"{row.label} with {words}, seed {seed}", folder, seed, commit, recipe)


def choose(
    benchmark: Benchmark, scale: str, searched: dict[str, list[list[Job]]],
    failures: Sequence[Failure],
) -> dict[str, Any]:  # fmt: skip
    """Write the choice for every row whose search is complete, and return the document.

    Training that diverged is a result: such values are not chosen. The choice for rows that were
    not searched now is kept.

    Args:
        benchmark, scale: what was searched.
        searched: what `jobs` gave, after all have been run.
        failures: what the engine gave up.
    """
    diverged = {failure.job for failure in failures if failure.code == "E-DIVERGED"}
    rows = (_read(chosen_path(benchmark, scale)) or {"rows": {}})["rows"]
    for label, grid in searched.items():
        every = [job for combination in grid for job in combination]
        if all(job.finished or job in diverged for job in every):
            row = benchmark.row(label)
            rows[label] = _choice(benchmark, row, scale, grid)
    document = {
        "schema": SCHEMA,
        "benchmark": benchmark.name,
        "scale": scale,
        "command": f"{benchmark.command(scale)} --search",
        # Rows that are no longer in the file go.
        "rows": {row.label: rows[row.label] for row in benchmark.rows if row.label in rows},
    }
    if document["rows"]:
        text = json.dumps(document, indent=1) + "\n"
        write_whole(chosen_path(benchmark, scale), text.encode())
    return document


def _choice(benchmark: Benchmark, row: Row, scale: str, grid: list[list[Job]]) -> dict[str, Any]:
    tried: list[dict[str, Any]] = []
    for values, combination in zip(row.grid(scale), grid, strict=True):
        accs = [
            read_done(job.folder)["numbers"]["acc"] if job.finished else None for job in combination
        ]
        known = [acc for acc in accs if acc is not None]
        mean = float(np.mean(known)) if len(known) == len(accs) else None
        tried.append({"values": values, "acc": accs, "mean": mean})
    best = max(tried, key=lambda entry: -1.0 if entry["mean"] is None else entry["mean"])
    return {
        "chosen": best["values"],
        "at_the_edge": _at_the_edge(row, best["values"]),
        "validation": benchmark.validation,
        "seeds": [job.seed for job in grid[0]],
        "commit": grid[0][0].commit,
        "of": fingerprint(benchmark, row, scale),
        "tried": tried,
    }


def _at_the_edge(row: Row, values: Tables) -> list[str]:
    """Keys whose best value is the lowest or highest in the grid: a wider grid may be better."""
    edges = []
    for key, tried in row.search.items():
        numbers = [value for value in tried if isinstance(value, (int, float))]
        if len(numbers) == len(tried) > 1 and values[key] in (min(numbers), max(numbers)):
            edges.append(key)
    return edges


def chosen_path(benchmark: Benchmark, scale: str) -> Path:
    """The file with the choice for one scale."""
    return benchmark.path.with_name(f"{benchmark.name}.{scale}.chosen.json")


def chosen(benchmark: Benchmark, row: Row, scale: str) -> Tables:
    """The values that a search has chosen for a row; empty if the row has none to search.

    Raises:
        InputError: code E-CHOSEN: nothing is chosen yet, or another recipe or grid was searched.
        FormatError: `choose` did not write this file.
    """
    if not row.searched(scale):
        return {}
    path = chosen_path(benchmark, scale)
    entry = (_read(path) or {"rows": {}})["rows"].get(row.label)
    if entry is None:
        what = "has values to be chosen, and none are"
    elif entry["of"] != fingerprint(benchmark, row, scale):
        what = f"has other settings or another grid than what {path.name} was chosen for"
    else:
        values: Tables = entry["chosen"]
        return values
    raise InputError(
        f'{benchmark.name}: row "{row.label}" {what}: first run '
        f'`{benchmark.command(scale)} --search --rows "{row.label}"`',
        code="E-CHOSEN",
    )


def settings(benchmark: Benchmark, scale: str) -> dict[str, Tables]:
    """The [method] table of each row by label, with what was chosen for it.

    A row for which nothing that holds today was chosen is left out.

    Raises:
        FormatError: as `chosen`.
    """
    found: dict[str, Tables] = {}
    for row in benchmark.rows:
        with contextlib.suppress(InputError):
            values = chosen(benchmark, row, scale)
            found[row.label] = benchmark.tables(row, scale)["method"] | values
    return found


def fingerprint(benchmark: Benchmark, row: Row, scale: str) -> str:
    """A digest of everything that a choice depends on, in 16 hexadecimal digits."""
    tables = benchmark.tables(row, scale)
    # How often a run is saved changes nothing that it learns.
    tables["train"] = {k: v for k, v in tables["train"].items() if k != "checkpoint_steps"}
    parts = [tables, row.search, benchmark.validation]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    """The document in the file; None if there is no file."""
    try:
        document = json.loads(path.read_bytes())
        if document["schema"] == SCHEMA and isinstance(document["rows"], dict):
            result: dict[str, Any] = document
            return result
        reason = "unknown schema"
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise FormatError(f"{path}: not a choice of `metabit reproduce` ({reason})", code="E-SCHEMA")
