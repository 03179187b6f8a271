"""What metaplasticity, and measured normalisation, bring to each recipe of recipes/.

    python -m benchmarks.choosing.recipe_gains [NAME ...] [--again]

It is run as it is, with m = 0, and with running averages in the normalisation; nothing else is
changed. The seeds are not those by which m was chosen. Seed s is both `[data] seed`
and `[train] seed`. Each run
is written down when it has ended, and is not run again unless `--again` is said. Writes
results/recipe_gains.json and the table of recipes/README.md. Needs MNIST and Fashion-MNIST.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.trainer.loop import train
from metabit.trainer.recipe import load_recipe
from metabit.trainer.recipe.recipe import recipe_from_dict

NAME, SEEDS = "recipe_gains", (1, 2, 3)
RECIPES = Path(__file__).parents[2] / "recipes"
AS_IT_IS, PLAIN, RUNNING = "as it is", "m = 0", "running averages"
#: What a run is called in the results -> what it changes, by table of the recipe.
CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    AS_IT_IS: {},
    PLAIN: {"method": {"m": 0.0}},
    RUNNING: {"train": {"norm_statistics": "running"}},
}

Record = dict[str, Any]


def names() -> list[str]:
    """The recipes in the folder; benchmarks have a folder of their own."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def run(name: str, change: dict[str, dict[str, Any]], seed: int) -> Record:
    """Train one recipe, and say how much it knows at the end and how much it knew of each task."""
    tables = load_recipe(RECIPES / f"{name}.toml").to_dict()
    tables["data"]["seed"] = tables["train"]["seed"] = seed
    for table, keys in change.items():
        tables[table] |= keys
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = train(recipe_from_dict(tables), Path(folder) / "run").metrics
    return {
        "seed": seed,
        "tasks": len(found["accuracy_matrix"]),
        "at the end": found["acc"],
        "just learnt": found["learning_acc"],
        "seconds": time.process_time() - began,
    }


def _spread(runs: list[Record]) -> str:
    shares = [100 * run["at the end"] for run in runs]
    return f"{np.mean(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"


def table(found: Record) -> str:
    """A row per recipe: accuracy at the end with its range, and when each task was just learnt."""
    rows = []
    for name, ways in found.items():
        cells = [name]
        for way in (AS_IT_IS, RUNNING, PLAIN):
            cells.append(_spread(ways[way]) if way in ways else "-")
        for way in (AS_IT_IS, PLAIN):
            learnt = [100 * run["just learnt"] for run in ways.get(way, [])]
            cells.append(f"{np.mean(learnt):.1f} %" if learnt else "-")
        seconds = np.mean([run["seconds"] for run in ways[AS_IT_IS]])
        rows.append([*cells, str(len(ways[AS_IT_IS])), f"{seconds:.0f} s"])
    header = ["recipe", "at the end", "with running averages", "with m = 0",
              "each task just learnt", "with m = 0", "seeds", "time"]  # fmt: skip
    return results.table(header, rows)


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", choices=[[], *names()], metavar="NAME")
    parser.add_argument("--again", action="store_true", help="run what has been run, too")
    args = parser.parse_args()
    for name, way, seed in product(args.names or names(), CHANGES, SEEDS):
        ways = results.load(NAME)["results"].get(name, {})
        if way == PLAIN and ways[AS_IT_IS][0]["tasks"] == 1:
            continue  # There is nothing to forget.
        others = [run for run in ways.get(way, []) if run["seed"] != seed]
        if not args.again and len(others) < len(ways.get(way, [])):
            continue
        runs = sorted([*others, run(name, CHANGES[way], seed)], key=lambda run: run["seed"])
        print(f"{name}, {way}, seed {seed}: {_spread(runs)} so far", flush=True)
        results.save(NAME, "python -m benchmarks.choosing.recipe_gains", {name: ways | {way: runs}})
    found = results.load(NAME)["results"]
    rewrite(RECIPES / "README.md", "recipe-gains", table(dict(sorted(found.items()))))


if __name__ == "__main__":
    main()
