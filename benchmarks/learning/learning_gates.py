"""The gates of learning on the device: what a stream does to a network, with nothing set.

    python -m benchmarks.learning.learning_gates [--row NAME] [--seeds 600 ...] [--only NAME ...]
    python -m benchmarks.learning.learning_gates --quick
    python -m benchmarks.learning.learning_gates --stream FILE.csv

Prints the tables. With --row the figures are kept as that row of benchmarks/results/
learning_gates.json and of docs/benchmarks/gates.md; older rows stay as they are. The rows of rivals
come from `benchmarks/learning/learning_rivals.py`.

Seeds 600 to 602 are for reporting: whoever chooses a constant of a learner takes others.
MNIST, Fashion-MNIST and INSECTS are looked for in METABIT_DATA. What is not there is named.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import page, results
from benchmarks.gates import exam, judges, problems
from benchmarks.gates.judges import Learner
from benchmarks.gates.problem import Problem
from benchmarks.tables import gates as table
from metabit.errors import InputError

Record = dict[str, Any]

NAME = "learning_gates"
SEEDS, QUICK_SEED, QUICK_DIVISOR = (600, 601, 602), 1, 10


# ---- running ---------------------------------------------------------------------------------


def judge(
    make: Callable[[Problem], Learner], builds: Sequence[Callable[[], Problem]], said: str
) -> Record:
    """One problem with its seeds.

    {"runs": [...]}, or {"not_run": why} where its data are not on this machine.

    Args:
        make: of a learner, from a problem.
        builds: of the problem, one for each seed.
        said: in front of each line that is printed.
    """
    runs = []
    try:
        for build in builds:
            problem = build()
            run = exam.examine(problem, make(problem))
            print(f"{said} seed {run['seed']}: {exam.summary(run)}", flush=True)
            runs.append(run)
    except InputError as error:
        if error.code != "E-DATA-MISSING":
            raise
        print(f"{said} not run: {error}", flush=True)
        return {"not_run": f"{error.code}: its data are not on this machine"}
    return {"runs": runs}


def device(args: argparse.Namespace) -> Record:
    """The learner of this project through every problem that is asked for."""
    found: Record = {}
    began, builds = time.monotonic(), list(_builds(args))
    for index, (name, seeds) in enumerate(builds):
        passed = time.monotonic() - began
        left = f", {passed / index * (len(builds) - index) / 60:.0f} min left" if index else ""
        print(f"-- {name} ({index + 1} of {len(builds)}{left})", flush=True)
        found[name] = judge(judges.device, seeds, "  ")
    return found


def _builds(args: argparse.Namespace) -> Iterator[tuple[str, list[Callable[[], Problem]]]]:
    """Names of problems, and what builds them with each seed."""
    divisor = QUICK_DIVISOR if args.quick else 1
    for path in args.stream:
        yield path.name, [partial(problems.from_file, path, seed) for seed in args.seeds]
    for name in args.only or (() if args.stream else problems.PROBLEMS):
        yield name, [partial(problems.build, name, seed, divisor) for seed in args.seeds]


# ---- all of it -------------------------------------------------------------------------------


def main() -> None:
    """Judge, print the tables, and keep what is to be kept."""
    args = _arguments()
    found = device(args)
    name = args.row or "metabit"
    row = {"row": results.place(NAME, name), "problems": found}
    for make in (table.old, table.known, table.prequential, table.details):
        print(f"\n{make({name: row})}")
    if args.row:
        seeds = " ".join(map(str, args.seeds))
        command = f'python -m benchmarks.learning.{NAME} --row "{name}" --seeds {seeds}'
        command += "".join(f' --only "{problem}"' for problem in args.only)
        kept = results.with_the_rest(NAME, name, row) if args.only else row
        results.save(NAME, command, {name: kept})
        page.write()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", help="keep the figures as this row of the tables")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME",
                        choices=problems.PROBLEMS, help="these problems; with --row, the others of "
                        "the row stay as they are")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one seed, short streams")
    parser.add_argument("--stream", type=Path, nargs="+", default=[], metavar="FILE",
                        help="drifting streams: csv, features and then the class")  # fmt: skip
    args = parser.parse_args()
    if args.row and (args.quick or args.stream):
        parser.error("--row keeps problems at full length: leave out --quick and --stream")
    if args.quick:
        args.seeds = [QUICK_SEED]
    return args


if __name__ == "__main__":
    main()
