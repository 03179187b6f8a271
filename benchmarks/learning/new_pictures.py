"""New classes of colour pictures on a device: a frozen binary trunk, and a head that learns.

    python -m benchmarks.learning.new_pictures           # all seeds, or the seeds that are named

The trunk is a binary convolutional network that learns five classes of CIFAR-10 at home. Then 200
pictures of each of the other five come to the device, class after class, one picture at a time. Two
heads learn them: the counting head, and the last layer with the metaplastic rule. A real-valued
network of the same shape that learns all those pictures at home, shuffled, is the upper bound.
Needs CIFAR-10. Writes benchmarks/results/new_pictures.json, and a table into
docs/benchmarks/learning.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import page, results
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.fold import scores_from_logits
from metabit.export.from_run import from_run
from metabit.export.shapes import map_samples
from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict

SEEDS = (0, 1, 2)
HOME, NEW = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
N_HOME, N_NEW, N_TEST = 3000, 200, 1000
CONVOLUTIONS = [[32, 3, 2], [64, 3, 2], [128, 3, 2]]
EPOCHS = 4
WAYS = {"counting head": "counting", "metaplastic last layer": "head"}
BOUND = "real-valued, all at home"

Figures = dict[str, float]


def recipe(seed: int, network: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """A recipe for the pictures of home, or with `table` for other ones."""
    return {
        "name": "pictures",
        "data": {"name": "cifar-10", "seed": seed, "test_samples": N_TEST} | table,
        "network": {"convolutions": CONVOLUTIONS} | network,
        "method": {"name": "metaplastic", "m": 1.0, "lr": 0.005, "lr_decay": 0.6},
        "train": {"epochs": EPOCHS, "batch": 50, "seed": seed},
    }


def accuracies(labels: NDArray[np.int64], y: NDArray[Any]) -> Figures:
    """Share of right labels among the classes of home, the new ones, and all."""
    right, is_home = labels == y, np.isin(y, HOME)
    return {
        "home": float(right[is_home].mean()),
        "new": float(right[~is_home].mean()),
        "all": float(right.mean()),
    }


def pictures_to_come(cifar: DataSet, seed: int) -> Split:
    """Pictures of the new classes, class after class."""
    drawn = np.random.default_rng(seed + 1000)
    chosen = [
        drawn.choice(np.flatnonzero(cifar.train.y == label), N_NEW, replace=False) for label in NEW
    ]
    return cifar.train.take(np.concatenate(chosen))


def on_device(file: bytes, learn: str, come: Split, tested: Split, seed: int) -> Figures:
    """What a head makes of the pictures that come, its bytes and its times on this machine."""
    engine = Engine(file, learn=learn, seed=seed)
    x, asked = map_samples(come.x), map_samples(tested.x)
    before = engine.predict(asked[np.isin(tested.y, HOME)])
    figures = {"before": float((before == tested.y[np.isin(tested.y, HOME)]).mean())}
    times: dict[str, list[float]] = {"learn": [], "predict": []}
    for row, label in zip(x, come.y, strict=True):
        begun = time.perf_counter()
        engine.learn(row[None], label[None])
        times["learn"].append(time.perf_counter() - begun)
    for row in asked[:200]:
        begun = time.perf_counter()
        engine.predict(row[None])
        times["predict"].append(time.perf_counter() - begun)
    figures |= {f"{name}_us": 1e6 * float(np.median(took)) for name, took in times.items()}
    figures |= {"file_bytes": len(file), "arena_bytes": engine.plan.arena_bytes}
    return figures | accuracies(engine.predict(asked), tested.y)


def measure(seed: int, folder: Path, cifar: DataSet) -> dict[str, Figures]:
    """All rows for one seed."""
    home = {"classes": list(HOME), "train_samples": N_HOME}
    run = train(recipe_from_dict(recipe(seed, {}, home)), folder / "trunk")
    file = dumps(from_run(run))
    come = pictures_to_come(cifar, seed)
    drawn = np.random.default_rng(seed)
    tested = cifar.test.take(np.sort(drawn.choice(len(cifar.test), 2 * N_TEST, replace=False)))
    with torch.no_grad():
        logits = run.model(torch.from_numpy(tested.x.astype(np.float32))).numpy()
    scores = Engine(file, learn="none").scores(map_samples(tested.x))
    if not np.array_equal(scores, scores_from_logits(logits)):
        raise SystemExit("the runtime has other scores than PyTorch")
    return {name: on_device(file, learn, come, tested, seed) for name, learn in WAYS.items()}


def at_home(seed: int, folder: Path, cifar: DataSet) -> Figures:
    """The real-valued network that learns as many pictures of all classes at home, shuffled."""
    table = {"train_samples": N_HOME + N_NEW * len(NEW)}
    network = {"kind": "real", "normalized": True, "standardized": True}
    tables = recipe(seed, network, table)
    tables["method"] = tables["method"] | {"m": 0.0, "lr": 0.001}
    run = train(recipe_from_dict(tables), folder / "real")
    return accuracies(run.model.predict(cifar.test.x), cifar.test.y)


def main() -> None:
    """Measure, print, and write down."""
    cifar = data.load("cifar-10")
    for seed in [int(word) for word in sys.argv[1:]] or SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(seed, Path(folder), cifar)
            found[BOUND] = at_home(seed, Path(folder), cifar)
        print(seed, found)
        before = results.load("new_pictures")["results"]
        record = {name: before.get(name, {}) | {str(seed): row} for name, row in found.items()}
        results.save("new_pictures", "python -m benchmarks.learning.new_pictures", record)
    page.write()


if __name__ == "__main__":
    main()
