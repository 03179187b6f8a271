"""The tables of docs/benchmarks/learning.md about the guard, novelty and samples without labels."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table
from benchmarks.tables.learning import mean_percent

Record = dict[str, Any]

#: What a head may have seen, whether it remembers or not, in the order of the table.
WAYS = {
    True: ("at home", "observed", "labels", "observed, then labels"),
    False: ("labels alone", "observed too"),
}


def guarding(r: Record) -> str:
    """From results/guarding.json: checks of all seeds together, means of the shares."""
    rows = []
    for name, part in r.items():
        runs, row = part["runs"], [name, mean_percent([run["before"] for run in part["runs"]])]
        for kind in ("clean", "wrong"):
            checks, back = (sum(run[kind][k] for run in runs) for k in ("checks", "reverted"))
            row.append(f"{back} of {checks}")
            row += [mean_percent([run[kind][k] for run in runs]) for k in ("alone", "guarded")]
        rows.append(row)
    header = ["stream", "known before, %", "clean: checks that took back", "alone, %",
              "guarded, %", "labels of the next class: checks that took back", "alone, %",
              "guarded, %"]  # fmt: skip
    return table(header, rows)


def novelty(r: Record) -> str:
    """From results/novelty.json, a row for each seed."""
    rows = [
        [name, seed, f"{run['auroc']:.4f}", f"{100 * run['false_alarms']:.1f}",
         f"{100 * run['found']:.1f}"]
        for name, part in r.items()
        for seed, run in part.items()
    ]  # fmt: skip
    header = ["what is new", "seed", "AUROC (≥ 0.99)", "known, and called unknown, % (≤ 5)",
              "new, and called unknown, %"]  # fmt: skip
    return table(header, rows)


def new_people(r: Record) -> str:
    """From results/new_people.json: the seeds one by one, and the arena, which is theirs all."""
    parts = {"activities": "≥ 93", "transitions": "≥ 70", "all": "≥ 92"}
    rows = [
        [
            way,
            f"{part['runs'][0]['arena_bytes'] / 1024:.1f} KiB",
            _each(part["runs"], "before", "activities"),
            *(_each(part["runs"], "after", name) for name in parts),
        ]
        for way, part in r.items()
    ]
    header = ["the head reads", "arena (≤ 64 KiB)", "activities before, %"]
    header += [f"{name}, % ({target})" for name, target in parts.items()]
    return table(header, rows)


def _each(runs: list[Record], when: str, part: str) -> str:
    shares = [run[when][part] for run in runs]
    return f"{mean_percent(shares)} ({', '.join(f'{100 * share:.1f}' for share in shares)})"


def observing(r: Record) -> str:
    """From results/observing.json: means over seeds of every figure there is."""
    rows = []
    for name, part in r.items():
        figures = list(part.values())
        for what in WAYS[name.endswith("remember")]:
            rows.append([name, what, mean_percent([figure[what] for figure in figures])])
    return table(["what is asked", "what the head has seen", "right, %"], rows)
