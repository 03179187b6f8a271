"""Rivals of the device learner on the streams of learning_gates.py, one sample at a time.

    python -m benchmarks.learning.learning_rivals [--only NAME ...] [--rivals NAME ...]
                                                  [--seeds 600 ...]

`make gates-rivals` runs it in an environment with scikit-learn and river. Their rows are kept in
benchmarks/results/learning_gates.json beside the device's, one problem after the other. What a
rival has been through is not measured again, so a run that was stopped continues. Quick rivals come
first, and of each rival small problems; slow ones meet large problems with one seed.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version

from benchmarks import results
from benchmarks.gates import exam, problems, rivals
from benchmarks.gates.problem import Problem
from benchmarks.tables import gates as table
from metabit.errors import InputError

NAME, SEEDS = "learning_gates", (600, 601, 602)


def run_rivals(args: argparse.Namespace) -> None:
    """Each rival through every problem that it can be expected to finish; kept one by one."""
    sizes: dict[str, int] = {}
    for name in args.only or problems.PROBLEMS:
        try:
            sizes[name] = problems.build(name, args.seeds[0]).n_values
        except InputError as error:
            print(f"{name} not run: {error}", flush=True)
    by_size = sorted(sizes, key=lambda name: sizes[name])
    for rival in args.rivals or rivals.RIVALS:
        one_seed = rivals.ONE_SEED.get(rival)
        for index, seed in enumerate(args.seeds):
            for name in by_size:
                if index == 0 or one_seed is None or sizes[name] <= one_seed:
                    _run_rival(rival, problems.build(name, seed))


def _run_rival(rival: str, problem: Problem) -> None:
    """One rival through one problem, unless it has been there or would take hours."""
    key, place = table.RIVAL + rival, list(rivals.RIVALS).index(rival)
    row = results.load(NAME)["results"].get(key, {"row": place, "problems": {}})
    runs = row["problems"].get(problem.name, {}).get("runs", [])
    been = [(run["seed"], run["digest"]) for run in runs]
    if (problem.seed, exam.digest(problem)) in been:
        return
    most = rivals.MOST_VALUES.get(rival)
    if most is not None and most < problem.n_values:
        why = f"{problem.n_values / 1e6:.0f} million input values would take hours"
        row["problems"].setdefault(problem.name, {"not_run": why})
    else:
        run = exam.examine(problem, rivals.RIVALS[rival](problem))
        print(f"{rival}, {problem.name}, seed {problem.seed}: {exam.summary(run)}", flush=True)
        others = [other for other in runs if other["seed"] != problem.seed]
        row["problems"][problem.name] = {"runs": [*others, run]}
    row["versions"] = {package: version(package) for package in ("scikit-learn", "river")}
    results.save(NAME, "make gates-rivals", {key: row})


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=problems.PROBLEMS, metavar="NAME")
    parser.add_argument("--rivals", nargs="+", choices=rivals.RIVALS, metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    run_rivals(parser.parse_args())


if __name__ == "__main__":
    main()
