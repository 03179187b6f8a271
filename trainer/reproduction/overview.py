"""All methods on several benchmarks in one table: accuracy at the end, with the state it costs.

docs/METHODS.md names the benchmarks in the mark; the rows are those of the first, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metabit.trainer.reproduction.results import Document


def overview(documents: Sequence[Document]) -> str:
    """A Markdown table, a row a method and a column a benchmark.

    A cell has the mean accuracy over all tasks at the end and its standard deviation over seeds, in
    per cent, and in brackets the KiB that the method keeps beyond network and optimizer. A method
    that a benchmark does not have gets a dash.

    Args:
        documents: results of the benchmarks, at least one.
    """
    titles = ["", *(document["benchmark"] for document in documents)]
    by_label = [{row["label"]: row for row in document["rows"]} for document in documents]
    lines = [_line(titles), _line(["---"] * len(titles))]
    for label in by_label[0]:
        lines.append(_line([label, *(_cell(rows.get(label)) for rows in by_label)]))
    return "\n".join(lines)


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    accuracy, state = row["metrics"]["acc"], row["metrics"]["state_bytes"]
    spread = "" if accuracy["std"] is None else f" ± {100 * accuracy['std']:.1f}"
    return f"{100 * accuracy['mean']:.1f}{spread} ({state['mean'] / 1024:,.0f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
