"""The table of confusions names its classes whole, however little room there is."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.console import Console

from metabit.cli.tables import confusion_table

NAMES = ["walking-upstairs", "walking-downstairs", "standing-still", "standing-up"]


def shown(columns: int) -> list[str]:
    classes = [{"label": label, "name": name} for label, name in enumerate(NAMES)]
    counts = [[1234 if row == column else 7 for column in range(4)] for row in range(4)]
    rows = confusion_table(classes, counts)
    assert rows is not None
    console = Console(width=columns)
    with console.capture() as captured:
        console.print(rows)
    return captured.get().splitlines()


def test_names_that_begin_alike_are_told_apart_by_the_columns() -> None:
    assert any(line.split() == NAMES for line in shown(110))


@pytest.mark.parametrize("columns", [60, 40])
def test_a_narrow_terminal_loses_no_letter_and_no_digit(columns: int) -> None:
    lines = shown(columns)
    first = next(k for k, line in enumerate(lines) if "1,234" in line)
    letters = Counter("".join(lines).replace(" ", ""))
    title = Counter("whatisright(rows),andwhatwassaid(columns)")
    wanted = Counter("".join(NAMES * 2) + "1,234" * 4 + "7" * 12) + title
    assert letters == wanted
    assert first > 2  # a title, and names in two lines at least
