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
