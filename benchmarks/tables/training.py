"""The table of docs/benchmarks/speed.md about the speed of training."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table

HEADER = [
    "network", "weights", "gradients, ms", "optimizer, ms", "penalty, ms",
    "gradients and optimizer",
]  # fmt: skip


STACKED_HEADER = [
    "network", "weights", "one after the other, ms", "stacked, ms", "as fast", "median",
]  # fmt: skip


GPU_HEADER = [
    "network and method", "one core, ms", "launched one by one, ms", "repeated by a graph, ms",
    "graph against core",
]  # fmt: skip


def on_gpu(record: dict[str, Any]) -> str:
    """From results/gpu_training.json."""
    rows = [
        [
            case,
            f"{r['cpu_ms']:.1f}",
            f"{r['launched_ms']:.2f}",
            f"{r['repeated_ms']:.2f}",
            f"{r['cpu_ms'] / r['repeated_ms']:.0f} times as fast",
        ]
        for case, r in record.items()
    ]
    return table(GPU_HEADER, rows)


def steps(record: dict[str, Any]) -> str:
    """From results/training_speed.json."""
    rows = []
    for width, r in sorted(record.items(), key=lambda item: int(item[0])):
        before, now = (r["gradients_ms"] + r[f"optimizer_{when}_ms"] for when in ("before", "now"))
        optimizer, penalty = (
            f"{r[f'{part}_before_ms']:.1f} → {r[f'{part}_now_ms']:.1f}"
            for part in ("optimizer", "penalty")
        )
        rows.append(
            [
                f"784-{width}-{width}-10",
                f"{r['n_weights']:,}",
                f"{r['gradients_ms']:.1f}",
                optimizer,
                penalty,
                f"{before:.1f} → {now:.1f} ms, {before / now:.1f} times as fast",
            ]
        )
    return table(HEADER, rows)


def stacked(record: dict[str, Any]) -> str:
    """From results/stacked_seeds.json."""
    rows = [
        [
            f"784-{width}-{width}-10",
            f"{r['n_weights']:,}",
            f"{r['in_turn_ms']:.1f}",
            f"{r['stacked_ms']:.1f}",
            f"{r['gain']:.2f}",
            f"{r['median_gain']:.2f}",
        ]
        for width, r in sorted(record.items(), key=lambda item: int(item[0]))
    ]
    return table(STACKED_HEADER, rows)
