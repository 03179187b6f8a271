"""Tasks in banks of their own share hidden weights and nothing else."""

from __future__ import annotations

import numpy as np
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.task_banks import TaskBanks
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer.data.dataset import DataSet


def test_one_task_in_its_bank_is_plain_learning() -> None:
    model = random_model((20, 15, 4), n_banks=2)
    rng = np.random.default_rng(0)
    x, y = random_samples(rng, model.input, 80), rng.integers(0, 4, 80)
    banks = TaskBanks(dumps(model), seed=3)
    engine = Engine(dumps(model), learn="all", bank=1, seed=3)
    assert np.array_equal(banks.learn(1, x, y), engine.learn(x, y))
    assert banks.score(1, x, y) == engine.score(x, y)
    before = banks.score(0, x, y)
    assert banks.score(0, x, y) == before


def test_metaplasticity_keeps_old_tasks_that_plain_learning_forgets(digits: DataSet) -> None:
    rng = np.random.default_rng(0)
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    orders = [rng.permutation(64) for _ in range(3)]
    spec = InputSpec("uint8", (64,))
    data = dumps(untrained(spec, (128, 128, 10), x[:200], n_banks=3))
    old: dict[float, float] = {}
    for m in (0.0, 8.0):
        banks = TaskBanks(data, m=m, step_levels=0.05)
        for task, order in enumerate(orders):
            banks.begin(task)
            for _ in range(4):
                shuffled = rng.permutation(len(x))
                banks.learn(task, x[shuffled][:, order], y[shuffled])
            assert banks.score(task, x_test[:, order], y_test) > 0.65
        old[m] = float(np.mean([banks.score(k, x_test[:, orders[k]], y_test) for k in range(2)]))
    assert old[8.0] > old[0.0] + 0.1
