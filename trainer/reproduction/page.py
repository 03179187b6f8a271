"""The tables of docs/RESULTS.md and the measured lines of docs/METHODS.md, made from saved results.

A page has pairs of marks; what stands between two marks is made here, from the JSON files that
`metabit reproduce NAME --save` keeps in benchmarks/results/reproduce/. The text around the marks is
left alone. Results that have no marks yet get them under a heading at the end of docs/RESULTS.md.

    <!-- reproduce NAME SCALE -->   the table of a benchmark
    <!-- overview SCALE: NAMES -->  all methods on these benchmarks
    <!-- targets -->                all targets of all benchmarks
    <!-- measured LABEL -->         one line about the rows of this label
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from metabit.errors import InputError
from metabit.files import write_whole
from metabit.trainer.circumstances import ROOT
from metabit.trainer.reproduction import results, search
from metabit.trainer.reproduction.benchmark import Benchmark
from metabit.trainer.reproduction.overview import measured, overview
from metabit.trainer.reproduction.results import Document
from metabit.trainer.reproduction.tables import markdown, target_lines

FOLDER = ROOT / "benchmarks" / "results" / "reproduce"
RESULTS, METHODS = ROOT / "docs" / "RESULTS.md", ROOT / "docs" / "METHODS.md"

MEASURED_ON = {
    "permuted-mnist": "permuted MNIST",
    "split-mnist-domain": "split MNIST by domain",
    "hapt-subjects": "HAPT by person",
}
"""Benchmarks of the measured lines, at small scale, and what a line calls them."""


def save(benchmark: Benchmark, document: Document) -> Path:
    """Keep a document in the checkout, and write its figures into both pages.

    Rows that were saved earlier and were not run now stay, unless their settings have changed.

    Args:
        benchmark: what was run.
        document: what came out.

    Raises:
        InputError: code E-BENCHMARK: metabit does not run from a checkout.
    """
    if not RESULTS.exists():
        raise InputError("--save keeps results in a checkout of metabit: there is none here",
                         code="E-BENCHMARK")  # fmt: skip
    name, scale = document["benchmark"], document["scale"]
    path = saved_path(name, scale)
    if path.exists():
        settings = search.settings(benchmark, scale)
        document = results.joined(benchmark, document, results.read(path), settings)
    results.write(path, document)
    text = RESULTS.read_text(encoding="utf-8")
    start, end = f"<!-- reproduce {name} {scale} -->", f"<!-- end reproduce {name} {scale} -->"
    if start not in text:
        text = f"{text.rstrip()}\n\n## {document['title']}; scale: {scale}\n\n{start}\n{end}\n"
    write_whole(RESULTS, with_figures(text).encode())
    write_whole(METHODS, with_figures(METHODS.read_text(encoding="utf-8")).encode())
    return path


def saved_path(name: str, scale: str) -> Path:
    """Where the results of a benchmark at one scale are kept."""
    return FOLDER / f"{name}-{scale}.json"


def with_figures(page: str) -> str:
    """A page with everything between its marks made again; without results it is left empty."""
    for mark, figures in (
        (r"reproduce (\S+) (\S+)", _table),
        (r"overview (\w+): ([^>]+?)", _overview),
        (r"targets", _targets),
        (r"measured ([^>]+?)", _measured),
    ):
        kind = mark.partition(" ")[0]
        between = re.compile(rf"<!-- {mark} -->\n.*?(<!-- end {kind}[^>]*-->)", re.DOTALL)

        def fill(match: re.Match[str], make: Callable[..., str] = figures) -> str:
            first_line = match[0].partition("\n")[0]
            *words, end = match.groups()
            return f"{first_line}\n{make(*words)}{end}"

        page = between.sub(fill, page)
    return page


def _table(name: str, scale: str) -> str:
    return "".join(markdown(document) + "\n" for document in _saved([name], scale))


def _overview(scale: str, names: str) -> str:
    documents = _saved(names.split(), scale)
    return overview(documents) + "\n" if documents else ""


def _measured(label: str) -> str:
    documents = {words: document for name, words in MEASURED_ON.items()
                 for document in _saved([name], "small")}  # fmt: skip
    return measured(documents, label) + "\n" if documents else ""


def _targets() -> str:
    """Every target of every benchmark that has results, with what was measured."""
    lines = ["| benchmark | scale | target |", "| --- | --- | --- |"]
    for path in sorted(FOLDER.glob("*.json")):
        document = results.read(path)
        for line in target_lines(document):
            lines.append(f"| {document['benchmark']} | {document['scale']} | {line} |")
    return "\n".join(lines) + "\n"


def _saved(names: Sequence[str], scale: str) -> list[Document]:
    """The results of these benchmarks, as far as there are any."""
    paths = [saved_path(name, scale) for name in names]
    return [results.read(path) for path in paths if path.exists()]
