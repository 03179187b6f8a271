"""Learning on the device: accuracy, memory and bits. Fills a table of docs/benchmarks/learning.md.

    python -m benchmarks.learning.device_learning [--jobs 2] [--seeds 3] [--only NAME ...]

Needs Fashion-MNIST. Runs are independent processes of one thread each; results go to
benchmarks/results/device_learning.json, and the table in docs/benchmarks/learning.md is made from
that file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import page, results
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.task_banks import TaskBanks
from metabit.export.container import dumps
from metabit.export.spec import InputSpec, Model
from metabit.export.untrained import untrained
from metabit.trainer import data

Record = dict[str, Any]
Array = NDArray[Any]

#: Mean of the training pixels: the value that means zero.
ZERO_POINT = 73
STREAM_PARTS = 60
TASKS = 5
#: Bits of a hidden weight, and samples per step, that the stream is learnt with besides 8 and 1.
FEW_BITS = ((4, 1), (4, 16), (8, 16))
#: The rule as it is where nothing is set.
M: float = signature(untrained).parameters["m"].default


def fashion() -> tuple[Array, Array, Array, Array]:
    """Training samples (60000, 784), labels, test samples (10000, 784), labels."""
    sets = data.load("fashion-mnist")
    flat = sets.train.x.reshape(len(sets.train), -1), sets.test.x.reshape(len(sets.test), -1)
    return flat[0], sets.train.y, flat[1], sets.test.y


def network(samples: Array, width: int, seed: int, *, n_banks: int = 1, bits: int = 8) -> Model:
    """784-width-width-10 with random weights, its normalisation fitted to these samples."""
    spec = InputSpec("uint8", (samples.shape[1],), 1.0, ZERO_POINT)
    return untrained(spec, (width, width, 10), samples, bits=bits, n_banks=n_banks, seed=seed)


# ---- accuracy --------------------------------------------------------------------------------


def stream(seed: int, metaplastic: bool) -> Record:
    """Fashion-MNIST in 60 parts, each sample once, batch 1; 784-128-128-10, 8-bit state."""
    return _stream(seed, M if metaplastic else 0.0) | {"run": "stream"}


def few_bits(seed: int, bits: int, batch: int) -> Record:
    """The same with so many bits, and so many samples per step."""
    return _stream(seed, M, bits, batch) | {"run": "few_bits", "bits": bits, "batch": batch}


def _stream(seed: int, m: float, bits: int = 8, batch: int = 1) -> Record:
    x, y, x_test, y_test = fashion()
    order = np.random.default_rng(seed).permutation(len(x))
    # The first 200 samples of the stream, without labels, set the normalisation.
    model = network(x[order[:200]], 128, seed, bits=bits)
    engine = Engine(dumps(model), learn="all", m=m, batch=batch, seed=seed + 1)
    curve, right, seconds = [], [], 0.0
    for part in np.array_split(order, STREAM_PARTS):
        began = time.perf_counter()
        right.append(engine.learn(x[part], y[part]) == y[part])
        seconds += time.perf_counter() - began
        curve.append(engine.score(x_test, y_test))
    return {
        "seed": seed, "m": m, "final": curve[-1],
        "last_five_parts": float(np.mean(curve[-5:])), "curve": curve,
        "prequential": float(np.concatenate(right).mean()),
        "plasticity_left": engine.status().plasticity_left,
        "us_per_step_while_busy": 1e6 * seconds / len(x),
    }  # fmt: skip


def permuted(seed: int, metaplastic: bool) -> Record:
    """Five permutations of Fashion-MNIST, one pass each, batch 1; 784-256-256-10, 8-bit state."""
    x, y, x_test, y_test = fashion()
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(x.shape[1]) for _ in range(TASKS)]
    samples = rng.permutation(len(x))
    m = M if metaplastic else 0.0
    model = network(x[samples[:200]][:, orders[0]], 256, seed, n_banks=TASKS)
    banks = TaskBanks(dumps(model), m=m, seed=seed + 1)
    after = []
    for task, order in enumerate(orders):
        banks.begin(task)
        banks.learn(task, x[samples][:, order], y[samples])
        after.append(banks.score(task, x_test[:, order], y_test))
    end = [banks.score(task, x_test[:, order], y_test) for task, order in enumerate(orders)]
    return {
        "run": "permuted", "seed": seed, "m": m, "mean": float(np.mean(end)), "end": end,
        "just_learnt": after,
    }  # fmt: skip


# ---- memory ----------------------------------------------------------------------------------


def memory() -> list[Record]:
    """Arena, and bits a weight of everything that learning needs, planned by the C core."""
    x = fashion()[0][:200]
    rows = []
    for width, bits, batch in ((128, 8, 1), (128, 4, 1), (256, 8, 1), (256, 4, 1), (256, 4, 16)):
        blob = dumps(network(x, width, 0, bits=bits))
        p = plan(blob, learn="all", batch=batch)
        n_weights = 784 * width + width * width + width * 10
        state = p.parts["hidden_bytes"] + p.parts["sign_bytes"]
        rows.append(
            {
                "network": f"784-{width}-{width}-10", "state_bits": bits, "batch": batch,
                "n_weights": n_weights, "arena_bytes": p.arena_bytes, "parts": dict(p.parts),
                "bits_per_weight_state": 8 * state / n_weights,
                "bits_per_weight_everything": 8 * p.arena_bytes / n_weights,
            }
        )  # fmt: skip
    return rows


# ---- all of it -------------------------------------------------------------------------------


def run_all(jobs: int, n_seeds: int, only: Iterable[str]) -> Record:
    """Everything, the accuracy runs in parallel."""
    wanted = set(only) or {"stream", "few_bits", "permuted", "memory"}
    record: Record = {"memory": memory()} if "memory" in wanted else {}
    kinds: dict[str, tuple[Callable[..., Record], tuple[tuple[Any, ...], ...]]] = {
        "stream": (stream, ((True,), (False,))),
        "few_bits": (few_bits, FEW_BITS),
        "permuted": (permuted, ((True,), (False,))),
    }
    with ProcessPoolExecutor(jobs) as pool:
        pending = [
            pool.submit(run, seed, *arguments)
            for name, (run, ways) in kinds.items()
            if name in wanted
            for seed in range(n_seeds)
            for arguments in ways
        ]
        for done in pending:
            row = done.result()
            record.setdefault(row["run"], []).append(row)
            score = 100 * row["final" if "final" in row else "mean"]
            print(f"{row['run']} seed {row['seed']} m {row['m']:g}: {score:.2f} %", flush=True)
    return record


def main() -> None:
    """Measure, write the JSON, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    command = f"python -m benchmarks.learning.device_learning --seeds {args.seeds}"
    results.save("device_learning", command, run_all(args.jobs, args.seeds, args.only))
    page.write()


if __name__ == "__main__":
    main()
