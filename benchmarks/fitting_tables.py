"""The table of docs/BENCHMARKS.md about `metabit fit` and a full grid."""

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
