"""docs/BENCHMARKS.md says what the JSON files say."""

from __future__ import annotations

import re

from benchmarks import page, results


def test_the_tables_are_made_of_the_results() -> None:
    document = page.DOCUMENT.read_text(encoding="utf-8")
    assert page.render(document) == document, "run `python -m benchmarks.page`"


def test_every_result_has_its_circumstances_and_nothing_else_has() -> None:
    for name in {name for name, _ in page.TABLES.values()}:
        record = results.load(name)
        assert record["results"].keys() == record["circumstances"].keys(), name
        for c in record["circumstances"].values():
            assert {"command", "commit", "date", "processor", "python"} <= c.keys()


def test_the_pictures_of_the_page_are_there() -> None:
    document = page.DOCUMENT.read_text(encoding="utf-8")
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", document):
        assert (page.DOCUMENT.parent / target).is_file(), target


def test_the_networks_of_others_that_were_imported_are_those_of_the_results() -> None:
    """docs/EXPORTS.md names the versions, and how many labels were equal."""
    exports = page.DOCUMENT.with_name("EXPORTS.md").read_text(encoding="utf-8")
    for name, record in results.load("foreign_networks")["results"].items():
        (row,) = (line for line in exports.splitlines() if line.startswith(f"| {name.title()} "))
        assert f"{name.title()} {record['versions'][name]} " in row
        assert row.endswith(f"| {record['n_samples']} | {record['n_labels_equal']} |")
