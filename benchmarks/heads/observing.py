"""Do samples without labels help a head? Two questions, asked with and without them.

    python -m benchmarks.heads.observing

Remember: a head knows twelve people of HAPT at home. All windows of twelve others come without
labels, then 300 of them with labels; six more people are asked. Track: of a stream that drifts one
sample in ten has a label; what is predicted before it is judged, over all samples.
Writes benchmarks/results/observing.json, and from there a table into docs/benchmarks/learning.md.
"""

from __future__ import annotations

import numpy as np

from benchmarks import page, results
from benchmarks.gates import people, problems
from benchmarks.gates.people import ACTIVITIES
from benchmarks.gates.problem import Problem
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

SEEDS = (600, 601, 602)
N_LABELLED, LABELS_EVERY = 300, 10
STREAMS = ("turning meaning", "drift", "INSECTS")

Figures = dict[str, float]


def remember(seed: int) -> Figures:
    """Accuracy on people never seen: at home, after observing, after labels, after both."""
    p = people.people(seed)
    home, tested = p.windows.of_people(p.home).of_classes(ACTIVITIES), p.windows.of_people(p.tested)
    come = p.windows.of_people(p.stream)
    labelled = come.take(p.rng.permutation(len(come.y))[:N_LABELLED])
    spec = InputSpec("int8", (home.x.shape[1],), 1 / 64, 0)
    network = untrained(spec, (128, 12), home.x[:500], seed=seed)
    file = dumps(with_head(network, home.x, home.y))
    found = {}
    for name, sees, learns in (
        ("at home", False, False), ("observed", True, False), ("labels", False, True),
        ("observed, then labels", True, True),
    ):  # fmt: skip
        engine = Engine(file, learn="counting", seed=seed)
        if sees:
            engine.observe(come.x)
        if learns:
            engine.partial_fit(labelled.x, labelled.y)
        found[name] = engine.score(tested.x, tested.y)
    return found


def track(problem: Problem) -> Figures:
    """Share of a stream that is predicted right, without and with observing."""
    x = np.concatenate([phase.x for phase in problem.phases])
    y = np.concatenate([phase.y for phase in problem.phases])
    network = untrained(problem.spec, (16, problem.n_classes), problem.start, seed=problem.seed)
    found = {}
    for name, sees in (("labels alone", False), ("observed too", True)):
        engine, right = Engine(dumps(network), learn="auto", goal="track", seed=problem.seed), 0
        for begin in range(0, len(y), LABELS_EVERY):
            part = slice(begin + 1, begin + LABELS_EVERY)
            right += int(engine.learn(x[begin : begin + 1], y[begin : begin + 1])[0] == y[begin])
            right += int((engine.predict(x[part]) == y[part]).sum())
            if sees:
                engine.observe(x[part])
        found[name] = right / len(y)
    return found


def main() -> None:
    """Measure, print, and write down."""
    record: dict[str, dict[str, Figures]] = {"HAPT, remember": {}}
    for seed in SEEDS:
        record["HAPT, remember"][str(seed)] = remember(seed)
    for name in STREAMS:
        try:
            record[f"{name}, track"] = {str(s): track(problems.build(name, s)) for s in SEEDS}
        except InputError as error:
            print(error)
    for name, runs in record.items():
        for seed_, figures in runs.items():
            said = ", ".join(f"{what} {100 * share:.1f} %" for what, share in figures.items())
            print(f"{name}, seed {seed_}: {said}", flush=True)
    results.save("observing", "python -m benchmarks.heads.observing", record)
    page.write()


if __name__ == "__main__":
    main()
