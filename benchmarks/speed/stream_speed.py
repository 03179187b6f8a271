"""Samples per second on INSECTS, test then train: the device's learner beside two rivals.

    python -m benchmarks.speed.stream_speed

Needs scikit-learn and river; `make stream-speed` has them in an environment of their own. All learn
the first samples of the same stream once, one after the other, and take turns every 50 samples, so
that whatever slows the machine slows all of them; processor time, one thread. Results go to
results/stream_speed.json, and from there into docs/benchmarks/speed.md.
"""

from __future__ import annotations

import time
from importlib.metadata import version

import numpy as np
import threadpoolctl

from benchmarks import page, results
from benchmarks.gates import judges, problems, rivals
from benchmarks.gates.judges import Learner

PROBLEM, SEED, WINDOW = "INSECTS", 610, 50
#: Of the stream: a rival takes milliseconds per sample.
N_SAMPLES = 4000
RIVALS = ("MLP, Adam", "adaptive random forest")


def main() -> None:
    """Measure, write the JSON, write the tables."""
    problem = problems.build(PROBLEM, SEED)
    learners: dict[str, Learner] = {"metabit, tracking head": judges.device(problem)}
    learners |= {name: rivals.RIVALS[name](problem) for name in RIVALS}
    x = np.concatenate([phase.x for phase in problem.phases])[:N_SAMPLES]
    y = np.concatenate([phase.y for phase in problem.phases])[:N_SAMPLES]
    seconds: dict[str, list[float]] = {name: [] for name in learners}
    right = dict.fromkeys(learners, 0)
    threadpoolctl.threadpool_limits(1)
    for start in range(0, len(y), WINDOW):
        some = slice(start, start + WINDOW)
        for name, learner in learners.items():
            began = time.process_time()
            said = learner.learn(x[some], y[some])
            seconds[name].append((time.process_time() - began) / len(y[some]))
            right[name] += int((said == y[some]).sum())
    rows = {
        name: {
            "prequential": round(right[name] / len(y), 4),
            "us_median": round(1e6 * float(np.median(seconds[name])), 2),
            "us_quickest": round(1e6 * min(seconds[name]), 2),
            "samples": len(y),
        }
        for name in learners
    }
    for name, row in rows.items():
        print(name, row)
    versions = {package: version(package) for package in ("scikit-learn", "river")}
    record = {"INSECTS": {"rows": rows, "versions": versions}}
    results.save("stream_speed", "make stream-speed", record)
    page.write()


if __name__ == "__main__":
    main()
