"""The tables of docs/WHEN.md, from benchmarks/results/when.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.marks import between

DOCUMENT = Path(__file__).parents[2] / "docs" / "WHEN.md"
SETS = {
    "hapt": "HAPT, 156 features",
    "mnist": "MNIST, pixels",
    "spoken": "spoken digits, 240 features",
}
KINDS = ("binary", "float")
FLASH_KIB = (2, 4, 8, 16, 32)
RAM_KIB = (8, 16, 32, 64, 128)
TIMES_US = (0.3, 0.6, 1.2, 2.5, 5.0)

Record = dict[str, Any]
Row = dict[str, Any]


def render(document: str) -> str:
    """The page with its tables made again."""
    found = results.load("when")["results"]
    for mark, table in (("flash", flash), ("ram", ram), ("time", times), ("all", everything)):
        document = between(document, f"when-{mark}", table(found))
    return document


def write() -> None:
    """Make the tables again, in place."""
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def _rows(found: Record, name: str, kind: str) -> list[Row]:
    return [row for key, row in found.items() if key.startswith(f"{name} {kind} ")]


def _best(rows: list[Row], accuracy: str, cost: str, limit: float) -> str:
    """The most accurate network within a limit."""
    inside = [row for row in rows if cost in row and row[cost] <= limit]
    if not inside:
        return "none fits"
    best = max(inside, key=lambda row: row[accuracy])
    return f"{100 * best[accuracy]:.1f} ({'-'.join(map(str, best['widths']))})"


def flash(found: Record) -> str:
    """Equal flash: a file of bits against weights in int8."""
    return _by_limit(found, FLASH_KIB, "KiB of flash", 1024, [
        ("binary", "binary", "accuracy", "flash_bytes"),
        ("int8", "float", "in_int8", "flash_bytes"),
    ])  # fmt: skip


def ram(found: Record) -> str:
    """Equal RAM with learning: what moves in it."""
    return _by_limit(found, RAM_KIB, "KiB of RAM with learning", 1024, [
        ("binary, counting head learns", "binary", "by_head", "head_learn_bytes"),
        ("binary, all layers learn", "binary", "accuracy", "learn_bytes"),
        ("float, all layers learn", "float", "accuracy", "learn_bytes"),
    ])  # fmt: skip


def times(found: Record) -> str:
    """Equal time of a prediction on this desk."""
    if not any(key.startswith("time ") for key in found):
        return "Not measured yet."
    timed = {}
    for key, row in found.items():
        us = found.get(f"time {row.get('kind')} {'-'.join(map(str, row.get('widths', [])))}")
        timed[key] = row | ({"us": us["us"]} if us else {})
    return _by_limit(timed, TIMES_US, "µs per prediction", 1, [
        ("binary, metabit", "binary", "accuracy", "us"),
        ("int8, LiteRT", "float", "in_int8", "us"),
    ])  # fmt: skip


def _by_limit(
    found: Record, limits: tuple[float, ...], what: str, unit: float,
    columns: list[tuple[str, str, str, str]],
) -> str:  # fmt: skip
    lines = []
    for name, title in SETS.items():
        if not all(_measured(found, name, kind, cost) for _, kind, _, cost in columns):
            continue
        for limit in limits:
            cells = [
                _best(_rows(found, name, kind), accuracy, cost, limit * unit)
                for _, kind, accuracy, cost in columns
            ]
            lines.append([title, f"{limit:g}", *cells])
    return results.table(["", what, *(title for title, *_ in columns)], lines)


def _measured(found: Record, name: str, kind: str, cost: str) -> bool:
    """Whether this cost of some network is known: else nothing could be said to fit."""
    return any(cost in row for row in _rows(found, name, kind))


def everything(found: Record) -> str:
    """Every network that was measured."""
    lines = []
    for name, title in SETS.items():
        if not all(_rows(found, name, kind) for kind in KINDS):
            continue
        for kind in KINDS:
            for row in sorted(_rows(found, name, kind), key=lambda row: row["flash_bytes"]):
                timed = found.get(f"time {kind} {'-'.join(map(str, row['widths']))}")
                lines.append([
                    title, kind, "-".join(map(str, row["widths"])), _percent(row["accuracy"]),
                    _percent(row.get("in_int8")), _percent(row.get("by_head")),
                    f"{row['flash_bytes'] / 1024:.1f}", f"{row['learn_bytes'] / 1024:.1f}",
                    f"{row['head_learn_bytes'] / 1024:.1f}" if "head_learn_bytes" in row else "",
                    f"{timed['us']:.2f}" if timed else "",
                ])  # fmt: skip
    header = [
        "", "kind", "network", "right, %", "in int8", "by the head", "flash, KiB",
        "RAM, all layers learn", "RAM, the head learns", "µs",
    ]  # fmt: skip
    return results.table(header, lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    write()
