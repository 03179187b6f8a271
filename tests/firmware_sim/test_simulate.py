"""`simulate` compares board and host, and fails when they differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.errors import BudgetError, InputError, MismatchError
from metabit.export.container import dumps
from metabit.firmware_sim import session
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.simulate import simulate
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of
from metabit.trainer.frontend.front_end import STATISTICS


def test_without_data_golden_and_random_samples_are_run(blob: bytes, board_name: str) -> None:
    made = simulate(blob, board_name, learn="all", n_samples=20)
    assert made.x_source == "3 golden samples, 17 random"
    assert made.y_source == "random"
    assert len(made.labels) == len(made.learnt) == 20
    assert made.learn is not None


def test_given_samples_are_run_in_order(blob: bytes) -> None:
    model = random_model((65, 33, 5), seed=4)
    x = random_samples(np.random.default_rng(2), model.input, 15)
    made = simulate(blob, "nrf52840", x=x, n_samples=10)
    assert np.array_equal(made.labels, Engine(blob).predict(x[:10]))
    assert made.x_source == "given"
    assert made.learn is None
    assert made.state_image == b""


def with_front_end(stack: int) -> bytes:
    """Windows of 16 frames of three channels, every 4 frames."""
    does = Operations(3, 16, 4, STATISTICS, (1, 3, 6, 9), "also", stack)
    frames = np.random.default_rng(5).integers(-3000, 3000, (400, 3)).astype(np.int16)
    front_end = fit(windows_of(frames, does), does)
    model = random_model((does.n_inputs, 8, 3), seed=1, dtype="int8")
    return dumps(replace(model, front_end=front_end))


def test_a_board_makes_the_samples_of_frames_and_counts_what_they_take(board_name: str) -> None:
    one, three = (simulate(with_front_end(n), board_name, n_samples=1) for n in (1, 3))
    assert one.front_end is not None
    assert three.front_end is not None
    assert "mb_make_row" in one.front_end.counts.by_function
    assert 0 < one.front_end.counts.total < 1.2 * three.front_end.counts.total


def test_a_sample_of_frames_with_one_wrong_value_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    push = Device.push

    def wrong(self: Device, frame: Any, *, count: bool = False) -> Any:
        sample = push(self, frame, count=count)
        return None if sample is None else sample ^ 1

    monkeypatch.setattr(Device, "push", wrong)
    with pytest.raises(MismatchError, match="samples of the front end differ"):
        simulate(with_front_end(1), "nrf52840", n_samples=1)


def test_another_seed_on_the_host_is_found(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*args: Any, **options: Any) -> Engine:
        return Engine(*args, **{**options, "seed": 1234})

    monkeypatch.setattr(session, "Engine", other)
    with pytest.raises(MismatchError, match=r"first at (sample|byte)") as caught:
        simulate(blob, "nrf52840", learn="all", n_samples=30)
    assert caught.value.code == "E-SIM-MISMATCH"
    assert caught.value.exit_code == 5


def test_one_wrong_score_is_found_and_its_sample_named(
    blob: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Device.predict
    calls = iter(range(100))

    def wrong(self: Device, sample: Any, *, count: bool = False) -> Any:
        label, scores = predict(self, sample, count=count)
        scores[2] ^= int(next(calls) == 7)
        return label, scores

    monkeypatch.setattr(Device, "predict", wrong)
    with pytest.raises(MismatchError, match=r"the scores .* first at sample 7"):
        simulate(blob, "nrf52840", n_samples=10)


def test_one_wrong_bit_in_the_state_is_found(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state = Device.save_state

    def wrong(self: Device) -> bytes:
        image = bytearray(save_state(self))
        image[345] ^= 16
        return bytes(image)

    monkeypatch.setattr(Device, "save_state", wrong)
    with pytest.raises(MismatchError, match=r"the state image .* byte 345"):
        simulate(blob, "nrf52840", learn="all", n_samples=10)


def test_an_arena_of_another_size_is_found(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "arena_bytes", lambda _self: 17)
    with pytest.raises(MismatchError, match="arena size differs"):
        simulate(blob, "nrf52840", n_samples=10)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": np.zeros((3, 64), np.uint8)}, "shape"),
        ({"x": np.full((3, 65), np.nan)}, "NaN"),
        ({"x": np.zeros((0, 65), np.uint8)}, "no sample"),
        ({"x": np.zeros((3, 65), np.uint8), "y": [0, 1, 5]}, "label 5"),
        ({"y": [0, 1, 2]}, "labels without samples"),
    ],
    ids=str,
)
def test_bad_samples_are_refused(blob: bytes, data: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(blob, "nrf52840", learn="all", **data)


def test_what_does_not_fit_the_board_is_refused() -> None:
    blob = dumps(random_model((1024, 257, 3)))
    with pytest.raises(BudgetError, match="KiB of RAM are missing"):
        simulate(blob, "nrf52840", learn="all", n_samples=1)
    assert simulate(blob, "nrf52840", learn="auto", n_samples=1).choice.startswith("learning the h")


def test_progress_reaches_its_end(blob: bytes) -> None:
    seen: list[tuple[int, int]] = []
    simulate(blob, "nrf52840", learn="head", n_samples=6, progress=lambda a, b: seen.append((a, b)))
    assert seen == [(i, 12) for i in range(1, 13)]


def test_the_answer_is_json_with_a_schema(blob: bytes) -> None:
    made = simulate(blob, "nrf52840", learn="head", n_samples=6)
    answer = json.loads(json.dumps(made.to_dict()))
    assert answer["schema"] == "metabit/simulate/1"
    assert answer["same_as_host"] is True
    assert answer["state_bytes"] == len(made.state_image)
    assert answer["learn"]["samples_counted"] == 4
