"""What of a gate that is not passed is due to the order of its samples, and what to the network.

    python -m benchmarks.learning.any_order [--only NAME ...]

Every gate of the old that metabit does not pass is run as it is, and beside it with the same
samples in random order, so that nothing is old or new. What is missing then, order does not
explain: it is what this network loses by having more to tell apart. A network with a home is
exported once with a head that counts home and stream at once, the exact solution, and once after it
was trained on both. Writes results/any_order.json, and from there a table into
docs/benchmarks/learning.md. Needs METABIT_DATA.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks import page, results
from benchmarks.gates import exam, judges, problems
from benchmarks.gates.home import exported, kept_of
from benchmarks.gates.problem import Home, Labels, Phase, Problem, Samples
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.heads.home import with_head

SEEDS = (600, 601, 602)
PROBLEMS = (
    "HAPT static, dynamic, transitions, exported",
    "five permutations of MNIST",
    "drift",
    "MNIST, then Fashion",
    "MNIST 0 to 4, then 5, 6, 7, 8, 9, exported",
    "INSECTS, every tenth held out",
)
IN_ORDER = "as it is"
Asked = Callable[[Samples], Labels]


def runs_of(problem: Problem) -> list[results.Record]:
    """The gate as it is, and what any order allows."""
    run = exam.examine(problem, judges.device(problem))
    before = {"seed": problem.seed, "old_before": run["old_before"]}
    runs = [{"way": IN_ORDER, "old": run["old_after"], "all": run["all_after"], **before}]
    ways = {"samples in random order": _shuffled} if problem.home is None else HOMES
    for way, make in ways.items():
        runs.append({"way": way, **_shares(problem, make(problem)), **before})
    for row in runs:
        print(f"{problem.name}: {row}", flush=True)
    return runs


def _shuffled(problem: Problem) -> Asked:
    """The learner of the gate, after all samples in random order."""
    x, y = _stream(problem)
    order = np.random.default_rng(problem.seed).permutation(len(y))
    engine = judges.device(problem)
    engine.learn(x[order], y[order])
    return engine.predict


def _counted(problem: Problem) -> Asked:
    """The network of the gate, its head made of home and stream together."""
    model, (x, y), (more_x, more_y) = exported(problem), kept_of(problem), _stream(problem)
    both = np.concatenate([x, more_x]), np.concatenate([y, more_y])
    return _head(dumps(with_head(model, *both)))


def _trained(problem: Problem) -> Asked:
    """A network trained on home and stream together, exported with its head."""
    assert problem.home is not None
    home, (x, y) = problem.home, _stream(problem)
    both = np.concatenate([home.x, x]), np.concatenate([home.y, y])
    everything = tuple(part.name for part in problem.held_out)
    whole = Home(*both, everything, home.epochs, home.batch)
    return _head(dumps(exported(replace(problem, home=whole))))


HOMES: dict[str, Callable[[Problem], Asked]] = {
    "head counts all at once": _counted,
    "network trained on all at once": _trained,
}


def _head(blob: bytes) -> Asked:
    return Engine(blob, learn="counting").predict


def _stream(problem: Problem) -> tuple[Samples, Labels]:
    phases: tuple[Phase, ...] = problem.phases
    return np.concatenate([p.x for p in phases]), np.concatenate([p.y for p in phases])


def _shares(problem: Problem, predict: Asked) -> results.Record:
    """Share right of the old held-out parts, and of all."""
    right = {part.name: predict(part.x) == part.y for part in problem.held_out}
    old = problem.known_after(-1 if problem.home is not None else 0)
    parts = {"old": [right[name] for name in old], "all": list(right.values())}
    return {key: round(float(np.concatenate(some).mean()), 4) for key, some in parts.items()}


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", default=PROBLEMS, choices=PROBLEMS, metavar="NAME")
    for name in parser.parse_args().only:
        runs = [run for seed in SEEDS for run in runs_of(problems.build(name, seed))]
        results.save("any_order", "python -m benchmarks.learning.any_order", {name: {"runs": runs}})
    page.write()


if __name__ == "__main__":
    main()
