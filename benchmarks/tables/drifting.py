"""The tables of docs/benchmarks/gates.md about streams that drift.

A row of the results is {"row": place, "streams": {stream: [{"seed", "digest", "right"}, ...]}}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.drifting.learners import STEADY
from benchmarks.drifting.streams import TO_CHOOSE_ON, TO_REPORT
from benchmarks.results import table
from benchmarks.tables.gates import NEURAL, NEURAL_POINTS, RIVAL, SIMPLE, SIMPLE_POINTS

Record = dict[str, Any]


def chosen_on(r: Record) -> str:
    """The streams that constants may be chosen on."""
    return _half(r, TO_CHOOSE_ON)


def reported(r: Record) -> str:
    """The streams that no constant was chosen on."""
    return _half(r, TO_REPORT)


def bar(r: Record, stream: str) -> float:
    """What a learner must reach: a point below the best simple rival, two below the MLP.

    Not a number where one of them was not measured.
    """
    bars = [_mean(r, RIVAL + rival, stream) - SIMPLE_POINTS for rival in (*SIMPLE, STEADY)]
    return float(np.max([*bars, _mean(r, RIVAL + NEURAL, stream) - NEURAL_POINTS]))


def _half(r: Record, names: Iterable[str]) -> str:
    learners = sorted(r, key=lambda name: (name.startswith(RIVAL), r[name]["row"]))
    streams = [name for name in names if any(name in r[learner]["streams"] for learner in learners)]
    rows = [[stream, *(_cell(r, name, stream) for name in learners)] for stream in streams]
    ours = [name for name in learners if not name.startswith(RIVAL)]
    judged = [stream for stream in streams if not np.isnan(bar(r, stream))]
    counts = [
        f"{sum(_mean(r, name, stream) >= bar(r, stream) for stream in judged)} of {len(judged)}"
        for name in ours
    ]
    if rows:
        rows.append(["passed", *counts, *["-"] * (len(learners) - len(ours))])
    titles = [name.removeprefix(RIVAL) for name in learners]
    return table(["predicted right before it was learnt, %", *titles], rows)


def _cell(r: Record, name: str, stream: str) -> str:
    """The mean of the seeds; bold where a learner of this project does not pass."""
    mean = _mean(r, name, stream)
    if np.isnan(mean):
        return "-"
    failed = not name.startswith(RIVAL) and mean < bar(r, stream)
    return f"**{mean:.1f}**" if failed else f"{mean:.1f}"


def _mean(r: Record, name: str, stream: str) -> float:
    """Percent, over the seeds that every learner met; not a number where there is none."""
    met = [{run["seed"] for run in row["streams"].get(stream, [])} for row in r.values()]
    seeds = set.intersection(*[some for some in met if some])
    runs = r.get(name, {"streams": {}})["streams"].get(stream, [])
    shares = [run["right"] for run in runs if run["seed"] in seeds]
    return 100 * float(np.mean(shares)) if shares else float("nan")
