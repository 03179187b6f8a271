"""The table of docs/benchmarks/speed.md about whole convolutional networks."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table

Record = dict[str, Any]


def networks(r: Record) -> str:
    """From results/convnets.json."""
    header = [
        "network", "M MAC", "weights", "file, KiB", "arena, KiB: resting / head / all learn",
        "prediction, µs", "learning step, µs", "Cortex-M4F: M instructions",
    ]  # fmt: skip
    rows = []
    for row in r.get("networks", []):
        arenas = [f"{row['arena_bytes'][learn] / 1024:,.1f}" for learn in ("none", "head", "all")]
        board = "-"
        if "board" in row:
            board = (
                f"{row['predict_instructions'] / 1e6:.2f}, with a step "
                f"{row['learn_instructions'] / 1e6:.2f}"
            )
        rows.append(
            [row["network"], f"{row['macs'] / 1e6:,.1f}", f"{row['weights']:,}",
             f"{row['file_bytes'] / 1024:,.1f}", " / ".join(arenas),
             f"{row['predict']['min_us']:,.0f}", f"{row['learn']['min_us']:,.0f}", board]
        )  # fmt: skip
    return table(header, rows)
