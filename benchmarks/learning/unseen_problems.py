"""Problems to remember that no constant was chosen on: what a stream costs, with nothing set.

    python -m benchmarks.learning.unseen_problems [--row NAME] [--no-guard]
                                                  [--seeds N ...] [--only NAME ...]

An exported network is taught as by `metabit learn`. With --row the figures are kept as that row of
results/unseen_problems.json and of docs/benchmarks/gates.md. Seeds 600 to 602 are for reporting.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

from benchmarks import page, results
from benchmarks.gates import judges
from benchmarks.gates.problem import Problem
from benchmarks.gates.unseen import PROBLEMS
from benchmarks.learning.learning_gates import judge

NAME, SEEDS = "unseen_problems", (600, 601, 602)


def main() -> None:
    """Judge, print the table, and keep what is to be kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", help="keep the figures as this row of the table")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--only", nargs="+", action="extend", default=[], choices=PROBLEMS,
                        metavar="NAME", help="these problems; with --row, the others of the row "
                        "stay as they are")  # fmt: skip
    parser.add_argument("--guard", action=argparse.BooleanOptionalAction, default=True,
                        help="probes travel in the file, as they do by default")  # fmt: skip
    args = parser.parse_args()
    found = {}
    for name in args.only or PROBLEMS:
        builds = [partial(build, name, seed) for seed in args.seeds]
        found[name] = judge(judges.Guarded if args.guard else judges.device, builds, name)
    row = {"row": results.place(NAME, args.row or "metabit"), "problems": found}
    if args.row:
        seeds = " ".join(map(str, args.seeds))
        guard = "" if args.guard else " --no-guard"
        command = f'python -m benchmarks.learning.{NAME} --row "{args.row}" --seeds {seeds}{guard}'
        command += "".join(f' --only "{problem}"' for problem in args.only)
        kept = results.with_the_rest(NAME, args.row, row) if args.only else row
        results.save(NAME, command, {args.row: kept})
        page.write()


def build(name: str, seed: int) -> Problem:
    """A problem by name."""
    return replace(PROBLEMS[name](seed, 1), name=name)


if __name__ == "__main__":
    main()
