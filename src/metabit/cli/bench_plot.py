"""The picture of `metabit bench`: every contestant's windows as a band, the quickest as a mark."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from metabit.bench.timing import Times
from metabit.picture import png
from metabit.trainer.runs.plots import ACCENT, DPI, INK, MUTED

ROW_IN = 0.32
MARGIN_IN = 0.95


def picture(
    title: str, whole: Mapping[str, Times], single: Mapping[str, Times], learnt: Mapping[str, Times]
) -> bytes:
    """PNG: a panel each for the network, its layers, and the learning step if there is one.

    A bar reaches from the quickest window to the 99th percentile; the line across is
    the median.
    """
    panels = {"one sample": whole, "each layer alone": single, "learning one sample": learnt}
    panels = {name: times for name, times in panels.items() if times}
    heights = [MARGIN_IN + ROW_IN * len(times) for times in panels.values()]
    figure = Figure(figsize=(7.2, sum(heights) + 0.3), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)
    for axes, (name, times) in zip(grid[:, 0], panels.items(), strict=True):
        _draw(axes, name, times)
    figure.suptitle(title, color=INK, fontsize=11)
    return png(figure)


def _draw(axes: Axes, name: str, measured: Mapping[str, Times]) -> None:
    rows = np.arange(len(measured))
    for row, times in zip(rows, measured.values(), strict=True):
        color = ACCENT if row == 0 else MUTED
        axes.barh(row, times.p99_us - times.min_us, left=times.min_us, color=color, height=0.55)
        axes.plot([times.median_us] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=1.2)
    axes.set_xscale("log")
    for formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatter(FuncFormatter(lambda us, _: f"{us:g}"))
    axes.tick_params(labelsize=8)
    axes.set_yticks(rows, list(measured))
    axes.invert_yaxis()
    axes.set_title(name, color=INK, fontsize=10, loc="left")
    axes.set_xlabel("µs: from the quickest window to p99, line at the median", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
