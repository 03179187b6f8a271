"""Every kernel set predicts and learns the same bits; METABIT_ISA chooses one."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.isa import kernel_sets
from metabit.errors import InputError
from metabit.export.container import dumps
from metabit.export.window import Padding

RUNNING = [name for name, runs in kernel_sets().items() if runs]


def run(monkeypatch: pytest.MonkeyPatch, isa: str, bits: int, ram: int | None) -> list[bytes]:
    """Everything that a learning engine says, with one kernel set."""
    monkeypatch.setenv("METABIT_ISA", isa)
    model = random_model((100, 70, 47, 5), seed=6, bits=bits)
    rng = np.random.default_rng(3)
    x, y = random_samples(rng, model.input, 400), rng.integers(0, 5, 400)
    rests = Engine(dumps(model), ram=ram)
    learns = Engine(dumps(model), ram=ram, learn="all", bits=bits, seed=4)
    head = Engine(dumps(model), ram=ram, learn="head", bits=bits)
    assert learns.isa == isa
    said: list[NDArray[np.integer]] = [rests.scores(x), learns.learn(x, y), learns.scores(x)]
    said.append(head.learn(x, y))
    return [*(array.tobytes() for array in said), learns.save_state(), head.save_state()]


@pytest.mark.parametrize("isa", RUNNING)
@pytest.mark.parametrize("bits", [8, 4])
def test_every_kernel_set_predicts_and_learns_the_same(
    monkeypatch: pytest.MonkeyPatch, isa: str, bits: int
) -> None:
    assert run(monkeypatch, isa, bits, None) == run(monkeypatch, "scalar", bits, None)


@pytest.mark.parametrize("isa", RUNNING)
@pytest.mark.parametrize("channels", [8, 32, 33])
def test_every_kernel_set_convolves_the_same(
    monkeypatch: pytest.MonkeyPatch, isa: str, channels: int
) -> None:
    blocks: list[tuple[int, int, int, Padding, int]] = [
        (channels, 3, 1, "one", 2),
        (channels, 3, 1, "valid", 1),
    ]
    data = dumps(random_convnet((9, 10), blocks, (20, 5), step_levels=0.2))
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 256, (40, 90), dtype=np.uint8), rng.integers(0, 5, 40)

    def said(isa: str) -> list[bytes]:
        monkeypatch.setenv("METABIT_ISA", isa)
        engine = Engine(data, learn="all", seed=4)
        scores = Engine(data).scores(x)
        return [scores.tobytes(), engine.learn(x, y).tobytes(), engine.save_state()]

    assert said(isa) == said("scalar")


@pytest.mark.parametrize("isa", RUNNING)
def test_a_budget_that_leaves_no_room_for_panels_is_met_without(
    monkeypatch: pytest.MonkeyPatch, isa: str
) -> None:
    model = random_model((100, 70, 47, 5), seed=6)
    monkeypatch.setenv("METABIT_ISA", "scalar")
    least = Engine(dumps(model), learn="all").plan
    monkeypatch.setenv("METABIT_ISA", isa)
    tight = Engine(dumps(model), learn="all", ram=least.arena_bytes)
    wide = Engine(dumps(model), learn="all")
    assert tight.plan == least
    assert wide.plan.panels == (isa != "scalar")
    assert (wide.plan.arena_bytes > least.arena_bytes) == wide.plan.panels
    x = random_samples(np.random.default_rng(1), model.input, 50)
    assert np.array_equal(tight.scores(x), wide.scores(x))


def test_an_unknown_kernel_set_is_refused_with_those_that_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("METABIT_ISA", "quantum")
    with pytest.raises(InputError, match=r"METABIT_ISA=quantum: .* run .*scalar") as refused:
        Engine(dumps(random_model((12, 8, 4))))
    assert refused.value.code == "E-ISA"


def test_the_best_set_that_runs_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METABIT_ISA", raising=False)
    assert Engine(dumps(random_model((12, 8, 4)))).isa == RUNNING[0]
    assert "scalar" in RUNNING
