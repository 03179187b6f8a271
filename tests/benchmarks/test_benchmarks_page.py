"""docs/BENCHMARKS.md and the pages below it say what the JSON files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import page, results
from benchmarks.machine_code import code_sizes
from benchmarks.other_tools import exports
from benchmarks.tables import figures
from benchmarks.tables import when as when_page
from metabit.trainer.circumstances import commit_in_words
from metabit.trainer.reproduction import tables


@pytest.mark.parametrize("path", page.PAGES, ids=lambda path: path.stem)
def test_the_tables_are_made_of_the_results(path: Path) -> None:
    document = path.read_text(encoding="utf-8")
    assert page.render(document) == document, "run `python -m benchmarks.page`"


def test_each_table_stands_on_one_page() -> None:
    marks = [m for path in page.PAGES for m in page.marks_of(path.read_text(encoding="utf-8"))]
    assert sorted(marks) == sorted(page.TABLES)


def test_a_figure_of_the_first_page_is_a_cell_of_another() -> None:
    row = figures.cells("| a | b, µs |\n| --- | --- |\n| x, y | **3** |\n| z | 4 |", "x, y")
    assert row == {"a": "x, y", "b, µs": "3"}
    with pytest.raises(KeyError, match="no such row"):
        figures.cells("| a | b |\n| --- | --- |\n| x | 3 |", "no such row")


def test_every_result_has_its_circumstances_and_nothing_else_has() -> None:
    for name in {name for name, _ in page.TABLES.values()}:
        record = results.load(name)
        assert record["results"].keys() == record["circumstances"].keys(), name
        for c in record["circumstances"].values():
            assert {"command", "commit", "date", "processor", "python"} <= c.keys()


def test_the_pictures_of_the_page_are_there() -> None:
    targets = [
        path.parent / target
        for path in page.PAGES
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    ]
    assert len(targets) >= 2
    assert [target for target in targets if not target.is_file()] == []


def test_the_networks_of_others_that_were_imported_are_those_of_the_results() -> None:
    """docs/EXPORTS.md names the versions, and how many labels were equal."""
    exports = (page.DOCS / "EXPORTS.md").read_text(encoding="utf-8")
    for name, record in results.load("foreign_networks")["results"].items():
        (row,) = (line for line in exports.splitlines() if line.startswith(f"| {name.title()} "))
        assert f"{name.title()} {record['versions'][name]} " in row
        assert row.endswith(f"| {record['n_samples']} | {record['n_labels_equal']} |")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results as an installed metabit measures them: no commit is known, and PyTorch is absent."""
    load = results.load

    def without_commit(name: str) -> results.Record:
        record = load(name)
        for number, circumstances in enumerate(record["circumstances"].values()):
            if number == 0:  # the other parts were measured in a checkout
                circumstances |= {"commit": None, "torch": None}
        return record

    monkeypatch.setattr(results, "load", without_commit)


@pytest.mark.usefixtures("installed")
def test_results_of_an_installed_metabit_have_no_commit_and_fill_every_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = commit_in_words(None)
    rendered = "".join(page.render(path.read_text(encoding="utf-8")) for path in page.PAGES)
    assert f" | {words} | " in rendered
    assert "None" not in rendered
    copy = tmp_path / "EXPORTS.md"
    copy.write_text(exports.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(exports, "PAGE", copy)
    exports.write_page()
    assert f"{words} (20" in copy.read_text(encoding="utf-8")


def test_a_benchmark_of_an_installed_metabit_has_no_commit_and_a_table() -> None:
    made = {
        "experiment": "quadratic_task", "rows": [], "targets": [], "source": "", "command": "c",
        "circumstances": {"commit": [None, "abc1234"], "date": ["2026-01-01"]},
    }  # fmt: skip
    assert f"commit {commit_in_words(None)} and abc1234, date" in tables.markdown(made)


def test_sizes_beside_another_commit_need_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_sizes, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="git has no HEAD here"):
        code_sizes.checked_out("HEAD", tmp_path / "base")


def test_the_tables_of_when_are_made_of_the_results() -> None:
    document = when_page.DOCUMENT.read_text(encoding="utf-8")
    assert when_page.render(document) == document, "run `python -m benchmarks.tables.when`"
