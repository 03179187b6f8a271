"""The page of `metabit profile`: what a model costs on a board."""

from __future__ import annotations

from typing import Any

from metabit.edge_runtime.sizes import format_kib as kib
from metabit.report import of_boards
from metabit.report.page import Amount, Bars, DataTable, Page, PagePart, Stat
from metabit.report.words import duration, file_name

_PHASES = "Of the core alone: what memory and wait states cost is in the estimate of the whole."


def page(answer: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of a profile.

    Args:
        answer: of the verb.
        facts: what is known besides; the names of model and board are added.
    """
    if "boards" in answer:
        return of_boards.page(answer, facts)
    fits, ram, flash = answer["fits"], answer["ram"], answer["flash"]
    stats = [Stat(kib(ram["used_bytes"]), f"of RAM, of {kib(ram['available_bytes'])}")]
    if flash["available_bytes"]:
        stats.append(
            Stat(
                kib(flash["used_bytes"]),
                f"of flash, of {kib(flash['available_bytes'])}",
            )
        )
    for name, work in (("to predict", answer["predict"]), ("to learn one sample", answer["learn"])):
        estimate = work and work["estimate"]
        if estimate:
            stats.append(Stat(duration(estimate["microseconds"]["typical"]), f"{name}, estimated"))
    headline = f"{file_name(answer['file'])} {'fits' if fits else 'does not fit'} {answer['title']}"
    return Page(
        "metabit profile", headline, stats,
        [
            f"It was opened for {answer['choice']}. The real firmware was built, and run on an "
            "emulated core: sizes are read from it and instructions are counted, times and energy "
            "are estimates with a lower and an upper bound."
        ],
        _sections(answer),
        {"model": str(answer["file"]), "board": answer["board"], **facts},
    )  # fmt: skip


def _sections(answer: dict[str, Any]) -> list[PagePart]:
    sections = [PagePart("RAM", [_parts(answer["ram"])])]
    if answer["flash"]["available_bytes"]:
        sections.append(PagePart("Flash", [_parts(answer["flash"])]))
    kinds = ("open", "front_end", "predict", "learn")
    work = [(name.replace("_", " "), answer[name]) for name in kinds if answer.get(name)]
    rows = [[name, f"{one['instructions']['total']:,.0f}", *_times(one)] for name, one in work]
    columns = ["", "instructions", "time", "from", "to", "energy"]
    sections.append(PagePart("Work", [DataTable(columns, rows)], answer["included"]))
    layers = [
        [row["name"], f"{row['n_in']:,}", f"{row['n_out']:,}", f"{row['n_macs']:,}",
         kib(row["weight_bytes"]), kib(row["state_bytes"]), "yes" if row["learns"] else "no"]
        for row in answer["layers"]
    ]  # fmt: skip
    columns = ["layer", "in", "out", "MAC", "weights", "state in RAM", "learns"]
    sections.append(PagePart("Layers", [DataTable(columns, layers)]))
    for name, one in work:
        if phases := one["instructions"].get("phases"):
            part = [_phase_bars(answer, phases)]
            sections.append(PagePart(f"Where the time goes: {name}", part, _PHASES))
    return sections


def _phase_bars(answer: dict[str, Any], phases: list[dict[str, Any]]) -> Bars:
    """What each phase of each layer takes: cycles, or instructions where cycles are not known."""
    unit = "instructions" if phases[0]["cycles"] is None else "cycles"
    total = sum(phase[unit] for phase in phases)
    bars = []
    for phase in phases:
        layer = "" if phase["layer"] is None else f"{answer['layers'][phase['layer']]['name']}: "
        value = phase[unit]
        text = f"{value:,.0f} {unit}, {100 * value / total:.1f} %"
        bars.append(Amount(layer + phase["name"], value, text))
    return Bars(bars)


def _parts(memory: dict[str, Any]) -> Bars:
    parts = sorted(memory["parts"].items(), key=lambda part: -part[1])
    bars = [Amount(name, n_bytes, kib(n_bytes)) for name, n_bytes in parts if n_bytes]
    free = memory["available_bytes"] - memory["used_bytes"]
    if free >= 0:
        bars.append(Amount("free", free, kib(free), 5))
    else:
        bars.append(Amount("too much", -free, kib(-free), 1))
    return Bars(bars)


def _times(work: dict[str, Any]) -> list[str]:
    estimate = work["estimate"]
    if not estimate:
        return ["-"] * 4
    times, energy = estimate["microseconds"], estimate["microjoules"]
    joules = "-" if not energy else f"{energy['typical']:,.1f} µJ"
    return [*(duration(times[key]) for key in ("typical", "low", "high")), joules]
