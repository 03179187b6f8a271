"""The figures that matter most, on the first page of docs/BENCHMARKS.md.

Each is a cell of a table that stands on another page, and so cannot say anything else than it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.results import table


@dataclass(frozen=True)
class Figure:
    """One of them.

    Attributes:
        what: was measured.
        where: its page and heading.
        mark, row: the table, and the first cell of the row.
        ours: the column of the device's figure.
        beside: columns of what it is compared with, and what each of them is.
        unit: of all of them.
    """

    what: str
    where: str
    mark: str
    row: str
    ours: str
    beside: dict[str, str]
    unit: str = ""


TARGET = {"target": "aimed at"}
INFERENCE = "speed.md#inference-batch-1-one-thread-8-bit-input"
STEP = "speed.md#learning-on-the-device-time"
GATES = "gates.md#learning-on-the-device-the-gates"
DRIFT = "gates.md#streams-that-drift-and-on-which-nothing-was-tuned"
HEADS = "learning.md#a-guard-what-is-new-and-samples-without-labels"
MEMORY = "learning.md#learning-on-the-device-accuracy-and-memory"

FIGURES = (
    Figure("a prediction of 784-512-512-10 on one core, AVX2", INFERENCE,
           "inference-dense", "784-512-512-10", "metabit, µs",
           {"LiteRT, int8, µs": "LiteRT, int8", "ONNX Runtime, int8, µs": "ONNX Runtime, int8"},
           " µs"),
    Figure("a 3×3 convolution of bits, 56×56×64, AVX2", INFERENCE,
           "inference-conv", "56×56×64", "metabit, µs",
           {"LiteRT int8, µs": "LiteRT, int8", "ONNX Runtime int8, µs": "ONNX Runtime, int8"},
           " µs"),
    Figure("a sample that 784-128-128-10 learns or passes over, one core", STEP,
           "learning-speed", "784-128-128-10, x86, one core: a sample after the first 5,000, "
           "learnt or passed over", "measured", TARGET),
    Figure("instructions of a learning step of it, Cortex-M4F", STEP,
           "learning-speed", "learning step, 784-128-128-10, Cortex-M4F: instructions",
           "measured", TARGET),
    Figure("RAM in which all of its layers learn", MEMORY,
           "device-learning", "arena, 784-128-128-10, 8 bits", "measured", TARGET),
    Figure("streams of the gates that are passed, nothing set", GATES,
           "gates-old", "gates passed", "metabit, nothing set",
           {"naive Bayes": "naive Bayes", "MLP, Adam": "an MLP with Adam"}),
    Figure("five permutations of MNIST, each sample once, at the end", GATES,
           "gates-known", "five permutations of MNIST", "metabit, nothing set",
           {"naive Bayes": "naive Bayes", "MLP, Adam": "an MLP with Adam"}, " %"),
    Figure("six activities of new people, after the head has learnt six transitions too", HEADS,
           "new-people", "features as they are", "activities, % (≥ 93)",
           {"activities before, %": "before"}, " %"),
    Figure("the transitions, new to the network", HEADS,
           "new-people", "features as they are", "transitions, % (≥ 70)", {}, " %"),
    Figure("streams that drift: at most one point below simple rivals, and two below an MLP", DRIFT,
           "drifting-reported", "passed", "metabit", {}),
)  # fmt: skip


def made(tables: Callable[[str], str]) -> str:
    """The table of these figures.

    Args:
        tables: a mark -> its table.
    """
    rows = []
    for figure in FIGURES:
        found = cells(tables(figure.mark), figure.row)
        beside = [
            f"{short(found[name], figure.unit)} ({what})" for name, what in figure.beside.items()
        ]
        beside += [f"{target} (aimed at)" for target in re.findall(r"\((≥ .*)\)", figure.ours)]
        ours = f"**{short(found[figure.ours], figure.unit)}**"
        rows.append([f"[{figure.what}](benchmarks/{figure.where})", ours, ", ".join(beside) or "-"])
    return table(["what", "the device", "beside it"], rows)


def short(cell: str, unit: str) -> str:
    """A cell with its unit, without what stands in brackets after a number."""
    return f"{cell.partition(' (')[0]}{unit}" if unit else cell


def cells(of: str, row: str) -> dict[str, str]:
    """A row of a Markdown table, by the titles of its columns.

    Errors: KeyError, where it has no such row.
    """
    titles, _, *rows = (
        [c.strip() for c in line.strip("| ").split(" | ")] for line in of.split("\n")
    )
    found = {one[0]: one for one in rows}[row]
    return {name: cell.strip("*") for name, cell in zip(titles, found, strict=True)}
