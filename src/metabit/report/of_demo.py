"""The page of `metabit demo`: a wearable that learns from people it has never met."""

from __future__ import annotations

from typing import Any

from metabit.edge_runtime.plan import PARTS
from metabit.edge_runtime.sizes import format_kib as kib
from metabit.report.page import Amount, Bars, DataTable, Lines, Page, PagePart, Series, Stat
from metabit.report.words import duration, percent

CITATION = (
    "Reyes-Ortiz et al., Smartphone-Based Recognition of Human Activities and Postural "
    "Transitions; Alpaydin and Kaynak, Optical Recognition of Handwritten Digits; UCI Machine "
    "Learning Repository, CC BY 4.0"
)

_WHAT = {"new": "of new transitions", "old": "of old activities", "all": "of all together"}


def page(found: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of the demo.

    Args:
        found: contents of its report.json.
        facts: what is known besides; seed and data are added.
    """
    head, took = found["curves"][0], f"{found['seconds']:.0f} s"
    stats = [
        Stat(percent(head[key][-1]), f"{what}, {percent(head[key][0])} before")
        for key, what in _WHAT.items()
    ]
    stats += [
        Stat(kib(found["arena_bytes"]), "of RAM, learning included"),
    ]
    return Page(
        "metabit demo",
        "A wearable learns six movements that it had never seen, and keeps those it knew",
        stats,
        [
            "Twelve people taught it six activities before it was sold. On the device it learnt "
            "from twelve others, who also sit down, lie down and get up, which it had never seen. "
            "The figures are of six more people, who never taught it anything: "
            f"{found['n_old']:,} windows of activities and {found['n_new']} of transitions."
        ],
        [_stream(found), _permuted(found), _memory(found), _sizes(found), _boards(found)],
        {"data": CITATION, "seed": str(found["seed"]), "took": took, **facts},
    )  # fmt: skip


def _stream(found: dict[str, Any]) -> PagePart:
    series = []
    for colour, curve in zip((0, 1), found["curves"], strict=True):
        x = range(len(curve["subjects"]))
        for key, name, dashed in (("old", "activities", False), ("new", "transitions", True)):
            y = [100 * share for share in curve[key]]
            series.append(Series(f"{name}, {curve['name']}", x, y, colour, dashed))
    people = found["curves"][0]["subjects"][1:]
    ticks = ["export", *(str(person) for person in people)]
    lines = Lines(series, "person the device has learnt from", "right, %", ticks=ticks)
    note = "On six people who never teach it. Solid: what it knew. Dashed: what it had never seen."
    return PagePart("The stream: twelve people, one after the other", [lines], note)


def _permuted(found: dict[str, Any]) -> PagePart:
    rows = [
        [name, *(f"{100 * share:.1f}" for share in [*scores, sum(scores) / len(scores)])]
        for name, scores in found["permuted"].items()
    ]
    n_tasks = len(next(iter(found["permuted"].values())))
    columns = ["right, %", *(f"task {k + 1}" for k in range(n_tasks)), "mean"]
    note = (
        "Where everything about a task is new, layers must move. With nothing set the device opens "
        "a context for each, and nobody names them; in one network, which is told the task, "
        "metaplasticity (m) decides how much of the old is left. Learnt from nothing on the "
        "device; chance is 10 %."
    )
    return PagePart(
        "Five permuted tasks on digits, after the last", [DataTable(columns, rows)], note
    )


def _memory(found: dict[str, Any]) -> PagePart:
    parts = sorted(found["ram_parts"].items(), key=lambda part: -part[1])
    bars = [
        Amount(PARTS.get(name, name), n_bytes, kib(n_bytes)) for name, n_bytes in parts if n_bytes
    ]
    bars.append(Amount("all of it", found["arena_bytes"], kib(found["arena_bytes"]), 2))
    return PagePart("RAM, to the byte", [Bars(bars)], f"In a budget of {found['ram_budget']}.")


def _sizes(found: dict[str, Any]) -> PagePart:
    sizes = found["sizes"]
    packed = sizes["file_bytes"] - sizes["learn_bytes"] - sizes["head_bytes"]
    rows = (
        ("weights in float32", sizes["float32_bytes"], 5),
        ("weights in int8", sizes["int8_bytes"], 5),
        ("packed model", packed, 0),
        ("learnt state, 8 bits", sizes["learn_bytes"], 0),
        ("counting head", sizes["head_bytes"], 0),
    )
    return PagePart("Sizes", [Bars([Amount(n, size, kib(size), c) for n, size, c in rows])])


def _boards(found: dict[str, Any]) -> PagePart:
    rows = []
    for name, made in found["profiles"].items():
        ram, estimate = made["ram"], made["learn"] and made["learn"]["estimate"]
        sizes = [kib(ram["used_bytes"]), kib(ram["available_bytes"])]
        time = duration(estimate["microseconds"]["typical"]) if estimate else "-"
        rows.append([name, *sizes, time, "yes" if made["fits"] else "no"])
    columns = ["board", "RAM used", "RAM there", "learns one sample in", "fits"]
    note = "The same firmware, on emulated cores: times are estimates from counted instructions."
    return PagePart("Boards", [DataTable(columns, rows)], note)
