"""Methods on several benchmarks: all of them in one table, or one of them in a line.

The table has the rows of the first benchmark, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metabit.trainer.reproduction.results import Document


def overview(documents: Sequence[Document]) -> str:
    """A Markdown table with one row per method and one column per benchmark.

    A cell has the mean accuracy on all tasks at the end and its standard deviation over seeds, in
    per cent, and in brackets the KiB that the method keeps in addition to network and optimizer. A
    method that a benchmark does not have gets a dash.

    Args:
        documents: results of the benchmarks, at least one.
    """
    titles = ["", *(document["benchmark"] for document in documents)]
    by_label = [{row["label"]: row for row in document["rows"]} for document in documents]
    lines = [_line(titles), _line(["---"] * len(titles))]
    for label in by_label[0]:
        lines.append(_line([label, *(_cell(rows.get(label)) for rows in by_label)]))
    return "\n".join(lines)


def measured(documents: Mapping[str, Document], label: str) -> str:
    """One line: accuracy of a method on each benchmark, and of the first row in brackets.

    Args:
        documents: results by what the line calls the benchmark; a benchmark that does not have the
            method is left out.
        label: label of the method's row.
    """
    parts = []
    for words, document in documents.items():
        rows = {row["label"]: row["metrics"]["acc"]["mean"] for row in document["rows"]}
        if label not in rows:
            continue
        plain = next(iter(rows))
        beside = "" if plain == label else f" ({100 * rows[plain]:.1f})"
        parts.append(f"{words} {100 * rows[label]:.1f} %{beside}")
    return f"- Measured: {'; '.join(parts)}."


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    accuracy, state = row["metrics"]["acc"], row["metrics"]["state_bytes"]
    spread = "" if accuracy["std"] is None else f" ± {100 * accuracy['std']:.1f}"
    return f"{100 * accuracy['mean']:.1f}{spread} ({state['mean'] / 1024:,.0f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
