"""Accuracy against the bits of a hidden weight, 8 to 2, when all layers learn on the device.

    python -m benchmarks.learning.state_bits [--only NAME ...] [--again]

The C core keeps hidden weights in bytes here, and is compiled once for each number of sizes, so
that nothing differs but the range: 2^(bits - 1) sizes of both signs. A step of 8 bits, in levels,
is multiplied by 2^((bits - 8) / 4), which gives 4 bits the half that they have as shipped; no step
was chosen for these figures. Networks begin with random weights and learn at batch 1. Each run is
written down when it has ended, and is not run again unless `--again` is said. Writes
results/state_bits.json, a table into docs/benchmarks/learning.md, and docs/images/state-bits.png.
Needs gcc, MNIST and Fashion-MNIST.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import page, results
from benchmarks.gates import exam, pictures, problems
from benchmarks.gates.problem import Phase, Problem
from metabit.edge_runtime import sources
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.spec import Model
from metabit.export.untrained import START_SHARE, untrained
from metabit.files import write_whole

SEEDS = (620, 621, 622)
BITS = (8, 7, 6, 5, 4, 3, 2)
STEP_8 = 0.1
IMAGE = Path(__file__).parents[2] / "docs" / "images" / "state-bits.png"
PORT = ("posix_folder.c", "spin.c", "threads.c")
C_FLAGS = ("-std=c11", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden")


def parts(seed: int, n_parts: int, epochs: int) -> Problem:
    """Fashion-MNIST in parts of 1,000 samples that are never seen again, some epochs each, as in
    recipes/benchmarks/fashion-stream.toml, but at batch 1."""
    s = pictures.pictures("fashion-mnist", seed, 1)
    phases = []
    for index in range(n_parts):
        part = np.concatenate([1000 * index + s.rng.permutation(1000) for _ in range(epochs)])
        phases.append(Phase(f"part {index + 1}", s.x[part], s.y[part], (s.test.name,)))
    return Problem("", seed, s.spec, 10, s.x[:200], None, tuple(phases), (s.test,))


STREAMS: dict[str, Callable[[int], Problem]] = {
    "Fashion-MNIST, 60,000 samples once": lambda seed: problems.build("Fashion", seed),
    "Fashion-MNIST, ten parts of five epochs": lambda seed: parts(seed, 10, 5),
    "Fashion-MNIST, 60 parts of 20 epochs": lambda seed: parts(seed, 60, 20),
    "five permutations of MNIST": lambda seed: problems.build("five permutations of MNIST", seed),
}


def network(problem: Problem, bits: int) -> Model:
    """Random weights whose sizes fit so few bits, kept in bytes."""
    model = untrained(problem.spec, (*problem.hidden, problem.n_classes), problem.start,
                      seed=problem.seed, step_levels=STEP_8 * 2 ** ((bits - 8) / 4))  # fmt: skip
    assert model.learn is not None
    start = max(1, round(START_SHARE * 2 ** (bits - 1)))
    levels = tuple(np.clip(q, -start, start - 1) for q in model.learn.levels)
    return replace(model, learn=replace(model.learn, levels=levels))


def build(bits: int, folder: Path) -> Path:
    """The C core with the sizes of so many bits.

    Raises:
        subprocess.CalledProcessError: gcc failed.
        FileNotFoundError: there is none.
    """
    library, room = folder / f"metabit-{bits}.so", sources()
    files = [*sorted((room / "src").rglob("*.c")), *(room / "port" / name for name in PORT)]
    command = ["gcc", *C_FLAGS, f"-DMB_SIZES(bits)={2 ** (bits - 1)}u", f"-I{room / 'include'}"]
    subprocess.run([*command, *map(str, files), "-o", str(library)], check=True)
    return library


def run(name: str, bits: int, seed: int) -> results.Record:
    """One network through one stream, in a process that has the library of these bits."""
    problem = STREAMS[name](seed)
    engine = Engine(dumps(network(problem, bits)), learn="all", seed=seed + 1)
    found = exam.examine(problem, engine)
    shares = {key: found[key] for key in ("all_after", "oldest", "newest", "prequential")}
    return {"bits": bits, "seed": seed, **shares}


def run_apart(library: Path, name: str, bits: int, seed: int) -> results.Record:
    """`run` in a process of its own."""
    environment = {**os.environ, "METABIT_LIBRARY": str(library)}
    module = "benchmarks.learning.state_bits"
    command = [sys.executable, "-m", module, "--one", name, str(bits), str(seed)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    row: results.Record = json.loads(done.stdout)
    print(f"{name}: {row}", flush=True)
    return row


def plot(found: results.Record) -> None:
    """Mean and range of the seeds by bits, a line for each stream."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, part), mark in zip(found.items(), "osD^", strict=True):
        by_bits = [[100 * r["all_after"] for r in part["runs"] if r["bits"] == b] for b in BITS]
        means = [float(np.mean(some)) for some in by_bits]
        line = axes.plot(BITS, means, marker=mark, label=name)[0]
        low, high = [min(some) for some in by_bits], [max(some) for some in by_bits]
        axes.fill_between(BITS, low, high, color=line.get_color(), alpha=0.2)
    axes.set(xlabel="bits of a hidden weight", ylabel="accuracy at the end, %", xticks=BITS)
    axes.invert_xaxis()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=130, format="png")
    write_whole(IMAGE, picture.getvalue())


def main() -> None:
    """Measure, draw, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", default=list(STREAMS), choices=STREAMS, metavar="NAME")
    parser.add_argument("--again", action="store_true", help="run what has been run, too")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, bits, seed = args.one
        print(json.dumps(run(name, int(bits), int(seed))))
        return
    with tempfile.TemporaryDirectory(prefix="metabit-bits-") as folder:
        build_once = cache(partial(build, folder=Path(folder)))
        for name, seed, bits in product(args.only, SEEDS, BITS):
            rows = results.load("state_bits")["results"].get(name, {"runs": []})["runs"]
            others = [row for row in rows if (row["seed"], row["bits"]) != (seed, bits)]
            if args.again or len(others) == len(rows):
                runs = [*others, run_apart(build_once(bits), name, bits, seed)]
                record = {name: {"runs": runs}}
                results.save("state_bits", "python -m benchmarks.learning.state_bits", record)
    plot(results.load("state_bits")["results"])
    page.write()


if __name__ == "__main__":
    main()
