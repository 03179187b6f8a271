"""What a guard takes back: nothing of a clean stream, and what wrong labels do.

    python -m benchmarks.heads.guarding [--only NAME ...] [--again]

Every gate that begins with an exported network is learnt twice, by what learns where nothing is
set: with its labels, and with the next class for each label. Each time one engine is on its own,
and one has a guard, whose probes are drawn from one half of the held-out data; the other half says
what the network knows. Each problem is written down when it has ended, and is not run again unless
`--again` is said. Writes results/guarding.json, and from there a table into
docs/benchmarks/learning.md. Needs METABIT_DATA.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import page, results
from benchmarks.gates import problems
from benchmarks.gates.guarded import GuardedStream
from benchmarks.gates.problem import Labels
from metabit.edge_runtime.engine import Engine

NAME, SEEDS = "guarding", (600, 601, 602)
PROBLEMS = tuple(name for name in problems.PROBLEMS if name.endswith("exported"))


def runs_of(name: str, seed: int) -> results.Record:
    """One gate with one seed, clean and with wrong labels."""
    stream = GuardedStream(problems.build(name, seed))
    n_classes = stream.problem.n_classes
    clean = _guarded(stream, lambda y: y)
    wrong = _guarded(stream, lambda y: (y + 1) % n_classes)
    row = {"seed": seed, "before": _share(stream, stream.engine()), "clean": clean, "wrong": wrong}
    print(f"{name}: {row}", flush=True)
    return row


def _guarded(stream: GuardedStream, change: Callable[[Labels], Labels]) -> results.Record:
    """A stream with its labels changed so, learnt without and with a guard."""
    alone, engine = stream.engine(), stream.engine()
    guard = stream.guard(engine)
    stream.teach(alone, change)
    stream.teach(guard, change)
    guard.finish()
    return {
        "checks": len(guard.checks), "reverted": guard.n_reverted, "probes": guard.n_probes,
        "alone": _share(stream, alone), "guarded": _share(stream, engine),
    }  # fmt: skip


def _share(stream: GuardedStream, engine: Engine) -> float:
    """Share right of what the network knew at home; classes learnt since may be the answer."""
    return round(engine.score(stream.x, stream.y), 4)


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", default=PROBLEMS, choices=PROBLEMS, metavar="NAME")
    parser.add_argument("--again", action="store_true", help="run what has been run, too")
    args = parser.parse_args()
    known = results.load(NAME)["results"]
    for name in args.only:
        if args.again or name not in known:
            runs = [runs_of(name, seed) for seed in SEEDS]
            results.save(NAME, "python -m benchmarks.heads.guarding", {name: {"runs": runs}})
    page.write()


if __name__ == "__main__":
    main()
