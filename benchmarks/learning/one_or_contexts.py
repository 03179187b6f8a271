"""One network or contexts: what a user who sets nothing gains and loses by them, over many draws.

    python -m benchmarks.learning.one_or_contexts [--only NAME ...]

A gate whose network begins with random weights, and so has room for five contexts, runs once as a
user gets it who sets nothing, and once with one network. Three seeds do not tell which is better
where few contexts open: so each draw is compared with itself, and there are many of them. No
constant was chosen by these. Each gate is written down when it has ended: to results/
one_or_contexts.json, and from there into docs/benchmarks/learning.md. Gates without data here are
named.
"""

from __future__ import annotations

import argparse

from benchmarks import page, results
from benchmarks.gates import exam, judges, problems
from metabit.errors import InputError

NAME, FIRST_SEED, DRAWS = "one_or_contexts", 800, 10
#: Gates, and how many draws of them: more of HAPT, whose people differ most from draw to draw.
PROBLEMS = {
    "HAPT": 120,
    "HAPT, stuck sensor": DRAWS,
    "digits": DRAWS,
    "one digit 20,000 times": DRAWS,
    "drift": DRAWS,
    "INSECTS, every tenth held out": DRAWS,
    "MNIST": DRAWS,
    "Fashion, 40 % wrong": DRAWS,
    "five permutations of MNIST": DRAWS,
    "MNIST, then Fashion": DRAWS,
}
SHOWN = ("old_before", "old_after", "all_after", "prequential")


def run_of(name: str, seed: int) -> results.Record:
    """One draw of a gate, learnt in both ways."""
    problem = problems.build(name, seed)
    alone, several = judges.device(problem, contexts=1), judges.device(problem)
    found = {"one": exam.examine(problem, alone), "contexts": exam.examine(problem, several)}
    shown = {way: {key: run[key] for key in SHOWN} for way, run in found.items()}
    return {"seed": seed, "n_open": several.status().n_contexts, **shown}


def main() -> None:
    """Run, print, and write each gate down when it has ended."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", default=PROBLEMS, choices=PROBLEMS, metavar="NAME")
    args = parser.parse_args()
    for name in args.only:
        runs = []
        try:
            for seed in range(FIRST_SEED, FIRST_SEED + PROBLEMS[name]):
                runs.append(run_of(name, seed))
                print(name, runs[-1], flush=True)
        except InputError as error:
            if error.code != "E-DATA-MISSING":
                raise
            print(f"{name} not run: {error}", flush=True)
            continue
        results.save(NAME, f"python -m benchmarks.learning.{NAME}", {name: {"runs": runs}})
        page.write()


if __name__ == "__main__":
    main()
