"""Learn two tasks, one after the other, on the engine that a device runs: with and without m.

    python examples/two_tasks.py

The second task is the first with its pixels in another order. NumPy only: no PyTorch is needed.
"""

from __future__ import annotations

import numpy as np

from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.sizes import format_kib
from metabit.edge_runtime.task_banks import TaskBanks
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer import data


def main() -> None:
    """Two permuted digit tasks, four passes each, batch 1."""
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    rng = np.random.default_rng(0)
    orders = [np.arange(64), rng.permutation(64)]
    passes = [rng.permutation(len(x)) for _ in range(4)]

    # A network of random bits. Some samples, without labels, set its normalisation.
    blob = dumps(untrained(InputSpec("uint8", (64,)), (256, 10), x[:200], n_banks=2))
    print(f"64-256-10: learning takes {format_kib(plan(blob).arena_bytes)} of RAM in all")

    for m in (0.0, 6.0):
        banks = TaskBanks(blob, m=m)
        for task, order in enumerate(orders):
            banks.begin(task)
            for samples in passes:
                banks.learn(task, x[samples][:, order], y[samples])
        first, second = (banks.score(k, x_test[:, orders[k]], y_test) for k in range(2))
        print(f"m = {m:g}: first task {first:.1%}, second task {second:.1%}")


if __name__ == "__main__":
    main()
