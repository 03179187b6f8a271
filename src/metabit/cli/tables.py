"""Tables and figures that several verbs show, so that they look the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from metabit.cli.answers import Answer
from metabit.cli.plain_table import PlainTable
from metabit.edge_runtime.sizes import format_kib

if TYPE_CHECKING:
    from metabit.firmware_sim.simulate import Work

#: The row of `work_table` for the frames from one sample to the next.
FRONT_END = "front end"

#: What stands below `work_table`.
WORK_NOTE = "instructions are counted; cycles, time and energy are estimates"


def table(title: str, *columns: str) -> PlainTable:
    """A table whose column names starting with ">" are right-aligned."""
    made = PlainTable(title=title or None, box=None)
    made.pad_edge = False
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            column.lstrip(">"), justify="right" if right else "left", header_style="dim",
            overflow="fold", no_wrap=right,
        )  # fmt: skip
    return made


def table_below(title: str, *columns: str) -> PlainTable:
    """As `table`, with an empty line before it."""
    made = table(title, *columns)
    made.below = True
    return made


def percent(share: float) -> str:
    """A share as per cent with one decimal."""
    return f"{100 * share:.1f} %"


def format_us(us: float) -> str:
    """Microseconds as µs, ms or s with three digits."""
    for limit, unit in ((1e3, "µs"), (1e6, "ms"), (float("inf"), "s")):
        if us < limit:
            return f"{us / limit * 1e3 if unit != 's' else us / 1e6:.3g} {unit}"
    raise AssertionError("infinity is larger")


def budget_bar(used: int, available: int, width: int = 40) -> Text:
    """A bar of `width` cells for bytes used of those available, green, yellow or red."""
    share = used / available if available else float("inf")
    style = "red" if share > 1 else "yellow" if share > 0.9 else "green"
    full = min(width, round(share * width)) if available else width
    return Text.assemble(("█" * full, style), ("░" * (width - full), "dim"), f" {share:.0%}")


MOST_CONFUSED = 12
"""Classes of a confusion matrix that fits a terminal."""


def by_class(
    name: Callable[[int], str], truth: NDArray[np.int32], right: NDArray[np.bool_]
) -> list[Answer]:
    """Samples of each class that occurs, and the share of them that was predicted right.

    Args:
        name: of the class with a label, or its number as text.
        truth: labels, shape (n,).
        right: whether each sample was predicted right, shape (n,).
    """
    return [
        {
            "label": label,
            "name": name(label),
            "n_samples": int((truth == label).sum()),
            "accuracy": float(right[truth == label].mean()),
        }
        for label in np.unique(truth).tolist()
    ]


def class_table(classes: list[Answer]) -> Table | None:
    """A table of classes; None where they have no names but their numbers.

    Args:
        classes: "name", "n_samples" and "accuracy" of each; of a stream that was learnt also
            "accuracy_before" and "accuracy_after".
    """
    if all(row["name"] == str(row["label"]) for row in classes):
        return None
    learnt = "accuracy_after" in classes[0]
    keys = ["accuracy_before", "accuracy", "accuracy_after"] if learnt else ["accuracy"]
    titles = [">before", ">as they came", ">after"] if learnt else [">right"]
    rows = table("", "class", ">samples", *titles)
    for row in classes:
        rows.add_row(row["name"], f"{row['n_samples']:,}", *(percent(row[key]) for key in keys))
    return rows


def confusions(
    truth: NDArray[np.integer], said: NDArray[np.integer], n_classes: int
) -> list[list[int]]:
    """How often a label (rows) was predicted as each class (columns); -1 is no class.

    Args:
        truth, said: labels, shape (n,).
        n_classes: of the engine.
    """
    counts, known = np.zeros((n_classes, n_classes), np.int64), said >= 0
    np.add.at(counts, (truth[known], said[known]), 1)
    found: list[list[int]] = counts.tolist()
    return found


def confusion_table(classes: list[Answer], confusion: list[list[int]] | None) -> Table | None:
    """A table of what was taken for what; None where it is too wide, or classes have no names.

    Args:
        classes: those that occur; see `class_table`.
        confusion: from `confusions`.
    """
    labels = [row["label"] for row in classes]
    numbered = all(row["name"] == str(row["label"]) for row in classes)
    if confusion is None or numbered or not 1 < len(labels) <= MOST_CONFUSED:
        return None
    cells = [[f"{n:,}" if n else "" for n in (confusion[row][said] for said in labels)]
             for row in labels]  # fmt: skip
    widest = max(len(cell) for row in cells for cell in row)
    rows = table_below("what is right (rows), and what was said (columns)", "")
    for row in classes:  # a long name takes several lines, because two may begin alike
        rows.add_column(
            row["name"], justify="right", header_style="dim", overflow="fold", min_width=widest
        )
    for row, counts in zip(classes, cells, strict=True):
        rows.add_row(row["name"], *counts)
    return rows


def sizes_table(sizes: Mapping[str, int]) -> Table:
    """The table that compares a packed model with its float32 and int8 forms."""
    rows = table_below("sizes", "as", ">size", ">of float32")
    float_bytes = sizes["float32_bytes"]
    for label, key in (
        ("float32 weights", "float32_bytes"),
        ("int8 weights", "int8_bytes"),
        ("1-bit weights, packed", "weight_bytes"),
        ("learnt state in the file", "learn_bytes"),
        ("counting head in the file", "head_bytes"),
        ("the whole .mbit file", "file_bytes"),
    ):
        rows.add_row(label, format_kib(sizes[key]), f"{sizes[key] / float_bytes:.1%}")
    return rows


def work_table(kinds: dict[str, Work | None], learn: Work | None) -> Table:
    """Counted instructions, and estimated time and energy, of each kind of work.

    Args:
        kinds: work by name; None for what was not counted.
        learn: one learning step, which may be of several samples.
    """
    rows = table_below("time", "", ">instructions", ">cycles", ">time", ">range", ">energy")
    if learn is not None:
        samples = "one sample" if learn.n_samples == 1 else f"{learn.n_samples} samples, one step"
        kinds = kinds | {f"learn {samples}": learn}
    for name, work in kinds.items():
        if work is None:
            continue
        cells = ["-"] * 4
        if work.estimate is not None:
            low, typical, high = work.estimate.microseconds
            energy = work.estimate.microjoules
            cells = [
                f"{work.estimate.cycles[1]:,.0f}",
                format_us(typical),
                f"{format_us(low)} to {format_us(high)}",
                "-" if energy is None else f"{energy[1]:,.2f} µJ",
            ]
        rows.add_row(name, f"{work.counts.total:,.0f}", *cells)
    return rows
