"""Results as a picture: accuracy of every candidate over the flash it needs."""

from __future__ import annotations

from typing import Any

INK, MUTED, ACCENT, RED = "#1f2933", "#9aa5b1", "#0b6e99", "#d1495b"


def picture(found: dict[str, Any]) -> bytes:
    """PNG of the candidates and, among them, the chosen one and the unbeaten ones.

    Args:
        found: from `outcome.document`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from metabit.picture import png

    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    rows, chosen = found["candidates"], found["chosen"]
    last = max(row["stage"] for row in rows)
    for label, colour, some in (
        ("trained briefly", MUTED, [row for row in rows if row["stage"] < last]),
        ("trained longest", ACCENT, [row for row in rows if row["stage"] == last]),
    ):
        axes.scatter(
            [row["flash_bytes"] / 1024 for row in some], [100 * row["accuracy"] for row in some],
            s=[12 + row["ram_bytes"] / 1024 for row in some], color=colour, alpha=0.75,
            label=label, linewidths=0,
        )  # fmt: skip
    for rival in found["rivals"]:
        axes.scatter(
            rival["flash_bytes"] / 1024, 100 * rival["accuracy"], marker="x", color=INK, s=40
        )
        axes.annotate(
            rival["name"].partition(",")[0], (rival["flash_bytes"] / 1024, 100 * rival["accuracy"]),
            textcoords="offset points", xytext=(5, 4), fontsize=7, color=INK,
        )  # fmt: skip
    mine = next(row for row in rows if row["label"] == chosen["label"])
    axes.scatter(
        mine["flash_bytes"] / 1024, 100 * mine["accuracy"], s=160, facecolors="none",
        edgecolors=RED, linewidths=2, label=f"chosen: {chosen['label']}",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("flash in KiB; the larger a dot, the more RAM", color=INK)
    axes.set_ylabel("accuracy on held-out training samples, %", color=INK)
    axes.set_title(f"{found['question']['name']}: what fits", color=INK, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=8)
    return png(figure)
