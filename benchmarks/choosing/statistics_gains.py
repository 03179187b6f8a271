"""What it brings to measure statistics of normalisation with the final weights, where m is 0.

    python -m benchmarks.choosing.statistics_gains

Networks with the defaults of `[method]`, each trained as it is and with running averages. The seeds
are not those by which it was decided that statistics are measured. Writes
results/statistics_gains.json and a table of recipes/README.md. Needs Fashion-MNIST.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.trainer.loop import train
from metabit.trainer.recipe.recipe import recipe_from_dict

NAME, COMMAND = "statistics_gains", "python -m benchmarks.choosing.statistics_gains"
PAGE = Path(__file__).parents[2] / "recipes" / "README.md"
SINGLE = {"stream": "single"}
#: Problem -> its tables, and how many seeds from 800 on.
PROBLEMS: dict[str, tuple[dict[str, Any], int]] = {
    "digits, 128-128 units, 5 epochs": (
        {"data": {"name": "digits"}, "network": {"hidden": [128, 128]},
         "train": {"epochs": 5, "batch": 50}}, 8),
    "digits, 128-128 units, 20 epochs": (
        {"data": {"name": "digits"}, "network": {"hidden": [128, 128]},
         "train": {"epochs": 20, "batch": 50}}, 8),
    "10,000 pictures of Fashion-MNIST, 128 units, 5 epochs": (
        {"data": {"name": "fashion-mnist", "train_samples": 10_000}, "network": {"hidden": [128]},
         "train": {"epochs": 5}}, 6),
    "HAPT by person, raw windows, 128 units, 10 epochs": (
        {"data": {"name": "hapt"}, "network": {"hidden": [128]}, "train": {"epochs": 10}}, 6),
    "HAPT by person, front end, 128 units, 10 epochs": (
        {"data": {"name": "hapt"}, "frontend": {}, "network": {"hidden": [128]},
         "train": {"epochs": 10}}, 6),
}  # fmt: skip


def accuracy(tables: dict[str, Any], seed: int, statistics: str) -> float:
    """Accuracy on the test samples of a network that is trained here, in per cent."""
    recipe = {
        **tables,
        "name": "statistics",
        "data": {**tables["data"], **SINGLE, "seed": seed},
        "train": {**tables["train"], "seed": seed, "norm_statistics": statistics},
    }
    with tempfile.TemporaryDirectory() as folder:
        found = train(recipe_from_dict(recipe), Path(folder) / "run")
    return 100 * float(found.metrics["accuracy_matrix"][-1][-1])


def table(found: dict[str, Any]) -> str:
    """A row per problem: both accuracies, and what the seeds gained."""
    rows = []
    for problem in PROBLEMS:
        running, measured = (np.array(found[problem][way]) for way in ("running", "measured"))
        gains = measured - running
        spread = f"{gains.mean():+.1f} ({gains.min():+.1f} to {gains.max():+.1f})"
        rows.append(
            [
                problem,
                f"{running.mean():.1f} %",
                f"{measured.mean():.1f} %",
                spread,
                str(len(gains)),
            ]
        )
    return results.table(["m = 0", "running averages", "measured", "points gained", "seeds"], rows)


def main() -> None:
    """Train all networks, and write the table."""
    for problem, (tables, n_seeds) in PROBLEMS.items():
        ways: dict[str, list[float]] = {"running": [], "measured": []}
        for seed in range(800, 800 + n_seeds):
            for way, shares in ways.items():
                shares.append(accuracy(tables, seed, way))
        print(f"{problem}: {np.mean(ways['running']):.1f} -> {np.mean(ways['measured']):.1f}")
        results.save(NAME, COMMAND, {problem: ways})
    rewrite(PAGE, "statistics-gains", table(results.load(NAME)["results"]))


if __name__ == "__main__":
    main()
