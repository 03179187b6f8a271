"""The tables of docs/benchmarks/gates.md about the gates, from the rows of several learners.

A row is {"row": place, "problems": {problem: {"runs": [...]} or {"not_run": why}}}, where a run is
what `exam.examine` returns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.gates.problems import PROBLEMS
from benchmarks.results import table

Record = dict[str, Any]

#: Rows of this project begin with its name, the others with this.
RIVAL = "rival: "
#: A stream that turns is followed as well as by these, but for so many points.
SIMPLE, SIMPLE_POINTS = ("logistic regression", "naive Bayes", "Hoeffding tree"), 1.0
NEURAL, NEURAL_POINTS = "MLP, Adam", 2.0


def old(r: Record) -> str:
    """What the old held-out data lost or gained, by learner; bold where the gate is not passed."""
    rows = []
    for problem in _problems(r):
        cells = [_change(r, name, problem) for name in _names(r)]
        if any(cell != "-" for cell in cells):
            rows.append([problem, *cells])
    if rows:
        rows.append(["gates passed", *(_count(r, name) for name in _names(r))])
    return table(["old held-out data, %", *_titles(r)], rows)


def known(r: Record) -> str:
    """Accuracy on every held-out part at the end, by learner, mean of the seeds."""
    return _matrix(r, "all_after", "everything held out, at the end, %")


def prequential(r: Record) -> str:
    """Share predicted right before it was learnt, by learner, mean of the seeds."""
    return _matrix(r, "prequential", "predicted right before it was learnt, %")


def details(r: Record) -> str:
    """What else is known of the rows of this project."""
    rows = []
    for name in _names(r):
        for problem in () if name.startswith(RIVAL) else _problems(r):
            runs = _runs(r, name, problem)
            if runs and runs[0]["old_before"] is not None:
                dip = min(_points(run, "old_before", "old_worst") for run in runs)
                weakest = [
                    _percent(_mean(_weakest(run[f"per_class_{when}"]) for run in runs))
                    for when in ("before", "after")
                ]
                ends = [_cell(runs, "oldest"), _cell(runs, "newest")]
                rows.append([name, problem, f"{dip:+.1f}", *ends, " → ".join(weakest)])
    header = ["learner", "problem", "old held-out data at worst on the way, points",
              "learnt first, at the end, %", "learnt last, %", "weakest class, %"]  # fmt: skip
    return table(header, rows)


def not_run(r: Record) -> str:
    """Which problems a learner was not judged by, and why."""
    rows = [
        [_title(name), problem, r[name]["problems"][problem]["not_run"]]
        for name in _names(r)
        for problem in PROBLEMS
        if "not_run" in r[name]["problems"].get(problem, {})
    ]
    return table(["learner", "not run", "why"], rows) if rows else "Everything was run."


def passes(r: Record, name: str, problem: str) -> bool:
    """Whether the gate is passed: by every seed where old things count, by their mean otherwise."""
    runs = _runs(r, name, problem)
    if runs[0]["goal"] == "remember":
        return all(_points(run, "old_before", "old_after") >= -run["allowed"] for run in runs)
    bars = [100 * _mean(run["larger_class"] for run in runs)]
    for rival, points in (*((s, SIMPLE_POINTS) for s in SIMPLE), (NEURAL, NEURAL_POINTS)):
        theirs = _runs(r, RIVAL + rival, problem)
        bars += [100 * _mean(run["prequential"] for run in theirs) - points] if theirs else []
    return 100 * _mean(run["prequential"] for run in runs) >= max(bars)


# ---- cells -----------------------------------------------------------------------------------


def _matrix(r: Record, key: str, title: str) -> str:
    rows = []
    for problem in _problems(r):
        cells = [_cell(_runs(r, name, problem), key) for name in _names(r)]
        if any(cell != "-" for cell in cells):
            rows.append([problem, *cells])
    return table([title, *_titles(r)], rows)


def _change(r: Record, name: str, problem: str) -> str:
    """Such as "74.5 → 60.2 (-17.1)": the means of the seeds, and the worst seed in points."""
    runs = _runs(r, name, problem)
    if not runs or runs[0]["old_before"] is None:
        return "-"
    worst = min(_points(run, "old_before", "old_after") for run in runs)
    cell = f"{_cell(runs, 'old_before')} → {_cell(runs, 'old_after')} ({worst:+.1f})"
    return cell if passes(r, name, problem) else f"**{cell}**"


def _count(r: Record, name: str) -> str:
    """Of all problems, those that follow a stream too."""
    judged = [problem for problem in _problems(r) if _runs(r, name, problem)]
    return f"{sum(passes(r, name, problem) for problem in judged)} of {len(judged)}"


def _cell(runs: list[Record], key: str) -> str:
    return _percent(_mean(run[key] for run in runs)) if runs and runs[0][key] is not None else "-"


def _points(run: Record, before: str, after: str) -> float:
    points: float = 100 * (run[after] - run[before])
    return points


def _weakest(shares: list[float | None]) -> float:
    return min(share for share in shares if share is not None)


def _mean(shares: Iterable[float]) -> float:
    return float(np.mean(list(shares)))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


# ---- rows and columns ------------------------------------------------------------------------


def _names(r: Record) -> list[str]:
    """Learners: this project's in the order in which they were measured, then its rivals."""
    return sorted(r, key=lambda name: (name.startswith(RIVAL), r[name]["row"]))


def _titles(r: Record) -> list[str]:
    return [_title(name) for name in _names(r)]


def _title(name: str) -> str:
    return name.removeprefix(RIVAL)


def _problems(r: Record) -> list[str]:
    """Problems that any learner was judged by; files of a user's own come last."""
    judged = dict.fromkeys(p for name in _names(r) for p in r[name]["problems"])
    known_ones = [p for p in PROBLEMS if p in judged]
    every = known_ones + [p for p in judged if p not in PROBLEMS]
    return [p for p in every if any(_runs(r, name, p) for name in r)]


def _runs(r: Record, name: str, problem: str) -> list[Record]:
    runs: list[Record] = r.get(name, {"problems": {}})["problems"].get(problem, {}).get("runs", [])
    return runs
