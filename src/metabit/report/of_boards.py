"""The page of `metabit profile --board all`: one model on every board, side by side."""

from __future__ import annotations

from typing import Any

from metabit.edge_runtime.sizes import format_kib as kib
from metabit.report.page import Amount, Bars, DataTable, Drawn, Page, PagePart, Stat
from metabit.report.words import duration, file_name

_FITS, _TOO_LARGE = 0, 1


def page(answer: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of a model on every board.

    Args:
        answer: of the verb, with "boards".
        facts: what is known besides; the model and the toolchain are added.
    """
    boards = sorted(answer["boards"], key=lambda one: _typical(one["predict"]) or 0)
    fitting = [one for one in boards if one["fits"]]
    headline = f"{file_name(answer['file'])} fits {len(fitting)} of {len(boards)} boards"
    first = boards[0]
    return Page(
        "metabit profile --board all", headline, _stats(fitting),
        [
            "The real firmware was built for each board, and run on an emulated core: sizes are "
            "read from it and instructions are counted, times and energy are estimates with a "
            "lower and an upper bound. Where nothing else was asked for, each board learns what "
            "fits it best, so that what it takes to learn differs."
        ],
        _sections(boards, first),
        {
            "model": str(answer["file"]), "SHA-256": first["model_sha256"],
            "compiler": first["toolchain"], "samples": first["samples"], **facts,
        },
    )  # fmt: skip


def _stats(fitting: list[dict[str, Any]]) -> list[Stat]:
    stats = [Stat(f"{len(fitting)}", "boards have room for it")]
    timed = [one for one in fitting if _typical(one["predict"])]
    if timed:
        quickest = min(timed, key=lambda one: _typical(one["predict"]) or 0)
        label = f"to predict on {quickest['board']}, the quickest"
        stats.append(Stat(duration(_typical(quickest["predict"]) or 0), label))
    powered = [one for one in timed if _energy(one["predict"])]
    if powered:
        least = min(powered, key=lambda one: _energy(one["predict"]) or 0)
        label = f"for a prediction on {least['board']}, the least energy"
        stats.append(Stat(f"{_number(_energy(least['predict']) or 0)} µJ", label))
    if fitting:
        smallest = min(fitting, key=lambda one: one["ram"]["available_bytes"])
        label = f"of RAM used on {smallest['board']}, of {kib(smallest['ram']['available_bytes'])}"
        stats.append(Stat(kib(smallest["ram"]["used_bytes"]), label))
    return stats


def _sections(boards: list[dict[str, Any]], first: dict[str, Any]) -> list[PagePart]:
    parts = [
        PagePart(
            "Predict one sample",
            [_times(boards, "predict")],
            "Typical time and its bar: errors of the core's model, caches and clock.",
        )
    ]
    if any(one["learn"] for one in boards):
        note = (
            "What a step costs depends on the samples: a sample that the network is sure of takes "
            "little. These are means after "
            f"{first['steps_before']} steps of warm-up; the table has the range of instructions. "
            "What a counting head takes to solve for its weights is spread over the samples."
        )
        parts.append(PagePart("Learn one sample", [_times(boards, "learn")], note))
    if any(_energy(one["predict"]) for one in boards):
        note = "What a board's power covers differs: the table below has it."
        parts.append(PagePart("Energy for a prediction", [_joules(boards)], note))
    memory: list[Drawn] = [_shares(boards, "ram")]
    parts.append(PagePart("RAM used, of what the board has", memory))
    flashed = [one for one in boards if one["flash"]["available_bytes"]]
    if flashed:
        parts.append(PagePart("Flash used, of what the board has", [_shares(flashed, "flash")]))
    parts += [
        PagePart("In numbers", [_numbers(boards)], first["included"]),
        PagePart("Energy and flash", [_lives(boards)], "Flash life: the state saved every hour."),
        PagePart("What was assumed", [_choices(boards)]),
        PagePart("Where cycles are from", [_origins(boards)]),
    ]
    return parts


def _typical(work: dict[str, Any] | None) -> float | None:
    return work["estimate"]["microseconds"]["typical"] if work and work["estimate"] else None


def _energy(work: dict[str, Any] | None) -> float | None:
    joules = work["estimate"]["microjoules"] if work and work["estimate"] else None
    return joules["typical"] if joules else None


def _number(value: float) -> str:
    """A figure with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.3g}"


def _colour(board: dict[str, Any]) -> int:
    return _FITS if board["fits"] else _TOO_LARGE


def _times(boards: list[dict[str, Any]], kind: str) -> Bars:
    timed = [(one, one[kind]["estimate"]["microseconds"]) for one in boards if _typical(one[kind])]
    bars = [
        Amount(
            one["board"], us["typical"],
            f"{duration(us['typical'])} ({duration(us['low'])} to {duration(us['high'])})",
            _colour(one),
        )
        for one, us in sorted(timed, key=lambda pair: pair[1]["typical"])
    ]  # fmt: skip
    return Bars(bars)


def _joules(boards: list[dict[str, Any]]) -> Bars:
    bars = []
    for one in boards:
        if typical := _energy(one["predict"]):
            joules = one["predict"]["estimate"]["microjoules"]
            low, high = _number(joules["low"]), _number(joules["high"])
            text = f"{_number(typical)} µJ ({low} to {high})"
            bars.append(Amount(one["board"], typical, text, _colour(one)))
    return Bars(sorted(bars, key=lambda bar: bar.value))


def _shares(boards: list[dict[str, Any]], memory: str) -> Bars:
    """How much of its memory each board uses, as a share of all that it has."""
    bars = []
    for one in sorted(boards, key=lambda one: -_share(one[memory])):
        used, there = one[memory]["used_bytes"], one[memory]["available_bytes"]
        share = _share(one[memory])
        bars.append(
            Amount(one["board"], min(share, 1), f"{kib(used)} of {kib(there)}", int(share > 1))
        )
    return Bars(bars, 1)


def _share(memory: dict[str, Any]) -> float:
    return float(memory["used_bytes"] / memory["available_bytes"])


def _numbers(boards: list[dict[str, Any]]) -> DataTable:
    rows = []
    for one in boards:
        us = _typical(one["predict"])
        instructions = f"{one['predict']['instructions']['total']:,.0f}"
        per_second = f"{1e6 / us:,.0f}" if us else "-"
        rows.append([one["board"], instructions, per_second, _range(one["learn"])])
    columns = ["board", "instructions to predict", "per second", "instructions to learn"]
    return DataTable(columns, rows)


def _range(learn: dict[str, Any] | None) -> str:
    if learn is None:
        return "-"
    mean, n = learn["instructions"]["total"], learn["samples_per_step"]
    per = f" per step of {n}" if n > 1 else ""
    return f"{mean:,.0f} ({learn['instructions_min']:,} to {learn['instructions_max']:,}){per}"


def _lives(boards: list[dict[str, Any]]) -> DataTable:
    rows = []
    for one in boards:
        life = one["flash_life"]
        joules = [_energy(one[kind]) for kind in ("predict", "learn")]
        rows.append(
            [
                one["board"], *(f"{_number(uj)} µJ" if uj else "-" for uj in joules),
                f"{_number(life['years_hourly'])} years" if life and life["slots"] else "-",
            ]
        )  # fmt: skip
    return DataTable(["board", "predict", "learn", "flash life"], rows)


def _choices(boards: list[dict[str, Any]]) -> DataTable:
    rows = [
        [one["board"], f"{one['clock_hz'] / 1e6:,.0f} MHz", one["choice"], one["energy_covers"]]
        for one in boards
    ]
    return DataTable(["board", "clock", "opened for", "energy covers"], rows)


def _origins(boards: list[dict[str, Any]]) -> DataTable:
    cores = {one["core"]: one["cost_source"] for one in boards}
    return DataTable(
        ["core", "source of its constants, and of its bar"], [*map(list, cores.items())]
    )
