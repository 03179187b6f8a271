"""Pictures that compare runs: curves, matrices, and trade-offs."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from metabit.picture import png
from metabit.trainer.runs.comparison import Comparison, Group, MeanAndStd
from metabit.trainer.runs.plots import (
    DPI,
    INK,
    MAX_TASKS_WITH_NUMBERS,
    MUTED,
    draw_cells,
    new_figure,
)

COLORS = ("#0b6e99", "#d1495b", "#2e8540", "#edae49", "#6a4c93", "#7b8794", "#17a2b8", "#8d5524")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
"""8 colours and 7 marks: the numbers have no common divisor, so 56 groups look different."""

GRID = "#e4e7eb"
LEGEND_IN = 3.1
LINE_IN = 0.22
PANELS_IN_A_ROW = 4
MOST_LINEAR_BYTES = 64
"""Above so many bytes of state per weight the axis is logarithmic."""


@dataclass(frozen=True)
class _Style:
    """How a group looks in every picture."""

    group: Group
    color: str
    mark: str


def _styles(comparison: Comparison) -> list[_Style]:
    return [
        _Style(group, COLORS[i % len(COLORS)], MARKS[i % len(MARKS)])
        for i, group in enumerate(comparison.groups)
    ]


def figures(comparison: Comparison) -> dict[str, bytes]:
    """All pictures that have something to show, as PNG by file name.

    Curves, matrices and the trade-off need several tasks, and accuracy over state bytes needs a
    group whose state is known.
    """
    made = {}
    if len(comparison.tasks) > 1:
        made["accuracy_so_far.png"] = curves_figure(comparison)
        made["accuracy_matrices.png"] = matrices_figure(comparison)
        made["stability_plasticity.png"] = trade_off_figure(comparison)
    if groups_with_prequential(comparison):
        made["prequential.png"] = prequential_figure(comparison)
    if groups_with_state(comparison):
        made["accuracy_state.png"] = state_figure(comparison)
    return made


def groups_with_state(comparison: Comparison) -> list[Group]:
    """The groups whose state bytes are known."""
    return [g for g in comparison.groups if g.results[0].state_bytes is not None]


def groups_with_prequential(comparison: Comparison) -> list[Group]:
    """The groups in which every run has test-then-train accuracies."""
    return [g for g in comparison.groups if all(r.prequential is not None for r in g.results)]


def prequential_figure(comparison: Comparison) -> bytes:
    """PNG: test-then-train accuracy in a sliding window, as a mean over seeds."""
    styles = [s for s in _styles(comparison) if s.group in groups_with_prequential(comparison)]
    figure, axes = _figure_with_legend(len(styles))
    for style in styles:
        found = [r.prequential for r in style.group.results if r.prequential is not None]
        mean = 100 * np.mean([each.curve for each in found], axis=0)
        axes.plot(found[0].samples, mean, color=style.color, linewidth=1.4, label=style.group.label)
    axes.set_xlabel("samples learnt", color=INK)
    axes.set_ylabel("accuracy in %", color=INK)
    _grid(axes)
    _finish(figure, axes, comparison, "accuracy on samples before they are learnt")
    return png(figure)


def curves_figure(comparison: Comparison) -> bytes:
    """PNG: accuracy on all tasks so far, after each task; a band shows one standard deviation."""
    styles = _styles(comparison)
    figure, axes = _figure_with_legend(len(styles))
    learnt = np.arange(1, len(comparison.tasks) + 1)
    few = len(learnt) <= MAX_TASKS_WITH_NUMBERS
    for style in styles:
        curves = 100 * style.group.curves()
        mean = curves.mean(axis=0)
        axes.plot(
            learnt, mean, color=style.color, linewidth=1.8, label=style.group.label,
            marker=style.mark, markersize=5, markevery=1 if few else max(1, len(learnt) // 8),
        )  # fmt: skip
        if len(curves) > 1:
            std = curves.std(axis=0, ddof=1)
            axes.fill_between(
                learnt, mean - std, mean + std, color=style.color, alpha=0.15, linewidth=0
            )
    if few:
        axes.set_xticks(learnt)
    axes.set_xlabel("tasks learnt", color=INK)
    axes.set_ylabel("accuracy in %", color=INK)
    _grid(axes)
    _finish(figure, axes, comparison, "accuracy on all tasks so far")
    return png(figure)


def matrices_figure(comparison: Comparison) -> bytes:
    """PNG: the accuracy matrix of each group, as a mean over its seeds, in the same colours."""
    n_tasks, groups = len(comparison.tasks), comparison.groups
    columns = min(PANELS_IN_A_ROW, len(groups))
    rows = math.ceil(len(groups) / columns)
    few = n_tasks <= MAX_TASKS_WITH_NUMBERS
    side = max(1.8, 0.42 * n_tasks) if few else 3.0
    width = max(4.5, (side + 0.5) * columns + 0.4)
    figure = Figure(figsize=(width, (side + 0.7) * rows + 1.0), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (group, axes) in enumerate(zip(groups, panels, strict=False)):
        image = _draw_panel(axes, group, round(13 * side))
        if place % columns == 0:
            axes.set_ylabel("after task", color=INK)
        if place + columns >= len(groups):
            axes.set_xlabel("tested on task", color=INK)
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    if not few:
        figure.colorbar(image, ax=panels, shrink=min(1, 2 / rows), label="accuracy in %")
    _title(figure, comparison, "accuracy in %", "mean")
    return png(figure)


def _draw_panel(axes: Axes, group: Group, letters: int) -> AxesImage:
    """One matrix with the group's label above it, in lines of at most so many letters."""
    few = group.n_tasks <= MAX_TASKS_WITH_NUMBERS
    image = draw_cells(axes, group.mean_matrix(), decimals=0 if few else None)
    axes.set_aspect("equal")
    axes.set_title(_folded(group.label, letters), color=INK, fontsize=9, loc="left")
    places = range(0, group.n_tasks, 1 if few else math.ceil(group.n_tasks / 6))
    numbers = [str(place + 1) for place in places]
    axes.set_xticks(places, numbers, fontsize=8)
    axes.set_yticks(places, numbers, fontsize=8)
    return image


def trade_off_figure(comparison: Comparison) -> bytes:
    """PNG: stability (backward transfer) over plasticity (accuracy on a task just learnt).

    Dashed lines join points of equal ACC, which is plasticity + (T - 1) / T * backward transfer.
    """
    styles = _styles(comparison)
    figure, axes = _figure_with_legend(len(styles))
    for style in styles:
        numbers = style.group.estimates()
        _draw_point(axes, style, _percent(numbers["plasticity"]), _percent(numbers["bwt"]))
    axes.margins(0.15)
    _draw_equal_acc(axes, len(comparison.tasks))
    axes.set_xlabel("plasticity: accuracy on a task just learnt, in %", color=INK)
    axes.set_ylabel("stability: backward transfer, in points", color=INK)
    _finish(figure, axes, comparison, "what is kept over what is learnt")
    return png(figure)


def _draw_equal_acc(axes: Axes, n_tasks: int) -> None:
    """Lines of equal ACC across the visible part, each with its name at its left end."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    share = (n_tasks - 1) / n_tasks
    least, most = max(0, left + share * low), min(100, right + share * high)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if (most - least) / s <= 8)
    for acc in np.arange(math.ceil(least / step) * step, most, step):
        begin = max(left, acc - share * high)
        axes.plot(
            [begin, right], [(acc - begin) / share, (acc - right) / share],
            color=MUTED, linewidth=0.8, linestyle="--", zorder=0,
        )  # fmt: skip
        axes.annotate(
            f"ACC {acc:g} %", (begin, (acc - begin) / share), xytext=(3, -4),
            textcoords="offset points", color=MUTED, fontsize=7, va="top", zorder=0,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def state_figure(comparison: Comparison) -> bytes:
    """PNG: ACC over the bytes per weight that a method needs beyond network and optimizer."""
    styles = [s for s in _styles(comparison) if s.group in groups_with_state(comparison)]
    figure, axes = _figure_with_legend(len(styles))
    most = 0.0
    for style in styles:
        numbers = style.group.estimates()
        _draw_point(axes, style, numbers["state_bytes_per_weight"], _percent(numbers["acc"]))
        most = max(most, numbers["state_bytes_per_weight"].mean)
    if most > MOST_LINEAR_BYTES:  # "symlog", because some methods keep 0 bytes
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(-0.2, 2 * most)
    else:
        axes.set_xlim(-0.05 * max(most, 1), 1.1 * max(most, 1))
    axes.margins(y=0.15)
    axes.set_xlabel("state of the method, in bytes per weight", color=INK)
    axes.set_ylabel("accuracy on all tasks at the end, in %", color=INK)
    _grid(axes)
    _finish(figure, axes, comparison, "accuracy over memory")
    return png(figure)


def _percent(share: MeanAndStd) -> MeanAndStd:
    return MeanAndStd(100 * share.mean, None if share.std is None else 100 * share.std)


def _draw_point(axes: Axes, style: _Style, x: MeanAndStd, y: MeanAndStd) -> None:
    """A mark, with one standard deviation to each side if there are several seeds."""
    axes.errorbar(
        x.mean, y.mean, xerr=x.std or None, yerr=y.std or None, color=style.color,
        marker=style.mark, markersize=7, markeredgecolor="white", markeredgewidth=0.6,
        linestyle="none", elinewidth=1.2, capsize=2, label=style.group.label,
    )  # fmt: skip


def _figure_with_legend(n_lines: int) -> tuple[Figure, Axes]:
    """One panel with room for so many labels on its right."""
    return new_figure(6.0 + LEGEND_IN, max(4.2, 0.8 + LINE_IN * n_lines))


def _finish(figure: Figure, axes: Axes, comparison: Comparison, what: str) -> None:
    """Title and legend."""
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    folded = [_folded(label, 40) for label in labels]
    figure.legend(handles, folded, loc="outside right upper", frameon=False, fontsize=8)
    _title(figure, comparison, what, "mean ± standard deviation")


def _title(figure: Figure, comparison: Comparison, what: str, statistic: str) -> None:
    """The stream, and in a second line what is drawn and the number of seeds."""
    counts = sorted({len(group.results) for group in comparison.groups})
    seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    note = "one seed" if counts == [1] else f"{statistic} of {seeds} seeds"
    words = f"{comparison.stream}\n{what}, {note}"
    figure.suptitle(words, color=INK, fontsize=11, x=0.01, ha="left")


def _grid(axes: Axes) -> None:
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _folded(label: str, width: int) -> str:
    return "\n".join(textwrap.wrap(label, width))
