"""The page of a state folder: what was learnt, commit by commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from metabit.edge_runtime.sizes import format_kib as kib
from metabit.edge_runtime.states.state_history import KeptState, newest_of
from metabit.report.page import DataTable, Lines, Page, PagePart, Series, Stat
from metabit.report.words import file_name, percent


def page(folder: Path, states: Sequence[KeptState], facts: dict[str, str]) -> Page:
    """The page of the states of a folder.

    Args:
        folder: where they lie.
        states: from `history`, the newest first.
        facts: what is known besides.

    Raises:
        CorruptError: no commit is whole.
    """
    now = newest_of(tuple(states), folder)
    assert now.facts is not None
    stats = [
        Stat(percent(now.facts.accuracy), "right of late, before each sample was learnt"),
        Stat(f"{now.facts.n_steps:,}", "samples since export"),
        Stat(str(now.facts.n_drifts), "drifts found"),
        Stat(kib(len(now.image)), "per state"),
    ]
    n_damaged = sum(state.facts is None for state in states)
    told = [
        f"{now} is what is loaded: {now.facts.choice.in_words()}. "
        f"{len(states):,} {'state is' if len(states) == 1 else 'states are'} kept"
        f"{f', of which {n_damaged:,} are damaged' if n_damaged else ''}; metabit state undo "
        "goes back to an earlier one."
    ]
    return Page(
        "metabit state",
        f"{file_name(folder)}: {now.facts.n_steps:,} samples learnt, "
        f"{percent(now.facts.accuracy)} right of late",
        stats, told, _sections(states),
        {"states": str(folder), "model file": f"{now.facts.model_id:08x}", **facts},
    )  # fmt: skip


def _sections(states: Sequence[KeptState]) -> list[PagePart]:
    rows = [_row(state) for state in states]
    columns = ["state", "name", "date", "size", "samples", "right", "drifts"]
    table = PagePart(
        "States",
        [DataTable(columns, rows)],
        "Right: of the last 512 samples or so, before each was learnt.",
    )
    known = [s.facts for s in reversed(states) if s.number is not None and s.facts is not None]
    points = [(each.n_steps, 100 * each.accuracy) for each in known if each.accuracy is not None]
    if len({steps for steps, _ in points}) < 2:
        return [table]
    steps, right = zip(*points, strict=True)
    curve = Lines([Series("right of late", steps, right)], "samples since export", "%")
    return [PagePart("From commit to commit", [curve]), table]


def _row(state: KeptState) -> list[str]:
    number = "-" if state.number is None else str(state.number)
    date = f"{datetime.fromtimestamp(state.date, UTC):%Y-%m-%d %H:%M:%S}"
    told = [number, ", ".join(state.names), date, kib(len(state.image))]
    if state.facts is None:
        return [*told, "damaged", "-", "-"]
    facts = state.facts
    return [*told, f"{facts.n_steps:,}", percent(facts.accuracy), str(facts.n_drifts)]
