"""The tables of results: one for people on a terminal and in the documents, from one document.

docs/METHODS.md has a pair of marks for each table; what stands between them is made here, from the
JSON that `metabit reproduce NAME --save` keeps in benchmarks/results/reproduce/; a mark of its own
names the benchmarks that are put side by side (see `overview`). Text around the
marks is left alone. Results that have no marks yet get them under a heading at the end of the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabit.errors import InputError
from metabit.files import write_whole
from metabit.trainer.circumstances import ROOT, commit_in_words
from metabit.trainer.recipe.tables import toml_value
from metabit.trainer.reproduction import results
from metabit.trainer.reproduction.jobs import SHARES
from metabit.trainer.reproduction.overview import overview
from metabit.trainer.reproduction.results import Document

FOLDER = ROOT / "benchmarks" / "results" / "reproduce"
PAGE = ROOT / "docs" / "METHODS.md"

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
        brief: leave out columns, so that it fits a terminal.

    Returns:
        titles of the columns, and the cells of each row; shares in per cent.
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
        return f"{100 * mean:.1f}"  # acc is what is compared: only it has room for its spread
    digits, scale = (2, 100) if key == "acc" else (4, 1)
    spread = "" if std is None else f" ± {scale * std:.{digits}f}"
    return f"{scale * mean:.{digits}f}{spread}"


def target_lines(document: Document) -> list[str]:
    """One line a target: whether it is met, and by which value."""
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
    """The table of a document, its targets, remarks and circumstances, for docs/METHODS.md."""
    titles, cells = table(document)
    lines = [_line(titles), _line(["---"] * len(titles)), *(_line(row) for row in cells), ""]
    lines += [f"- {line}" for line in target_lines(document)]
    lines += [f"- {line}" for line in extra_metric_lines(document)]
    lines += [f"- {row['label']}: {row['remark']}" for row in document["rows"] if row["remark"]]
    found = document["circumstances"]
    words = ", ".join(
        f"{key} {' and '.join(_known(key, value) for value in found[key])}"
        for key in ("commit", "date", "processor", "torch")
        if any(found.get(key, []))
    )
    source = f"; published figures: {document['source']}" if document["source"] else ""
    lines.append(f"- `{document['command']}`{source} ({words})")
    return "\n".join(lines)


def _known(key: str, value: str | None) -> str:
    return commit_in_words(value) if key == "commit" else str(value)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def save(document: Document) -> Path:
    """Keep a document in the checkout, and rewrite its table in docs/METHODS.md.

    Raises:
        InputError: code E-BENCHMARK: metabit does not run from a checkout.
    """
    if not PAGE.exists():
        raise InputError("--save keeps results in a checkout of metabit: there is none here",
                         code="E-BENCHMARK")  # fmt: skip
    name, scale = document["benchmark"], document["scale"]
    path = saved_path(name, scale)
    results.write(path, document)
    text = PAGE.read_text(encoding="utf-8")
    start, end = _marks(name, scale)
    if start not in text:
        text = f"{text.rstrip()}\n\n### {document['title']}; scale: {scale}\n\n{start}\n{end}\n"
    write_whole(PAGE, with_tables(text).encode())
    return path


def _marks(name: str, scale: str) -> tuple[str, str]:
    """The lines before and behind a table."""
    return f"<!-- reproduce {name} {scale} -->", f"<!-- end reproduce {name} {scale} -->"


def saved_path(name: str, scale: str) -> Path:
    """Where the results of a benchmark at one scale are kept."""
    return FOLDER / f"{name}-{scale}.json"


def with_tables(text: str) -> str:
    """A page with every table between its marks made again; one without results is left empty."""

    def fill(match: re.Match[str]) -> str:
        name, scale = match[1], match[2]
        path = saved_path(name, scale)
        body = markdown(results.read(path)) + "\n" if path.exists() else ""
        start, end = _marks(name, scale)
        return f"{start}\n{body}{end}"

    def fill_overview(match: re.Match[str]) -> str:
        scale, names = match[1], match[2].split()
        there = [path for name in names if (path := saved_path(name, scale)).exists()]
        body = overview([results.read(path) for path in there]) + "\n" if there else ""
        return f"<!-- overview {scale}: {match[2]} -->\n{body}<!-- end overview -->"

    mark = r"<!-- reproduce (\S+) (\S+) -->\n.*?<!-- end reproduce \1 \2 -->"
    text = re.sub(mark, fill, text, flags=re.DOTALL)
    mark = r"<!-- overview (\w+): ([^>]+?) -->\n.*?<!-- end overview -->"
    text = re.sub(mark, fill_overview, text, flags=re.DOTALL)
    mark = r"<!-- targets -->\n.*?<!-- end targets -->"
    return re.sub(mark, lambda _: f"<!-- targets -->\n{_all_targets()}<!-- end targets -->", text,
                  flags=re.DOTALL)  # fmt: skip


def _all_targets() -> str:
    """Every target of every benchmark that has results, with what was measured."""
    lines = ["| benchmark | scale | target |", "| --- | --- | --- |"]
    for path in sorted(FOLDER.glob("*.json")):
        document = results.read(path)
        named = _line([document["benchmark"], document["scale"]]).removesuffix("|")
        lines += [f"{named}| {line} |" for line in target_lines(document)]
    return "\n".join(lines) + "\n"
