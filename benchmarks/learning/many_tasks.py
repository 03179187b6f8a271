"""A thousand tasks, one after the other: permuted MNIST, each sample once, one normalisation.

    python -m benchmarks.learning.many_tasks [--only NAME ...] [--seeds 640 ...]

Every task has its own order of the pixels. Pixels are centred by their means over the training set
first, halved to int8. Each run is written down when it has ended, and is not measured again unless
`--again` is said; on the way an engine commits to a state folder below build/, so that a command
that was stopped continues. Writes results/many_tasks.json, and from there a table into
docs/benchmarks/learning.md. MNIST is looked for in METABIT_DATA. What is named after a network was
chosen by seed 630.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import numpy as np
from numpy.typing import NDArray

from benchmarks import page, results
from benchmarks.gates import pictures
from benchmarks.gates.problem import Labels, Samples
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Plan
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer import circumstances

NAME, SEEDS = "many_tasks", (640, 641, 642)
N_START, N_PIXELS, N_CLASSES = 200, 784, 10
#: The newest so many tasks are asked at the end.
LAST = 5
BELOW = Path(__file__).parents[2] / "build" / NAME
Pixels = NDArray[np.int8]


@dataclass(frozen=True)
class Way:
    """A learner, and how many tasks of how many samples it is given; None is as it comes.

    Attributes:
        hidden: units of the one hidden layer.
        tasks, samples: how many tasks, and samples of each.
        batch: samples per step.
        m, step_levels: of the rule.
    """

    hidden: int = 100
    tasks: int = 1000
    samples: int = 2000
    batch: int = 1
    m: float | None = None
    step_levels: float | None = None


WAYS: dict[str, Way] = {
    "784-100-10": Way(),
    "784-100-10, m 0": Way(m=0.0),
    "784-100-10, m 2, step 0.07": Way(m=2.0, step_levels=0.07),
    "784-1024-10": Way(hidden=1024, tasks=100),
    "784-1024-10, m 0": Way(hidden=1024, tasks=100, m=0.0),
    "784-1024-10, m 0, 20,000 samples": Way(hidden=1024, tasks=100, samples=20_000, m=0.0),
}


@dataclass(frozen=True)
class Tasks:
    """MNIST in as many orders of pixels as are asked for.

    Attributes:
        x, y, x_test, y_test: centred samples (n, 784) and labels.
    """

    seed: int
    x: Pixels
    y: Labels
    x_test: Pixels
    y_test: Labels

    def order(self, task: int) -> NDArray[np.int64]:
        """Of the pixels, in this task."""
        return np.random.default_rng((self.seed, task)).permutation(N_PIXELS)

    def learnt(self, task: int, n: int) -> tuple[Pixels, Labels]:
        """Samples that a task shows."""
        some = np.random.default_rng((self.seed, task, 1)).permutation(len(self.y))[:n]
        return np.ascontiguousarray(self.x[some][:, self.order(task)]), self.y[some]

    def asked(self, task: int) -> tuple[Pixels, Labels]:
        """The test samples as a task has them."""
        return np.ascontiguousarray(self.x_test[:, self.order(task)]), self.y_test


def tasks_of(seed: int) -> Tasks:
    """All tasks of a seed.

    Raises:
        InputError: MNIST is not on this machine.
    """
    s = pictures.pictures("mnist", seed, 1)
    mean = s.x.mean(0, dtype=np.float64)

    def centred(x: Samples) -> Pixels:
        near: Pixels = np.clip(np.round((x - mean) / 2), -128, 127).astype(np.int8)
        return near

    return Tasks(seed, centred(s.x), s.y, centred(s.x_test), s.y_test)


def run(way: Way, seed: int, folder: Path) -> results.Record:
    """One learner through all its tasks; shares from 0 to 1.

    Args:
        way: the learner, and how much it learns.
        seed: of the tasks and the learner.
        folder: what has been learnt is kept there on the way; it is removed at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks, known = tasks_of(seed), folder / "just_learnt.json"
    engine = engine_of(way, seed, tasks, folder / "state")
    asked = asked_on_the_way(way.tasks)
    begin = engine.status().n_steps // way.samples
    just_learnt = json.loads(known.read_text()) if begin else []
    just_learnt = just_learnt[: sum(task < begin for task in asked)]
    for task in range(begin, way.tasks):
        engine.learn(*tasks.learnt(task, way.samples))
        if task in asked:
            just_learnt.append(engine.score(*tasks.asked(task)))
            print(f"  task {task + 1}: {100 * just_learnt[-1]:.1f} %", flush=True)
            known.write_text(json.dumps(just_learnt))
            engine.commit()
    end = [engine.score(*tasks.asked(task)) for task in range(way.tasks - LAST, way.tasks)]
    engine.close()
    rmtree(folder)
    return {
        "seed": seed, "last_five": float(np.mean(end)), "end": end, "just_learnt": just_learnt,
        "asked_on_the_way": [task + 1 for task in sorted(asked)],
        **bits_per_weight(engine.plan, N_PIXELS * way.hidden + way.hidden * N_CLASSES),
    }  # fmt: skip


def engine_of(way: Way, seed: int, tasks: Tasks, state: Path) -> Engine:
    """A network of random weights, or what has been learnt in this folder already."""
    start = tasks.learnt(0, N_START)[0]
    model = untrained(InputSpec("int8", (N_PIXELS,), 1 / 64), (way.hidden, N_CLASSES), start,
                      seed=seed)  # fmt: skip
    return Engine(
        dumps(model), learn="all", batch=way.batch, m=way.m, step_levels=way.step_levels,
        seed=seed + 1, state=state,
    )  # fmt: skip


def asked_on_the_way(n_tasks: int) -> set[int]:
    """Tasks that are asked when they have just been learnt: the first, the last, some between."""
    return {
        *range(LAST),
        *range(n_tasks - LAST, n_tasks),
        *range(19, n_tasks, max(1, n_tasks // 25)),
    }


def bits_per_weight(plan: Plan, n_weights: int) -> dict[str, float]:
    """RAM of hidden weights and their signs, and of everything, by weight."""
    weights = plan.parts["hidden_bytes"] + plan.parts["sign_bytes"]
    return {
        "bits_of_weights": 8 * weights / n_weights,
        "bits_of_everything": 8 * plan.arena_bytes / n_weights,
    }


def missing(args: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """What is to be measured."""
    known = results.load(NAME)["results"]
    for name in args.only:
        seeds = [run["seed"] for run in known.get(name, {"runs": []})["runs"]]
        yield from ((name, seed) for seed in args.seeds if args.again or seed not in seeds)


def main() -> None:
    """Measure what is missing, and write each run down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=WAYS, metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    args = parser.parse_args()
    for name, seed in list(missing(args)):
        print(f"{name}, seed {seed}", flush=True)
        way, place = WAYS[name], f"{name}, {seed}, {circumstances.commit()}"
        new = run(way, seed, BELOW / place)
        print(f"  last five {100 * new['last_five']:.1f} %", flush=True)
        runs = results.load(NAME)["results"].get(name, {"runs": []})["runs"]
        kept = [old for old in runs if old["seed"] != seed]
        record = {"tasks": way.tasks, "samples": way.samples, "runs": [*kept, new]}
        results.save(NAME, "python -m benchmarks.learning.many_tasks", {name: record})
    page.write()


if __name__ == "__main__":
    main()
