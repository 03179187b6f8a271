"""simulate and profile begin with what a device has learnt, and see what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, world

from metabit.edge_runtime.engine import Engine
from metabit.errors import BudgetError, StorageError
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.firmware_sim.profile import profile
from metabit.firmware_sim.simulate import simulate

RNG = np.random.default_rng(1)
NETWORK = random_model((20, 12, 4), seed=3)
X, Y = random_samples(RNG, NETWORK.input, 400), RNG.integers(0, 4, 400)
BLOB = dumps(with_head(NETWORK, X, Y, spare_classes=1))
NEW = random_samples(RNG, NETWORK.input, 60) // 8


def taught(folder: Path, **options: Any) -> Engine:
    """An engine that has learnt a spare class, and kept that."""
    engine = Engine(BLOB, state=folder, **options)
    engine.partial_fit(NEW, np.full(60, 4)).commit()
    return engine


@pytest.mark.parametrize(
    "options",
    [
        {"learn": "counting"},
        {"learn": "tracking", "units": 7, "replay": 30},
        {"learn": "head", "bits": 4, "replay": 20},
    ],
    ids=lambda options: options["learn"],
)
def test_the_board_goes_on_where_the_engine_stopped(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    if options["learn"] == "head":
        engine = Engine(BLOB, state=tmp_path, **options).partial_fit(X, Y)
        engine.commit()
    else:
        engine = taught(tmp_path, **options)
    x = np.concatenate([NEW[:4], X[:4]])
    made = simulate(BLOB, "nrf52840", state=tmp_path, x=x, y=Y[:8], n_counted=1)
    assert made.choice == engine.plan.choice
    assert made.labels.tolist() == engine.predict(x).tolist()
    assert made.learnt.tolist() == engine.learn(x, Y[:8]).tolist()
    assert made.state_image == engine.save_state()
    engine.close()


def test_a_class_that_was_learnt_is_answered_on_the_board(tmp_path: Path) -> None:
    taught(tmp_path, learn="counting").close()
    made = simulate(BLOB, "nrf52840", state=tmp_path, x=NEW[:6], n_counted=1)
    assert 4 in made.labels
    assert 4 not in Engine(BLOB, learn="counting").predict(NEW[:6])


def test_the_cost_is_of_the_samples_that_are_kept_too(tmp_path: Path) -> None:
    taught(tmp_path, learn="tracking", units=7, replay=30).close()
    kept = profile(BLOB, "nrf52840", state=tmp_path, x=X[:2], y=Y[:2])
    assert kept.choice == "learning the tracking head, 7 hidden units, replay of 30 samples"
    assert kept.learn is not None
    assert kept.learn.counts.by_function["mb_draw_from_ring"] > 0


def test_contexts_that_are_not_open_need_no_room_on_a_board(tmp_path: Path) -> None:
    blob = dumps(random_model((784, 64, 10)))
    engine = Engine(blob, learn="all", contexts=5, state=tmp_path)
    assert engine.plan.arena_bytes > 256 << 10  # more than the board has
    engine.commit()
    engine.close()
    x = np.random.default_rng(0).integers(0, 256, (2, 784)).astype(np.uint8)
    made = simulate(blob, "nrf52840", state=tmp_path, x=x, y=np.array([1, 2]), n_counted=1)
    assert made.choice == "learning all layers, 8-bit state, up to 3 contexts"
    assert made.learnt.tolist() == engine.learn(x, [1, 2]).tolist()


def test_open_contexts_that_are_too_large_are_profiled_and_refused_where_they_must_fit(
    tmp_path: Path,
) -> None:
    network = random_model((784, 128, 10))
    blob = dumps(network)
    with Engine(blob, learn="all", contexts=3, state=tmp_path) as engine:
        for number, n in ((1, 1050), (2, 200)):
            engine.learn(*world(network, number, n))
        assert engine.status().n_contexts == 2
        engine.commit()
    x, y = world(network, 2, 2, part=1)
    made = profile(blob, "nrf52840", state=tmp_path, x=x, y=y)
    assert made.choice == "learning all layers, 8-bit state, up to 2 contexts"
    assert made.ram.over_bytes > 0
    with pytest.raises(BudgetError, match="up to 2 contexts"):
        simulate(blob, "nrf52840", state=tmp_path, x=x, y=y)


def test_a_folder_without_a_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no state is there"):
        simulate(BLOB, "nrf52840", state=tmp_path)
