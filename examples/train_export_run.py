"""Train in PyTorch, pack the network, and run the packed file: the labels stay the same.

    python examples/train_export_run.py

Needs the extra `train`: pip install "metabit[train]".
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from metabit import Engine
from metabit.export.container import save
from metabit.export.from_run import from_run
from metabit.trainer import data
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict

RECIPE = {
    "name": "digits",
    "data": {"name": "digits", "stream": "single"},
    "network": {"hidden": [128]},
    "method": {"name": "metaplastic", "m": 1.0, "lr": 0.005},
    "train": {"epochs": 10, "batch": 50, "seed": 1},
}


def main() -> None:
    """From a recipe to a file that a device can run."""
    digits = data.load("digits")
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe_from_dict(RECIPE), Path(folder) / "run")
        print(f"trained: {run.metrics['acc']:.1%} of the test samples are right")
        path = Path(folder) / "digits.mbit"
        save(from_run(run), path)
        print(f"packed: {path.stat().st_size:,} bytes, hidden weights included")
        print(f"run by the C engine: {Engine(path).score(x_test, y_test):.1%}")


if __name__ == "__main__":
    main()
