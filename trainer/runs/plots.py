"""Pictures of a run: accuracy matrix, weights by layer, and what a method has after each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.typing import LineStyleType
from numpy.typing import NDArray

from metabit.picture import png
from metabit.trainer.metrics import Matrix

MAX_TASKS_WITH_NUMBERS = 12
"""A matrix of more tasks has no room for numbers, and curves are drawn in its place."""

DPI = 144
INK, MUTED, ACCENT = "#1f2933", "#7b8794", "#0b6e99"
N_BINS = 80
MARKS: dict[int, LineStyleType] = {1: ":", 4: "--"}
"""Values of m * |h| that are marked, and the style of their lines."""


def accuracy_figure(matrix: Matrix, task_names: list[str], title: str) -> bytes:
    """PNG of the accuracy matrix, with one row per learnt task and one column per tested task.

    For streams of more than 12 tasks there are two curves in its place: accuracy on the newest
    task, and mean accuracy on all tasks so far.

    Args:
        matrix: R[i, j] from 0 to 1, NaN where not measured.
        task_names: one name per task.
        title: name of the run.
    """
    n_tasks = len(matrix)
    if n_tasks > MAX_TASKS_WITH_NUMBERS:
        figure, axes = new_figure(7.0, 4.2)
        _draw_curves(axes, matrix)
    else:
        figure, axes = new_figure(3.4 + 0.72 * n_tasks, 2.3 + 0.52 * n_tasks)
        _draw_matrix(axes, matrix, task_names)
    axes.set_title(f"{title}\naccuracy in %", color=INK, fontsize=11, loc="left", pad=12)
    return png(figure)


def _draw_matrix(axes: Axes, matrix: Matrix, task_names: list[str]) -> None:
    draw_cells(axes, matrix, decimals=1)
    places = range(len(matrix))
    axes.set_xticks(places, task_names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, [f"after {name}" for name in task_names])
    axes.set_xlabel("tested on", color=INK)


def draw_cells(axes: Axes, matrix: Matrix, decimals: int | None) -> AxesImage:
    """Draw R in colours from 0 to 100 %; with `decimals`, also the number in each cell."""
    percent = np.ma.masked_invalid(100 * matrix)
    image = axes.imshow(percent, cmap="YlGnBu", vmin=0, vmax=100, aspect="auto")
    for i, j in np.argwhere(~np.ma.getmaskarray(percent)) if decimals is not None else ():
        color, number = "white" if percent[i, j] > 55 else INK, f"{percent[i, j]:.{decimals}f}"
        axes.text(j, i, number, ha="center", va="center", color=color, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def _draw_curves(axes: Axes, matrix: Matrix) -> None:
    percent = 100 * matrix
    learnt = np.arange(1, len(matrix) + 1)
    so_far = [percent[i, : i + 1].mean() for i in range(len(matrix))]
    newest = np.diagonal(percent)
    if np.allclose(so_far, newest):  # all parts of a stream are tested on the same samples
        axes.plot(learnt, newest, color=ACCENT, linewidth=2)
    else:
        axes.plot(learnt, so_far, color=ACCENT, linewidth=2, label="mean of all tasks so far")
        axes.plot(learnt, newest, color=MUTED, linewidth=1, label="newest task")
        axes.legend(frameon=False)
    axes.set_xlabel("tasks learnt", color=INK)
    axes.set_xlim(1, len(matrix))
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def by_task(metrics: Mapping[str, float]) -> dict[str, list[float]]:
    """The curves among the numbers of a method: those named WHAT_after_task_N, by WHAT."""
    curves: dict[str, list[float]] = {}
    for name, value in metrics.items():
        what, sep, _ = name.rpartition("_after_task_")
        if sep:
            curves.setdefault(what.replace("_", " "), []).append(value)
    return curves


def by_task_figure(curves: Mapping[str, Sequence[float]], title: str) -> bytes:
    """PNG of numbers that a method has after each task, such as the weights of a generator.

    Args:
        curves: one number per task, by what it is.
        title: name of the run.
    """
    figure, axes = new_figure(6.0, 3.8)
    for color, (what, values) in zip(cycle((ACCENT, MUTED)), curves.items()):
        axes.plot(range(1, len(values) + 1), values, color=color, marker="o", label=what)
    axes.set_xlabel("tasks learnt", color=INK)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.set_title(title, color=INK, fontsize=11, loc="left", pad=12)
    return png(figure)


def weights_figure(
    weights: Sequence[NDArray[np.float32]], m: tuple[float, ...], title: str, what: str
) -> bytes:
    """PNG of a histogram of the weights of each layer; in a binary network the hidden weights.

    Lines mark m * |h| = 1, where a weight takes 42 % of a step that would shrink it, and m * |h| =
    4, where it takes 0.1 %. A weight beyond the second line counts as frozen, and each panel says
    how many there are.

    Args:
        weights: one array per layer, outputs first.
        m: metaplasticity coefficient of each layer.
        title: name of the run.
        what: label of the horizontal axes, such as "hidden weight h".
    """
    figure = Figure(figsize=(3.2 * len(weights) + 0.6, 3.4), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(weights), squeeze=False)[0]
    for number, (weight, layer_m, axes) in enumerate(zip(weights, m, panels, strict=True), start=1):
        _draw_hidden(axes, weight.ravel(), layer_m)
        shape = f"{weight[0].size} to {len(weight)}"
        axes.set_title(f"layer {number}: {shape}", fontsize=9)
        axes.set_xlabel(what, color=INK)
    panels[0].set_ylabel("share of weights in %", color=INK)
    figure.suptitle(title, color=INK, fontsize=11, x=0.01, ha="left")
    if any(m):
        marks = [Line2D([], [], color=INK, linestyle=s, linewidth=0.8) for s in MARKS.values()]
        labels = [f"m|h| = {product}" for product in MARKS]
        figure.legend(marks, labels, loc="upper right", ncols=2, frameon=False, fontsize=8)
    return png(figure)


def _draw_hidden(axes: Axes, hidden: NDArray[np.float32], m: float) -> None:
    limit = max(float(np.abs(hidden).max()), 1e-6)
    counts, edges = np.histogram(hidden, bins=N_BINS, range=(-limit, limit))
    axes.stairs(100 * counts / hidden.size, edges, fill=True, color=ACCENT)
    axes.set_ylim(0, 1.25 * 100 * counts.max() / hidden.size)
    axes.set_xlim(-limit, limit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if m == 0:
        return
    for product, style in MARKS.items():
        for place in (-product / m, product / m):
            if abs(place) < limit:
                axes.axvline(place, color=INK, linestyle=style, linewidth=0.8)
    frozen = np.mean(m * np.abs(hidden) > 4)
    note = f"{100 * frozen:.0f} % frozen"
    axes.text(
        0.98, 0.97, note, transform=axes.transAxes, color=INK, fontsize=8, ha="right", va="top"
    )


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one panel, sizes in inches, on a canvas that needs no screen."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()
