"""`--contexts`: room for several networks, and a state of several where there is less RAM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, world

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.export.container import dumps
from metabit.export.heads.home import with_head

from .conftest import Cli

MODEL = random_model((9, 8, 6, 3))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.mbit"
    path.write_bytes(dumps(MODEL))
    return path


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Forty samples of the first world."""
    x, y = world(MODEL, 1, 40)
    path = tmp_path / "samples.csv"
    rows = np.column_stack([x, y]).tolist()
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def needs(contexts: int) -> int:
    return plan(dumps(MODEL), learn="all", contexts=contexts).arena_bytes


def test_contexts_are_planned_and_learn_as_asked_for(
    cli: Cli, model: Path, samples: Path, tmp_path: Path
) -> None:
    for contexts, learns in ((1, "auto"), (2, "auto"), (3, "all")):
        told = ("--learn", learns, "--contexts", contexts, "--json")
        planned = cli("plan", model, *told).answer
        assert planned["arena_bytes"] == needs(contexts)
        done = cli("learn", model, samples, "--state", tmp_path / f"{contexts}", *told).answer
        assert done["contexts"] == planned["contexts"] == (contexts if contexts > 1 else 0)
    done = cli("learn", model, samples, "--state", tmp_path / "3", "--json").answer
    assert (done["contexts"], done["n_contexts"]) == (3, 1)


def test_contexts_that_cannot_be_are_refused(
    cli: Cli, model: Path, samples: Path, tmp_path: Path
) -> None:
    for wrong in ("0", "6", "two"):
        cli("plan", model, "--contexts", wrong).refused(2, "E-USAGE")
    cli("plan", model, "--learn", "head", "--contexts", "2").refused(2, "E-CONTEXTS")
    batch = ("--learn", "all", "--contexts", "2", "--batch", "4")
    cli("learn", model, samples, *batch).refused(2, "E-CONTEXTS")
    small = ("--learn", "all", "--contexts", "4", "--ram", str(needs(3)))
    refused = cli("learn", model, samples, *small, "--json")
    refused.refused(3, "E-BUDGET")
    assert (
        "Nearest that fits: learning all layers, 8-bit state, up to 3 contexts"
        in (refused.answer["error"]["message"])
    )
    headed = tmp_path / "headed.mbit"
    headed.write_bytes(dumps(with_head(MODEL, *world(MODEL, 1, 60))))
    refused = cli("learn", headed, samples, "--contexts", "2", "--json")
    refused.refused(2, "E-USAGE")
    assert "add --learn all" in refused.answer["error"]["message"]


def test_a_state_of_several_contexts_goes_on_in_less_ram_as_long_as_the_open_ones_fit(
    cli: Cli, model: Path, samples: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with Engine(dumps(MODEL), learn="all", contexts=5, state=state) as engine:
        engine.learn(*world(MODEL, 1, 1050))
        engine.learn(*world(MODEL, 2, 200))
        engine.commit()
        assert engine.status().n_contexts == 2
    one_less = cli("learn", model, samples, "--state", state, "--ram", needs(4), "--json").answer
    assert (one_less["contexts"], one_less["n_contexts"]) == (4, 2)
    least = cli("learn", model, samples, "--state", state, "--ram", needs(2), "--json").answer
    assert (least["contexts"], least["n_contexts"]) == (2, 2)
    refused = cli("learn", model, samples, "--state", state, "--ram", needs(2) - 1, "--json")
    refused.refused(3, "E-BUDGET")
    assert f"give it {needs(2):,} bytes" in refused.answer["error"]["message"]
    refused = cli("learn", model, samples, "--state", state, "--contexts", "1", "--json")
    refused.refused(5, "E-MISMATCH")
    assert (
        "2 of its contexts are open, and here is room for 1" in (refused.answer["error"]["message"])
    )
    assert cli("predict", model, samples, "--state", state).code == 0
