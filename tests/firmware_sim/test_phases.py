"""Phases of a command: nothing is lost between them, and each belongs to its layer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, small_convnet, world

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.errors import InputError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.cost import phases
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.profile import Profile, profile
from metabit.firmware_sim.session import Session
from metabit.firmware_sim.trace import trace

DOCUMENT = (Path(__file__).parents[2] / "docs" / "PROFILE.md").read_text()


@pytest.fixture(scope="module")
def made(blob: bytes) -> Profile:
    return profile(blob, "nrf52840", learn="all", n_samples=2)


def passes(counts: Counts) -> list[tuple[str, int | None]]:
    """Phases in their order, after those that adding up makes sure of."""
    assert sum(phase.instructions for phase in counts.phases) == pytest.approx(counts.total)
    assert sum(phase.cycles or 0 for phase in counts.phases) == pytest.approx(counts.cycles)
    assert all(phase.instructions > 0 for phase in counts.phases)
    return [(phase.name, phase.layer) for phase in counts.phases]


def test_phases_follow_the_layers_down_and_up_again(made: Profile) -> None:
    forward = [("begin", None), ("forward", 0), ("forward", 1), ("scores", None)]
    assert passes(made.predict.counts) == forward
    assert made.learn is not None
    assert passes(made.learn.longest) == [
        *forward, ("judge the sample", None), ("means of the inputs", None),
        *[(name, layer) for layer in (1, 0)
          for name in ("errors", "send errors back", "move weights")],
    ]  # fmt: skip


def test_a_sample_passes_what_chooses_between_contexts(tmp_path: Path) -> None:
    blob = dumps(random_model((9, 8, 6, 3)))
    model = Blob(blob).model
    with Engine(blob, learn="all", contexts=2, state=tmp_path) as engine:
        for number, n in ((1, 1050), (2, 200)):
            engine.learn(*world(model, number, n))
        engine.commit()
        assert engine.status().n_contexts == 2
    x, y = world(model, 2, 2, part=1)
    made = profile(blob, "nrf52840", state=tmp_path, x=x, y=y)
    chosen = [("sums of the inputs", None), *[("choose the context", None)] * 2]
    assert passes(made.predict.counts)[1:4] == [chosen[0], chosen[1], ("forward", 0)]  # a mean
    assert made.learn is not None
    learning = passes(made.learn.longest)
    assert learning[:5] == [("begin", None), *chosen, ("means of the context", None)]
    assert ("move weights", 0) in learning


@pytest.mark.parametrize("board", ["raspberry-pi-3b-plus"])
def test_every_sample_of_a_batch_passes_every_layer_of_a_convnet(board: str) -> None:
    model = small_convnet()
    running = session.start(dumps(model), boards.load(board), "all", Options(batch=3))
    device, n = running.device(), len(model.layers)
    device.open()
    x = random_samples(np.random.default_rng(0), model.input, 3)
    labels = np.arange(3, dtype=np.int32) % model.n_outputs
    device.learn(x, labels, count=True)
    order = passes(device.counts)
    assert [layer for name, layer in order if name == "forward"] == [*range(n)] * 3
    assert [layer for name, layer in order if name == "move weights"] == [*range(n)][::-1]


def test_a_mean_counts_a_phase_that_some_commands_do_not_have() -> None:
    both = [phases.Phase("forward", 0, 10, 20), phases.Phase("errors", 0, 4, 8)]
    assert phases.mean([both, both[:1]]) == (
        phases.Phase("forward", 0, 10, 20), phases.Phase("errors", 0, 2, 4),
    )  # fmt: skip


def test_a_trace_has_a_slice_for_each_phase_on_the_boards_clock(made: Profile) -> None:
    events = json.loads(json.dumps(trace([made, made])))["traceEvents"]
    slices = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) == (1, 2)]
    assert made.learn is not None
    assert len(slices) == len(made.learn.longest.phases)
    at = 0.0
    for one in slices:
        assert one["ts"] == pytest.approx(at)
        at += one["dur"]
    assert at == pytest.approx((made.learn.longest.cycles or 0) / 64)
    assert {"fc2: move weights", "begin"} <= {one["name"] for one in slices}
    assert {e["pid"] for e in events} == {1, 2}


def test_without_a_cost_model_a_trace_has_no_clock(made: Profile) -> None:
    with pytest.raises(InputError, match="no clock") as caught:
        trace([replace(made, predict=replace(made.predict, estimate=None))])
    assert caught.value.code == "E-BOARD-FILE"


def test_the_fields_of_the_json_and_the_phases_are_explained(made: Profile) -> None:
    answer: Any = made.to_dict()
    explained = set(re.findall(r"`([^`]+)`", DOCUMENT))
    work = answer["predict"]
    for fields in (answer, work, work["instructions"], answer["layers"][0], answer["ram"]):
        assert set(fields) <= explained
    assert {name for name, _ in phases._MARKS.values()} | {phases.BEGIN} <= explained


def test_what_takes_long_is_told(start: Callable[..., Session], blob: bytes) -> None:
    start("nrf52840")
    said: list[str] = []
    profile(blob, "nrf52840", n_samples=1, told=said.append)
    assert said == ["linking", "opening", "predicting", "learning"]
