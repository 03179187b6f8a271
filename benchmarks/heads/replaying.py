"""What latent replay is worth: three gates with and without it, beside the counting head.

    python -m benchmarks.heads.replaying

Every learner first sees the same samples of home, 240 of them, which fill the ring of those that
have one. The gates have other seeds. Writes results/replaying.json, and from there a table
into docs/benchmarks/learning.md. MNIST is looked for in METABIT_DATA.
"""

from __future__ import annotations

import numpy as np

from benchmarks import page, results
from benchmarks.gates import exam, problems
from benchmarks.gates.home import exported, kept_of
from benchmarks.gates.problem import Problem
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Learn
from metabit.export.container import dumps

SEEDS = (610, 611, 612)
PROBLEMS = (
    "HAPT static, dynamic, transitions, exported",
    "HAPT by person, exported",
    "MNIST 0 to 4, then 5, 6, 7, 8, 9, exported",
)
N_KEPT = 240
#: What learns, and how many samples it keeps.
LEARNERS: dict[str, tuple[Learn, int]] = {
    "counting head": ("counting", 0),
    "last layer": ("head", 0),
    "last layer, replay": ("head", N_KEPT),
    "tracking head": ("tracking", 0),
    "tracking head, replay": ("tracking", N_KEPT),
}
SHOWN = ("seed", "digest", "old_before", "old_after", "all_after", "newest", "prequential")


def runs_of(problem: Problem) -> list[results.Record]:
    """One run of each learner."""
    blob, runs = dumps(exported(problem)), []
    x, y = kept_of(problem)
    first = np.random.default_rng(problem.seed).permutation(len(y))[:N_KEPT]
    for name, (learn, replay) in LEARNERS.items():
        engine = Engine(blob, learn=learn, replay=replay, seed=problem.seed + 1)
        engine.learn(x[first], y[first])
        run = exam.examine(problem, engine)
        print(f"{problem.name}, {name}, seed {problem.seed}: {exam.summary(run)}", flush=True)
        sizes = {"arena_bytes": engine.plan.arena_bytes}
        runs.append({"learner": name} | sizes | {key: run[key] for key in SHOWN})
    return runs


def main() -> None:
    """Measure, print, and write down."""
    found: results.Record = {}
    for name in PROBLEMS:
        runs = [runs_of(problems.build(name, seed)) for seed in SEEDS]
        found[name] = {"runs": [run for some in runs for run in some]}
    results.save("replaying", "python -m benchmarks.heads.replaying", found)
    page.write()


if __name__ == "__main__":
    main()
