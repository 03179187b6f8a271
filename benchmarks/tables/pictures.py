"""The table of docs/benchmarks/learning.md about new classes of colour pictures."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table
from benchmarks.tables.learning import mean_percent

Record = dict[str, Any]


def new_pictures(r: Record) -> str:
    """From results/new_pictures.json: means over seeds; what has no device has no bytes."""
    rows = []
    for name, seeds in r.items():
        runs = list(seeds.values())
        row = [name]
        for key in ("before", "home", "new", "all"):
            row.append(mean_percent([run[key] for run in runs]) if key in runs[0] else "")
        for key, form in (
            ("file_bytes", "{:.1f}"), ("arena_bytes", "{:.1f}"), ("predict_us", "{:.0f}"),
            ("learn_us", "{:.0f}"),
        ):  # fmt: skip
            factor = 1024 if key.endswith("bytes") else 1
            mean = sum(run.get(key, 0) for run in runs) / len(runs) / factor
            row.append(form.format(mean) if key in runs[0] else "")
        rows.append([*row, str(len(runs))])
    header = ["what learns", "home before, %", "home after, %", "new after, %", "all ten, %",
              "file, KiB", "arena, KiB", "prediction, µs", "learning step, µs",
              "seeds"]  # fmt: skip
    return table(header, rows)
