"""One document of results as a table: for people on a terminal, and in Markdown for the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metabit.trainer.circumstances import commit_in_words
from metabit.trainer.recipe.tables import toml_value
from metabit.trainer.reproduction.jobs import SHARES
from metabit.trainer.reproduction.results import Document

_TITLES = {
    "acc": "end",
    "plasticity": "new",
    "bwt": "BWT",
    "fwt": "FWT",
    "forgetting": "forgotten",
    "prequential": "prequential",
    "state_bytes": "state KiB",
    "n_steps": "steps",
    "seconds": "seconds",
}
_COSTS = ("state_bytes", "n_steps", "seconds")
_LONG_ONLY = ("bwt", "fwt", "n_steps")

Cells = list[list[str]]


def table(document: Document, brief: bool = False) -> tuple[list[str], Cells]:
    """The table of a document.

    Args:
        document: as `metabit.trainer.reproduction.results.collect` gives it.
        brief: leave out some columns, so that the table fits a terminal.

    Returns:
        titles of the columns, and the cells of each row, with shares in per cent.
    """
    if document["experiment"] is not None:
        metrics = [row["metrics"] for row in document["rows"]]
        rows = [[name, _cell(m, name)] for m in metrics for name in m]
        return ["number", "value"], rows
    there = {key for row in document["rows"] for key in row["metrics"]}
    there -= set(_LONG_ONLY) if brief else set()
    shares = [key for key in SHARES if key in there]
    costs = [key for key in _COSTS if key in there]
    cells = [
        [
            _label(row),
            *(_cell(row["metrics"], key) for key in shares),
            _paper(row),
            "" if row["gap"] is None else f"{row['gap']:+.2f}",
            *(_cell(row["metrics"], key) for key in costs),
            str(len(row["seeds"])),
        ]
        for row in document["rows"]
    ]
    titles = [[_TITLES[key] for key in keys] for keys in (shares, costs)]
    return ["", *titles[0], "paper", "gap", *titles[1], "seeds"], cells


def _label(row: Mapping[str, Any]) -> str:
    """The row's label, and what a search chose for it."""
    words = [f"{key} = {_short(row['settings'][key])}" for key in row["searched"]]
    return ", ".join([row["label"], *words])


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else toml_value(value)


def _paper(row: Mapping[str, Any]) -> str:
    if row["paper"] is None:
        return ""
    return f"{row['paper']:.2f}" + (f" ± {row['paper_std']:.2f}" if row["paper_std"] else "")


def _cell(metrics: Mapping[str, Any], key: str) -> str:
    if key not in metrics:
        return "-"
    mean, std = metrics[key]["mean"], metrics[key]["std"]
    if key in ("n_steps", "seconds"):
        return f"{mean:,.0f}"
    if key == "state_bytes":
        return f"{mean / 1024:,.1f}"
    if key in SHARES and key != "acc":
        return f"{100 * mean:.1f}"  # only acc, which is compared, has room for its deviation
    digits, scale = (2, 100) if key == "acc" else (4, 1)
    spread = "" if std is None else f" ± {scale * std:.{digits}f}"
    return f"{scale * mean:.{digits}f}{spread}"


def target_lines(document: Document) -> list[str]:
    """One line per target: whether it is met, and the measured value."""
    lines = []
    for target in document["targets"]:
        word = {True: "met", False: "short", None: "not measured"}[target["met"]]
        name = f"{target['row']}: {target['metric']}" if target["row"] else target["metric"]
        value = "" if target["value"] is None else f" {target['value']:.2f}"
        bound = target["rule"]
        if target["bound"] is not None and target["rule"].startswith("> "):
            bound += f" ({target['bound']:.2f})"
        lines.append(f"{word}: {name}{value} {bound}")
    return lines


def extra_metric_lines(document: Document) -> list[str]:
    """One line per row whose method has metrics that the table has no column for."""
    if document["experiment"] is not None:
        return []
    extra = {
        row["label"]: [
            f"{key} = {found['mean']:.4g}"
            for key, found in row["metrics"].items()
            if key not in (*SHARES, *_COSTS)
        ]
        for row in document["rows"]
    }
    return [f"{label}: {', '.join(words)}" for label, words in extra.items() if words]


def markdown(document: Document) -> str:
    """The table of a document, its targets, remarks and circumstances, for docs/RESULTS.md."""
    titles, cells = table(document)
    lines = [_line(titles), _line(["---"] * len(titles)), *(_line(row) for row in cells), ""]
    lines += [f"- {line}" for line in target_lines(document)]
    lines += [f"- {line}" for line in extra_metric_lines(document)]
    lines += [f"- {row['label']}: {row['remark']}" for row in document["rows"] if row["remark"]]
    found = document["circumstances"]
    words = ", ".join(
        f"{key} {' and '.join(_known(key, value) for value in found[key])}"
        for key in ("commit", "date", "processor", "gpu", "torch")
        if any(found.get(key, []))
    )
    source = f"; published figures: {document['source']}" if document["source"] else ""
    lines.append(f"- `{document['command']}`{source} ({words})")
    return "\n".join(lines)


def _known(key: str, value: str | None) -> str:
    return commit_in_words(value) if key == "commit" else value or "none"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
