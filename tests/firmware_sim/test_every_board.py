"""Every board that can be emulated learns with the host's bits, a thousand steps on every core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, small_convnet

from benchmarks.models import dense
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.simulate import simulate

EMULATED = [name for name in boards.names() if boards.load(name).emulated]

#: One board of each core takes a thousand steps; another of that core, whose memory alone differs,
#: fewer.
FIRST = {boards.load(name).core: name for name in reversed(EMULATED)}
STEPS = {name: 1000 if name in FIRST.values() else 100 for name in EMULATED}


@pytest.fixture(scope="module")
def networks() -> dict[str, bytes]:
    """A chain of dense layers, a convolutional network, and a network with a counting head."""
    dense = random_model((33, 20, 4), seed=3, dtype="int8")
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, dense.input, 200), rng.integers(0, 4, 200)
    return {
        "all": dumps(random_model((33, 17, 4), seed=3)),
        "conv": dumps(small_convnet(dtype="int8", zero_point=-7, step_levels=0.2)),
        "counting": dumps(with_head(dense, x, y, spare_classes=1, ram_bytes=4000)),
    }


@pytest.mark.long
@pytest.mark.parametrize("network", ["all", "conv", "counting"])
@pytest.mark.parametrize("board", EMULATED)
def test_steps_are_the_hosts(networks: dict[str, bytes], board: str, network: str) -> None:
    """`simulate` compares scores, predictions before each step, and the state, bit for bit."""
    learn = "counting" if network == "counting" else "all"
    made = simulate(networks[network], board, learn=learn, n_samples=STEPS[board], n_counted=1)
    assert len(made.learnt) == STEPS[board]
    assert made.state_bytes > 0


@pytest.mark.long
@pytest.mark.parametrize("board", FIRST.values())
def test_a_thousand_samples_for_which_a_context_opens_are_the_hosts(
    board: str, tmp_path: Path
) -> None:
    """Two worlds, and the first again, in a device that has seen 1,000 samples before."""
    model = random_model((20, 16, 3), seed=3, dtype="int8")
    rng = np.random.default_rng(7)
    middles, worlds = rng.integers(-90, 90, (3, 3, 20)), np.repeat([0, 1, 0], [600, 250, 150])
    y = rng.integers(0, 3, 1000)
    x = np.clip(np.rint(middles[worlds, y] + rng.normal(0, 12, (1000, 20))), -128, 127)
    x = x.astype(np.int8)
    engine = Engine(dumps(model), learn="all", contexts=2, seed=5, state=tmp_path)
    engine.partial_fit(np.tile(x[:500], (2, 1)), np.tile(y[:500], 2))
    engine.commit()
    engine.close()
    made = simulate(dumps(model), board, x=x, y=y, n_samples=1000, n_counted=1, state=tmp_path)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()
    assert (engine.status().n_contexts, engine.status().context) == (2, 0)


@pytest.mark.long
def test_risc_v_predicts_with_at_most_1_3_times_the_instructions_of_a_cortex_m4() -> None:
    """HAPT's network, whose hidden layers have thresholds, so that it hardly misses an FPU.

    1.298 times.
    """
    blob = dense((768, 128, 128, 12))
    counted = {}
    for name in ("nrf52840", "esp32-c3"):
        device = session.start(blob, boards.load(name), "none", Options()).device()
        device.open()
        device.predict((np.arange(768) % 256).astype(np.uint8), count=True)
        counted[name] = device.counts.total
    assert 0 < counted["esp32-c3"] <= 1.3 * counted["nrf52840"]
