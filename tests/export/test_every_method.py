"""A binary network that any method has trained gives the same labels packed as in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export.container import dumps
from metabit.export.from_run import from_run
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict, registry

OPTIONS: dict[str, dict[str, Any]] = {
    "metaplastic": {"m": 8.0},
    "ewc": {"strength": 100.0},
    "anpyc": {"prune": 50, "prune_step": 25, "retrain_epochs": 1},
    "bop": {"threshold": 1e-5},
}
"""Keys beside the name, where the defaults would leave a part of the method out."""


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_packed_labels_are_pytorchs(name: str, digits: DataSet, tmp_path: Path) -> None:
    shared = registry.find(name).Options.needs_shared_bank
    n_banks = 1 if shared else 2
    recipe = recipe_from_dict(
        {
            "name": name,
            "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 203},
            "network": {"hidden": [33, 16], "banks": "shared" if shared else "task"},
            "method": {"name": name, **OPTIONS.get(name, {})},
            "train": {"epochs": 2, "batch": 25},
        }
    )
    run = train(recipe, tmp_path / "run")
    data = dumps(from_run(run))
    x = digits.test.x
    for bank in range(n_banks):
        run.model.use_bank(bank)
        labels = run.model.predict(x, digits.zero_point)
        assert len(np.unique(labels)) > 3  # it has learnt something to agree about
        assert np.array_equal(Engine(data, bank=bank).predict(x), labels)
        flat = x.reshape(len(x), -1)[:100]
        assert np.array_equal(ReferenceModel(data, bank=bank).predict(flat), labels[:100])
