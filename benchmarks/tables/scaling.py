"""The table and the plots of docs/benchmarks/speed.md about scaling, from results/scaling.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.results import table
from metabit.bench.layers import ROOFS
from metabit.files import write_whole
from metabit.picture import png
from metabit.trainer.runs.plots import ACCENT, DPI, INK, MUTED

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "scaling.png"

Record = dict[str, Any]


def summary(r: Record) -> str:
    """Every second width."""
    rows = [
        [
            f"{row['width']:,}", f"{row['touched_bytes'] / 1024:,.1f}",
            f"{row['file_bytes'] / 1024:,.1f}", f"{row['arena_bytes'] / 1024:,.1f}",
            f"{row['min_us']:.3g}", f"{row['median_us']:.3g}", f"{row['macs_per_cycle']:.1f}",
            row["path"],
        ]
        for row in r.get("widths", [])[::2]
    ]  # fmt: skip
    header = ["width", "KiB touched", "KiB of file", "KiB of arena", "min, µs", "median, µs"]
    return table([*header, "MAC/cycle", "kernels"], rows)


def threads(r: Record) -> str:
    """A row per layer: one thread, and how many times as fast each other number of them is."""
    measured = r.get("threads", [])
    numbers = sorted({row["threads"] for row in measured})
    layers = dict.fromkeys(row["layer"] for row in measured)
    took = {(row["layer"], row["threads"]): row for row in measured}
    rows = []
    for layer in layers:
        one = took[layer, 1]
        cells = [f"{took[layer, n]['min_us']:.3g}" for n in numbers]
        cells += [f"{took[layer, n]['median_us']:.3g}" for n in numbers]
        cells += [f"{one['min_us'] / took[layer, n]['min_us']:.2f}" for n in numbers[1:]]
        rows.append([layer, *cells])
    header = ["layer", *(f"min of {n}, µs" for n in numbers)]
    header += [f"median of {n}, µs" for n in numbers]
    return table([*header, *(f"{n} against 1, min" for n in numbers[1:])], rows)


def plot(r: Record) -> None:
    """Write docs/images/scaling.png: widths, rows, batches."""
    figure = Figure(figsize=(10.5, 3.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    by_width, by_row, by_batch = figure.subplots(1, 3)
    _speed(by_width, r["widths"], "a square layer of bits, 128 to 8,192 wide")
    for name, n_bytes in r["caches"].items():
        by_width.axvline(n_bytes / 1024, color=MUTED, linewidth=0.8, linestyle=":")
        by_width.text(n_bytes / 1024, 2, f" {name}", color=MUTED, fontsize=8)
    by_width.set_xlabel("KiB touched", color=INK)
    _speed(by_row, r["rows"], "256 rows of 32 to 65,535 bits")
    by_row.set_xlabel("KiB touched", color=INK)
    batch = [row["batch"] for row in r["batches"]]
    took = [row["sample_us"] for row in r["batches"]]
    by_batch.plot(batch, took, "o-", color=ACCENT, markersize=4)
    by_batch.axhline(r["batches"][0]["core_us"], color=MUTED, linestyle=":")
    by_batch.text(1, r["batches"][0]["core_us"], "C alone", va="top", color=MUTED, fontsize=8)
    by_batch.set_xscale("log", base=2)
    by_batch.set_xticks(batch, [str(n) for n in batch])
    by_batch.set_ylim(bottom=0)
    by_batch.set_xlabel("samples a call of Engine.predict", color=INK)
    by_batch.set_title("784-512-512-10: µs a sample", color=INK, fontsize=9, loc="left")
    for axes in (by_width, by_row, by_batch):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    write_whole(PICTURE, png(figure))


def _speed(axes: Axes, rows: list[Record], title: str) -> None:
    """MAC/cycle against the bytes that a layer touches."""
    touched = np.array([row["touched_bytes"] for row in rows]) / 1024
    axes.plot(touched, [row["macs_per_cycle"] for row in rows], "o-", color=ACCENT, markersize=4)
    roof = ROOFS.get(rows[0]["path"])
    if roof is not None:
        axes.axhline(roof, color=INK, linewidth=0.8)
        axes.text(touched[0], roof, "roof", va="top", color=INK, fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{title}: MAC/cycle", color=INK, fontsize=9, loc="left")
