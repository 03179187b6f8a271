"""When metabit fits and when something else does: equal flash, equal RAM with learning, equal time.

    python -m benchmarks.choosing.when [--spoken ZIP] [--only hapt mnist spoken]
                                       [--seconds N] [--time]

Binary networks, and float networks with rectifiers that are rounded to int8 afterwards, read the
same integers, and are trained by the same loop for the same epochs. Each network is measured once
and kept in benchmarks/results/when.json, so that a run that was stopped continues; --seconds stops
by itself. --time measures the time of a prediction: metabit from C, int8 in LiteRT, in turns.
docs/WHEN.md is made of it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.tables import when as when_page
from metabit.bench.rival_networks import dense
from metabit.bench.rivals import rivals
from metabit.bench.subject import Subject
from metabit.bench.timing import Contestant, Limits, take_turns
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import fit as plan
from metabit.export import container
from metabit.export.blob import Blob
from metabit.export.heads.home import HeadChoice
from metabit.export.spec import InputSpec, Model
from metabit.export.untrained import untrained
from metabit.fitting import packing
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.loop import train_in_memory
from metabit.trainer.networks.network import Network
from metabit.trainer.prepare import Prepared
from metabit.trainer.recipe import Recipe
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.recipe.method import MethodRecipe
from metabit.trainer.recipe.method_options import MetaplasticOptions
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.recipe.train import TrainRecipe
from metabit.trainer.streams import build, single_task

NAME, SEED, M = "when", 0, 12.0
PROBLEMS = ("hapt", "mnist", "spoken")
BINARY = ((), (32,), (64,), (128,), (256,), (128, 128), (256, 256))
FLOAT = ((4,), (8,), (16,), (32,), (64,), (128,))
LEAST_HEAD = 24 * 1024
LIMITS = Limits(num_runs=300, max_seconds=40.0)


@dataclass(frozen=True)
class Problem:
    """A data set as networks read it.

    Attributes:
        data, frontend: where its samples come from.
        epochs: of every network.
    """

    data: DataRecipe
    frontend: FrontEndRecipe | None
    epochs: int


def problems(spoken: Path | None) -> dict[str, Problem]:
    """The sets by name; spoken digits only where their zip is given."""
    found = {
        "hapt": Problem(DataRecipe("hapt"), FrontEndRecipe(bands=8), 20),
        "mnist": Problem(DataRecipe("mnist"), None, 4),
    }
    if spoken is not None:
        data = DataRecipe(path=str(spoken), pattern="{label}_{group}_{}.wav", window=4800, hop=4800)
        mel = FrontEndRecipe(
            length=400, hop=400, statistics=(), bands=20, spacing="mel", log="only"
        )
        found["spoken"] = Problem(data, mel, 60)
    return found


def recipe_of(problem: Problem, kind: str, hidden: tuple[int, ...]) -> Recipe:
    """The recipe of one network."""
    network, method = NetworkRecipe(hidden=hidden), MethodRecipe(name="naive", lr=0.002)
    if kind == "binary":
        method = MetaplasticOptions(m=M)
    else:
        network = replace(network, kind="real", standardized=True)
    train = TrainRecipe(problem.epochs, batch=64, seed=SEED)
    return Recipe(NAME, problem.data, network, method, train, problem.frontend)


def measured(
    problem: Problem, kind: str, hidden: tuple[int, ...], dataset: DataSet
) -> dict[str, Any]:
    """Accuracy on the test samples and bytes of one network."""
    recipe = recipe_of(problem, kind, hidden)
    prepared = Prepared(recipe, Path(), False, dataset, single_task(dataset))
    net, accuracy = train_in_memory(prepared)
    widths = (dataset.n_inputs, *hidden, dataset.n_classes)
    row: dict[str, Any] = {"kind": kind, "widths": list(widths), "accuracy": accuracy}
    return row | (_binary(net, dataset) if kind == "binary" else _real(net, dataset))


def _binary(net: Network, dataset: DataSet) -> dict[str, Any]:
    whole = packing.packed(net, dataset, M, 8)
    headed = packing.with_known(whole, net, dataset.train, HeadChoice(ram_bytes=LEAST_HEAD))
    x = packing.rows(net, dataset.test.x)
    return {
        "by_head": packing.accuracy(headed, x, dataset.test.y, by_head=True),
        "flash_bytes": len(container.dumps(packing.packed(net, dataset, M, 0))),
        "learn_bytes": _ram(whole, "all"),
        "head_learn_bytes": _ram(headed, "counting"),
    }


def _ram(model: Model, learn: str) -> int:
    """Arena without the front end, which a float network needs too."""
    made = plan(Mapped(Blob(container.dumps(model))), learn, Options(), None)
    return made.arena_bytes - made.parts["front_bytes"]


def _real(net: Network, dataset: DataSet) -> dict[str, Any]:
    n_weights, n_units = 0, 0
    for weight in net.weights.values():
        rows = weight.detach().numpy()
        step = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9) / 127
        rows[:] = np.rint(rows / step) * step
        n_weights, n_units = n_weights + rows.size, n_units + len(rows)
    labels = net.predict(dataset.test.x, dataset.zero_point, list(range(dataset.n_classes)))
    return {
        "in_int8": float((labels == dataset.test.y).mean()),
        "flash_bytes": n_weights + 8 * n_units,  # a bias and a scale per unit
        "learn_bytes": 4 * (n_weights + 3 * n_units),  # float32, plain steps of one sample
    }


def key_of(name: str, kind: str, hidden: tuple[int, ...]) -> str:
    """Name of a result."""
    return f"{name} {kind} {'-'.join(map(str, hidden)) or 'none'}"


def missing(found: dict[str, Problem]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Networks that are not measured yet."""
    there = results.load(NAME)["results"]
    for name in found:
        for kind, shapes in (("binary", BINARY), ("float", FLOAT)):
            for hidden in shapes:
                if key_of(name, kind, hidden) not in there:
                    yield name, kind, hidden


def measure(found: dict[str, Problem], seconds: float, command: str) -> None:
    """Measure what is missing, for so long."""
    begun, sets = time.monotonic(), dict[str, DataSet]()
    for name, kind, hidden in list(missing(found)):
        if time.monotonic() - begun > seconds:
            return
        if name not in sets:
            sets[name] = build(found[name].data, found[name].frontend)[0]
        row = measured(found[name], kind, hidden, sets[name])
        key = key_of(name, kind, hidden)
        print(key, row, flush=True)
        results.save(NAME, command, {key: row})


def time_all(command: str, names: Iterable[str]) -> None:
    """Time the measured networks of these problems: binary ones here, others as int8 in LiteRT."""
    rows = results.load(NAME)["results"]
    shapes = dict.fromkeys(
        (row["kind"], tuple(row["widths"]))
        for key, row in rows.items()
        if "kind" in row and key.split()[0] in names
    )
    contestants = [_contestant(widths, kind) for kind, widths in shapes]
    times = take_turns(contestants, LIMITS)
    record = {name: {"us": float(found.us.min())} for name, found in times.items()}
    results.save(NAME, command, {f"time {name}": row for name, row in record.items()})


def _contestant(widths: tuple[int, ...], kind: str) -> Contestant:
    name = f"{kind} {'-'.join(map(str, widths))}"
    if kind == "float":
        made = next(r for r in rivals(dense(widths)) if r.contestant.name == "LiteRT, int8")
        return Contestant(name, made.contestant.run)
    x = np.random.default_rng(0).integers(-127, 128, (64, widths[0])).astype(np.int8)
    model = untrained(InputSpec("int8", (widths[0],), 1.0, 0), widths[1:], x)
    return Contestant(name, Subject(container.dumps(model), learn="none").predicting().run)


def main() -> None:
    """Measure, and make docs/WHEN.md again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spoken", type=Path)
    parser.add_argument("--only", nargs="*", choices=PROBLEMS)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    found = problems(args.spoken)
    wanted = {name: found[name] for name in args.only or found if name in found}
    command = "python -m benchmarks.choosing.when --spoken ZIP --time"
    if args.time:
        time_all(command, args.only or PROBLEMS)
    else:
        measure(wanted, args.seconds, command)
    when_page.write()


if __name__ == "__main__":
    main()
