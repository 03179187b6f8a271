"""The results of a benchmark: one document, made from the numbers of its finished jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metabit.errors import CorruptError
from metabit.files import make_folder, write_whole
from metabit.trainer.reproduction.benchmark import Benchmark, Row, Tables, Target
from metabit.trainer.reproduction.jobs import SHARES, Job, read_done
from metabit.trainer.runs.comparison import estimate

SCHEMA = "metabit/reproduce/1"

Document = dict[str, Any]


def collect(
    benchmark: Benchmark, scale: str, settings: Mapping[str, Tables], jobs: Mapping[str, list[Job]]
) -> Document:
    """Collect the results of all rows that have at least one finished seed.

    Args:
        benchmark, scale: what was run.
        settings: the [method] table of each row by label, with its searched values.
        jobs: the jobs of each row by label, one per seed, finished or not.

    Returns:
        benchmark, scale, rows, targets (in per cent), and the circumstances of all jobs. The
        metrics of a row have mean, standard deviation and the value of each seed; shares are from
        0 to 1.

    Raises:
        CorruptError: the numbers of a job cannot be read.
    """
    rows = []
    for row in benchmark.rows:
        finished = [job for job in jobs.get(row.label, []) if job.finished]
        done = [read_done(job.folder) for job in finished]
        if done:
            rows.append(_row(row, settings[row.label], done))
    return _document(benchmark, scale, rows)


def joined(
    benchmark: Benchmark, document: Document, saved: Document, settings: Mapping[str, Tables]
) -> Document:
    """A document, with earlier rows that were not run again.

    Args:
        benchmark: what was run.
        document: what came out now; a row of it takes the place of an earlier one.
        saved: the earlier document of this benchmark and scale.
        settings: the [method] table of each row by label, as it is now. An earlier row with others
            is left out: it has no place beside rows of today.
    """
    mine = {row["label"]: row for row in document["rows"]}
    # Documents from before each row had its circumstances have one list for all rows.
    earlier = {
        row["label"]: {"circumstances": saved["circumstances"], **row}
        for row in saved["rows"]
        if row["settings"] == settings.get(row["label"])
    }
    both = earlier | mine
    rows = [both[row.label] for row in benchmark.rows if row.label in both]
    return _document(benchmark, document["scale"], rows)


def _document(benchmark: Benchmark, scale: str, rows: list[Document]) -> Document:
    return {
        "schema": SCHEMA,
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "source": benchmark.source,
        "scale": scale,
        "experiment": benchmark.experiment,
        "command": benchmark.command(scale),
        "rows": rows,
        "targets": [
            _target(target, rows) for target in benchmark.targets if target.scale in (None, scale)
        ],
        "circumstances": _united([row["circumstances"] for row in rows]),
    }


def _row(row: Row, settings: Tables, done: Sequence[Mapping[str, Any]]) -> Document:
    numbers = [d["numbers"] for d in done]
    names = [name for name in numbers[0] if all(n.get(name) is not None for n in numbers)]
    metrics = {name: _estimate([n[name] for n in numbers]) for name in names}
    acc = metrics.get("acc")
    return {
        "label": row.label,
        "settings": settings,
        "searched": sorted(row.search),
        "stream": done[0]["stream"],
        "seeds": [d["seed"] for d in done],
        "metrics": metrics,
        "paper": row.paper,
        "paper_std": row.paper_std,
        "gap": None if row.paper is None or acc is None else 100 * acc["mean"] - row.paper,
        "remark": row.remark,
        "circumstances": _united(
            [
                {
                    key: [value]
                    for key, value in {"commit": d["commit"], **d["circumstances"]}.items()
                }
                for d in done
            ]
        ),
    }


def _estimate(values: list[float]) -> Document:
    made = estimate(values)
    return {"mean": made.mean, "std": made.std, "values": values}


def _target(target: Target, rows: Sequence[Document]) -> Document:
    """A target with the measured value, and whether it is met; None if it was not measured."""
    by_label = {row["label"]: row for row in rows}
    mine = by_label.get(target.row) if target.row else (rows[0] if rows else None)
    value = _mean(mine, target.metric)
    if target.above is not None:
        other = _mean(by_label.get(target.above), target.metric)
        more = f" {'+' if target.by > 0 else '-'} {abs(target.by):g}" if target.by else ""
        rule = f"> {target.above}{more}"
        bound = None if other is None else other + target.by
        met = None if value is None or bound is None else value > bound
    elif target.at_least is not None:
        bound, rule = target.at_least, f">= {target.at_least:g}"
        met = None if value is None else value >= bound
    else:
        assert target.at_most is not None
        bound, rule = target.at_most, f"<= {target.at_most:g}"
        met = None if value is None else value <= bound
    return {
        "row": target.row,
        "metric": target.metric,
        "rule": rule,
        "bound": bound,
        "value": value,
        "met": met,
    }


def _mean(row: Mapping[str, Any] | None, metric: str) -> float | None:
    """Mean of a metric of a row, in per cent if it is a share."""
    if row is None or metric not in row["metrics"]:
        return None
    scale = 100.0 if metric in SHARES else 1.0
    return scale * float(row["metrics"][metric]["mean"])


def _united(records: Sequence[Mapping[str, list[Any]]]) -> dict[str, list[Any]]:
    """All values that occur, by key, in the order of their first occurrence.

    A record without a key adds None, so that a run without a graphics processor is told from one
    with it.
    """
    keys = dict.fromkeys(key for record in records for key in record)
    return {
        key: list(dict.fromkeys(value for record in records for value in record.get(key, [None])))
        for key in keys
    }


def write(path: Path, document: Document) -> None:
    """Write a document, whole or not at all; the folder is made if it is not there."""
    make_folder(path.parent)
    write_whole(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def read(path: Path) -> Document:
    """A document that `write` wrote.

    Raises:
        CorruptError: it is not one.
    """
    try:
        document: Document = json.loads(path.read_bytes())
        if document["schema"] == SCHEMA:
            return document
        reason = f"schema {document['schema']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise CorruptError(f"{path}: not results of a benchmark ({reason})", code="E-SCHEMA")
