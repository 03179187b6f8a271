"""The tables of docs/benchmarks/fitting.md about `metabit fit`, its rivals and a full grid."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table

HEADER = [
    "data", "candidates", "fit chose", "right, %", "the grid chose", "right, %", "fit, s",
    "grid, s", "share",
]  # fmt: skip


def against_the_grid(record: dict[str, Any]) -> str:
    """From results/fitting.json."""
    rows = []
    for row in record.values():
        fit, grid = row["fit"], row["grid"]
        ratio = grid["processor_seconds"] / fit["processor_seconds"]
        rows.append(
            [
                f"{row['name']}, effort {row['effort']}",
                f"{row['n_candidates']}",
                fit["label"],
                f"{100 * fit['test_accuracy']:.1f}",
                grid["label"],
                f"{100 * grid['test_accuracy']:.1f}",
                f"{fit['processor_seconds']:,.0f}",
                f"{grid['processor_seconds']:,.0f}",
                f"1/{ratio:.1f}",
            ]
        )
    return table(HEADER, rows)


def beside_rivals(record: dict[str, Any]) -> str:
    """From results/fit_answers.json."""
    rows = []
    for found in record.values():
        limit = found.get("train_samples")
        some = "" if limit is None else f", {limit:,} training samples"
        mine = {**found["chosen"], "name": f"fit: {found['chosen']['label']}"}
        for one in (mine, *found["rivals"]):
            ram = one["ram_bytes"]
            rows.append(
                [
                    f"{found['name']}{some}, effort {found['effort']}" if one is mine else "",
                    one["name"],
                    f"{100 * one['test_accuracy']:.1f}",
                    f"{one['flash_bytes'] / 1024:.1f}",
                    "does not learn" if ram is None else f"{ram / 1024:.1f}",
                ]
            )
    return table(["data", "", "right, %", "flash, KiB", "RAM with learning, KiB"], rows)
