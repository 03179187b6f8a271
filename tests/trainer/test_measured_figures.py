"""docs/CLAIMS.md and METHODS.md: a figure beside the name of a benchmark is one of its results.

The tables of docs/RESULTS.md are written by `metabit reproduce --save`; what is said about them in
words is not, and a table that is measured again would leave old figures behind.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction import page, results
from metabit.trainer.reproduction.jobs import SHARES
from metabit.trainer.reproduction.needs import needs
from metabit.trainer.reproduction.search import chosen_path

DOCS = Path(__file__).parents[2] / "docs"
CLAIMS, _, NOT_RUN = (DOCS / "CLAIMS.md").read_text().partition("\n## What was not run")
FIGURE = re.compile(r"(?<![\w.,^=*])\d+\.\d+(?!\w)")
BENCHMARKS = frozenset(benchmarks.names())
NAMED = re.compile(r"`(?:metabit reproduce )?([a-z0-9-]+)(?: --scale \w+)?`")


def claims() -> list[tuple[str, str]]:
    """Each line of a table of claims: its scale, and what was measured."""
    cells = [line.split(" | ") for line in CLAIMS.splitlines() if line.startswith("| ")]
    return [(line[-2], line[-1]) for line in cells if line[-2] not in ("scale", "---")]


def remarks() -> list[str]:
    """Each item of METHODS.md, without the lines that `--save` writes."""
    text = re.sub(r"<!-- measured.*?<!-- end", "", (DOCS / "METHODS.md").read_text(), flags=re.S)
    return [item for item in re.split(r"\n(?=- |\n)", text) if item.startswith("- ")]


@functools.cache
def measured(name: str) -> list[float]:
    """Every number that the results of a benchmark have, in the units of the pages."""
    found: list[float] = []
    for path in page.FOLDER.glob(f"{name}-*.json"):
        document = results.read(path)
        words = [document["title"], document["source"]]
        for row in document["rows"]:
            for key, metric in row["metrics"].items():
                if key in ("bwt", "fwt", "prequential", "n_steps"):
                    continue
                values = [metric["mean"], metric["std"] or 0.0, *metric["values"]]
                found += [value / 1e6 for value in values] if key == "state_bytes" else values
                if key in SHARES or document["experiment"]:
                    found += [100 * value for value in values]
            found += [
                abs(row[key]) for key in ("paper", "paper_std", "gap") if row[key] is not None
            ]
            found += [v for v in row["settings"].values() if isinstance(v, (int, float))]
            words.append(row["remark"])
        found += [float(figure) for text in words for figure in FIGURE.findall(text or "")]
    for scale in ("small", "paper"):
        path = chosen_path(benchmarks.load(name), scale)
        if path.exists():
            for row in json.loads(path.read_text())["rows"].values():
                found += [100 * t["mean"] for t in row["tried"] if t["mean"] is not None]
    return found


def wrong(text: str) -> list[str]:
    """The figures of a text that none of the benchmarks that it names has measured."""
    names = [name for name in NAMED.findall(text) if name in BENCHMARKS]
    numbers = [number for name in names for number in measured(name)]
    return [
        figure
        for figure in FIGURE.findall(text)
        if all(f"{n:.{len(figure.partition('.')[2])}f}" != figure for n in numbers)
    ]


@pytest.mark.parametrize("line", claims(), ids=lambda line: line[1][:40])
def test_a_claim_has_the_figures_of_the_benchmark_that_it_names(line: tuple[str, str]) -> None:
    scale, text = line
    if FIGURE.search(text) or "small" in scale or "paper" in scale:
        assert any(name in BENCHMARKS for name in NAMED.findall(text)), "no benchmark named"
    assert wrong(text) == []


@pytest.mark.parametrize("item", remarks(), ids=lambda item: item[2:40])
def test_a_remark_on_a_method_has_the_figures_of_its_benchmark(item: str) -> None:
    assert wrong(item) == []


@pytest.mark.parametrize("line", re.findall(r"^\| .*`.*\|$", NOT_RUN, re.M))
def test_what_was_not_run_needs_what_the_list_says(line: str) -> None:
    _, named, labels, hours, gigabytes = (cell.strip(" |") for cell in line.split(" | "))
    benchmark = benchmarks.load(named.strip("`"))
    if labels != "all":
        rows = tuple(benchmark.row(label) for label in labels.split(", "))
        benchmark = replace(benchmark, rows=rows)
    needed = needs(benchmark, "paper")
    assert hours == f"{needed.core_hours:,.0f}"
    assert gigabytes == f"{needed.memory_bytes / 1e9:.1f}"


def test_a_figure_that_nothing_measured_is_found() -> None:
    assert wrong("98.9 and 12.3 (`sign-switch`, correlation 0.98)") == ["98.9", "12.3"]
