"""Streams that drift, and on which nothing was tuned: the device with its goal "track" and rivals.

    python -m benchmarks.learning.drifting_streams [--row NAME] [--only NAME ...]
    python -m benchmarks.learning.drifting_streams --rivals [NAME ...] [--only NAME ...]

Every learner gets raw numbers. The first 200 rows give it scales and are learnt; each other row is
predicted, and then learnt. `make drifting-rivals` brings the published streams, and runs rivals in
an environment of their own; what a rival has been through is not measured again. Writes
results/drifting_streams.json with --row or --rivals, and tables into docs/benchmarks/gates.md.

`benchmarks/drifting/streams.py` says which streams constants may be chosen on, and which only
report.
"""

from __future__ import annotations

import argparse

from benchmarks import results
from benchmarks.drifting import learners
from benchmarks.drifting.streams import STREAMS, TO_REPORT
from benchmarks.tables import drifting as table
from benchmarks.tables.gates import RIVAL
from metabit.errors import InputError

NAME = "drifting_streams"
#: Of the streams that constants may be chosen on, and of those that report.
SEEDS = (700, 701), (600, 601)


def measure(name: str, learner: learners.Learner, row: results.Record, seed: int) -> None:
    """Put one run into a row, unless the same is there."""
    try:
        stream = STREAMS[name](seed)
    except InputError as error:
        print(f"{name} not run: {error}", flush=True)
        return
    digest, runs = learners.digest(stream), row["streams"].setdefault(name, [])
    if any(run["seed"] == seed and run["digest"] == digest for run in runs):
        return
    right = learner(stream, seed)
    print(f"{name}, seed {seed}: {100 * right:.1f} %", flush=True)
    runs[:] = [run for run in runs if run["seed"] != seed]
    runs.append({"seed": seed, "digest": digest, "right": round(right, 4)})


def run_device(args: argparse.Namespace) -> None:
    """All streams through the device; kept with --row."""
    row: results.Record = {"row": results.place(NAME, args.row or "metabit"), "streams": {}}
    for name in args.only or STREAMS:
        for seed in SEEDS[name in TO_REPORT]:
            measure(name, learners.device, row, seed)
    every = {**results.load(NAME)["results"], args.row or "metabit": row}
    print(f"\n{table.chosen_on(every)}\n\n{table.reported(every)}")
    if args.row:
        from benchmarks import page  # which loads PyTorch

        command = f'python -m benchmarks.learning.{NAME} --row "{args.row}"'
        results.save(NAME, command, {args.row: row})
        page.write()


def run_rivals(args: argparse.Namespace) -> None:
    """All streams through all rivals; kept one by one, so that a run may be stopped."""
    for which in range(2):
        for rival in args.rivals or learners.RIVALS:
            place = learners.RIVALS.index(rival)
            for name in args.only or STREAMS:
                row = results.load(NAME)["results"].get(RIVAL + rival)
                row = row or {"row": place, "streams": {}, "versions": learners.versions()}
                measure(name, learners.rival(rival), row, SEEDS[name in TO_REPORT][which])
                results.save(NAME, "make drifting-rivals", {RIVAL + rival: row})


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", help="keep the figures as this row of the tables")
    parser.add_argument("--rivals", nargs="*", choices=learners.RIVALS, metavar="NAME",
                        help="these rivals, or all, instead")  # fmt: skip
    parser.add_argument("--only", nargs="+", action="extend", default=[], choices=STREAMS,
                        metavar="NAME", help="these streams")  # fmt: skip
    args = parser.parse_args()
    if args.rivals is not None:
        run_rivals(args)
    else:
        run_device(args)


if __name__ == "__main__":
    main()
