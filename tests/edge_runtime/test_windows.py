"""Frames of a sensor become the same samples in C and NumPy, however they are pushed."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_model
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.errors import BudgetError, CorruptError, InputError
from metabit.export import layout
from metabit.export.container import dumps, front_end_of, loads
from metabit.export.spec import FrontEnd, Model
from metabit.export.windows import samples_of_recording
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of
from metabit.trainer.frontend.front_end import STATISTICS

SHAPES = {
    "motion": Operations(6, 128, 64, STATISTICS, (1, 2, 3, 4, 6, 9, 15, 30, 65), "also"),
    "odd length": Operations(3, 77, 20, ("mean", "change"), (0, 5, 65), "only"),
    "no spectrum": Operations(2, 4096, 1000, STATISTICS, (), "none"),
    "sound": Operations(1, 256, 128, (), (2, 5, 9, 17, 40, 129), "only", stack=5),
    "gaps": Operations(2, 16, 41, ("deviation", "maximum"), (1, 9), "also", stack=2),
    "two frames": Operations(1, 2, 1, STATISTICS, (0, 1, 2), "also", stack=3),
    "a table": Operations(40, 1, 1, ("mean",), (), "also"),
    "longest": Operations(1, 1024, 512, ("minimum",), tuple(range(0, 514, 9)), "also"),
}
N_FRAMES = {"no spectrum": 9000, "longest": 4000}
EXTREMES = np.array([-32_768, 32_767, 0, -32_768, 32_767, 1, -1], dtype=np.int16)


def recording(does: Operations, n: int, seed: int) -> NDArray[np.int16]:
    """A slow wave, noise, and a stretch of the largest jumps there are."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, np.newaxis]
    wave = 3000 * np.sin(t / rng.uniform(2, 40, does.n_channels)) + rng.normal(0, 300, (n, 1))
    frames = np.rint(wave).astype(np.int16)
    frames[n // 2 : n // 2 + n // 4] = rng.choice(EXTREMES, (n // 4, does.n_channels))
    return frames


def with_front_end(does: Operations, seed: int = 1) -> tuple[Model, FrontEnd]:
    frames = recording(does, 3 * does.length + 4 * does.hop + 200, seed)
    front_end = fit(windows_of(frames, does), does)
    model = random_model((does.n_inputs, 3), seed=2, dtype="int8")
    return replace(model, front_end=front_end), front_end


@pytest.mark.parametrize("name", SHAPES)
def test_samples_are_the_same_in_c_and_numpy(name: str) -> None:
    model, front_end = with_front_end(SHAPES[name])
    frames = recording(SHAPES[name], N_FRAMES.get(name, 1500), seed=3)
    expected = samples_of_recording(frames, front_end)
    engine = Engine(dumps(model))
    assert len(expected) >= 2
    assert np.array_equal(engine.push(frames), expected)
    engine.windows.restart()
    piecewise = [engine.push(part) for part in np.array_split(frames, 37)]
    assert np.array_equal(np.concatenate(piecewise), expected)


def test_the_largest_scales_overflow_nowhere() -> None:
    does = SHAPES["longest"]
    _, front_end = with_front_end(does)
    n = does.n_features
    for sign in (-1, 1):
        wild = replace(
            front_end,
            offset=np.full(1, -32_768 if sign > 0 else 32_767, np.int32),
            multiplier=np.full(1, 32_767, np.int32),
            shift=np.zeros(1, np.int32),
            centre=np.full(n, sign * 2**27, np.int32),
            gain=np.full(n, 65_535, np.int32),
            gain_shift=np.arange(n, dtype=np.int32) % 41,
        )
        model = replace(random_model((n, 3), seed=2, dtype="int8"), front_end=wild)
        frames = recording(does, 3000, seed=4)
        assert np.array_equal(Engine(dumps(model)).push(frames), samples_of_recording(frames, wild))


def test_limited_values_are_counted() -> None:
    does = Operations(2, 16, 16, ("mean",))
    frames = np.random.default_rng(0).integers(-50, 50, (400, 2)).astype(np.int16)
    front_end = fit(windows_of(frames, does), does)
    engine = Engine(dumps(replace(random_model((4, 3), dtype="int8"), front_end=front_end)))
    engine.push(frames)
    assert engine.windows.status().n_limited == 0
    frames[:8, 1] = 32_767
    engine.push(frames)
    status = engine.windows.status()
    assert (status.n_windows, status.n_counts, status.n_limited) == (50, 1600, 8)
    assert status.limited_share == 8 / 1600


def test_real_values_become_counts_by_the_unit_of_their_channel() -> None:
    model, front_end = with_front_end(SHAPES["motion"])
    unit = np.array([0.5, 0.25, 2, 1, 1, 8], dtype=np.float32)
    model = replace(model, front_end=replace(front_end, unit=unit))
    frames = recording(SHAPES["motion"], 400, seed=5)
    engine = Engine(dumps(model))
    from_counts = engine.push(frames)
    engine.windows.restart()
    assert np.array_equal(engine.push(frames * unit), from_counts)


def test_a_file_keeps_its_front_end(tmp_path: object) -> None:
    for does in SHAPES.values():
        model, front_end = with_front_end(does)
        data = dumps(model)
        assert layout.version_text(data) == "1.3"
        for again in (loads(data).front_end, front_end_of(data)):
            assert again is not None
            assert again.does == front_end.does
            for name in ("offset", "multiplier", "shift", "unit", "centre", "gain", "gain_shift"):
                assert np.array_equal(getattr(again, name), getattr(front_end, name)), name


def test_the_plan_tells_the_bytes_of_the_front_end() -> None:
    model, _ = with_front_end(SHAPES["motion"])
    with_it = plan(dumps(model), learn="none")
    without = plan(dumps(replace(model, front_end=None)), learn="none")
    assert without.parts["front_bytes"] == 0
    frames, points, values, sample = 2 * 128 * 6, 8 * 128, 4 * 78, 156
    rest = with_it.parts["front_bytes"] - frames - points - values - sample
    assert 96 <= rest <= 104
    assert with_it.arena_bytes - without.arena_bytes <= with_it.parts["front_bytes"] + 8
    with pytest.raises(BudgetError, match="front end"):
        Engine(dumps(model), ram=2000)


def test_frames_that_do_not_fit_are_refused_and_change_nothing() -> None:
    model, front_end = with_front_end(SHAPES["gaps"])
    engine = Engine(dumps(model))
    frames = recording(SHAPES["gaps"], 300, seed=6)
    before = engine.push(frames[:100])
    refused = {
        "E-SHAPE": np.zeros((5, 3)),
        "E-NOT-FINITE": np.full((5, 2), np.nan),
        "E-DTYPE": np.array([["a", "b"]]),
        "E-DATA-RANGE": np.full((5, 2), 40_000),
    }
    for code, wrong in refused.items():
        with pytest.raises(InputError) as caught:
            engine.push(wrong)
        assert caught.value.code == code
    after = engine.push(frames[100:])
    expected = samples_of_recording(frames, front_end)
    assert len(before) > 0
    assert np.array_equal(np.concatenate([before, after]), expected)


def test_rows_of_a_sensor_are_not_taken_for_samples() -> None:
    """A table has as many values in a row as its network has inputs, so that shapes do not tell."""
    does = Operations(6, 1, 1, ("mean",), (), "none")
    rows = np.random.default_rng(5).normal(50, 20, (80, 6))
    front_end = fit(np.rint(rows).astype(np.int16)[:, np.newaxis], does)
    model = random_model((6, 3), seed=2, dtype="int8")
    model = replace(model, front_end=front_end, input=replace(model.input, scale=1 / 32))
    engine = Engine(dumps(model), learn="all")
    samples = engine.push(rows)
    as_floats = samples * np.float64(model.input.scale)
    assert np.array_equal(engine.predict(as_floats), engine.predict(samples))
    for call in (engine.predict, engine.scores, lambda x: engine.learn(x, np.zeros(80, int))):
        with pytest.raises(InputError, match=r"rows of the sensor go through push\(\)") as caught:
            call(rows)
        assert caught.value.code == "E-DTYPE"


def test_a_model_without_a_front_end_says_so() -> None:
    engine = Engine(dumps(random_model((4, 3))))
    calls = [lambda: engine.push([[1, 2]]), engine.windows.restart, engine.windows.status]
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "E-NO-FRONTEND"


def test_the_c_calls_refuse_what_is_missing() -> None:
    model, _ = with_front_end(SHAPES["gaps"])
    engine, plain = Engine(dumps(model)), Engine(dumps(random_model((4, 3))))
    lib, ready = _native.library(), ctypes.c_uint32()
    frames = np.zeros((4, 2), np.int16)
    status = _native.NativeWindowStatus()
    assert lib.mb_push(engine.handle, None, 1, ctypes.byref(ready)) == -5
    assert lib.mb_push(engine.handle, frames.ctypes.data, 4, None) == -5
    assert lib.mb_push(engine.handle, None, 0, ctypes.byref(ready)) == 0
    assert lib.mb_get_window_status(engine.handle, None) == -5
    for handle in (None, plain.handle):
        assert lib.mb_push(handle, frames.ctypes.data, 4, ctypes.byref(ready)) == -5
        assert lib.mb_restart_window(handle) == -5
        assert lib.mb_get_window_status(handle, ctypes.byref(status)) == -5
        assert lib.mb_window_sample(handle) is None


def damaged(field: int, value: int, n_bytes: int = 4) -> bytes:
    """A file whose front end has one number changed, with right checksums."""
    data = dumps(with_front_end(SHAPES["odd length"])[0])
    found = [
        (s.type, s.critical, s.offset_bytes, s.length_bytes) for s in layout.sections(data, "")
    ]
    parts = [(kind, critical, data[at : at + n]) for kind, critical, at, n in found]
    changed = [
        (
            kind,
            critical,
            part[:field]
            + (value % 256**n_bytes).to_bytes(n_bytes, "little")
            + part[field + n_bytes :]
            if kind == layout.FRONT
            else part,
        )
        for kind, critical, part in parts
    ]
    return layout.assemble(changed, minor=3)


CHANNELS, EDGES = 32, 32 + 3 * 12
SCALES = EDGES + 8
WRONG = {
    "no channels": (0, 0, 4),
    "too many channels": (0, 257, 4),
    "another number of channels": (0, 2, 4),
    "a window of one frame": (4, 1, 4),
    "a window too long": (4, 4097, 4),
    "no hop": (8, 0, 4),
    "a hop too long": (8, 65_537, 4),
    "unknown statistics": (12, 32, 4),
    "other statistics": (12, 1, 4),
    "too many bands": (16, 65, 4),
    "other bands": (16, 1, 4),
    "an unknown logarithm": (20, 3, 4),
    "no rows": (24, 0, 4),
    "other rows": (24, 2, 4),
    "a reserved field": (28, 1, 4),
    "an offset beyond a count": (CHANNELS, 32_768, 4),
    "a multiplier of 0": (CHANNELS + 4, 0, 2),
    "a multiplier too large": (CHANNELS + 4, 32_768, 2),
    "a shift too large": (CHANNELS + 6, 16, 2),
    "a unit of 0": (CHANNELS + 8, 0, 4),
    "a unit of NaN": (CHANNELS + 8, 0x7FC00000, 4),
    "edges that fall": (EDGES + 2, 65, 2),
    "edges beyond the spectrum": (EDGES + 4, 66, 2),
    "bytes after the edges": (EDGES + 6, 1, 2),
    "a centre too large": (SCALES, 2**27 + 1, 4),
    "a gain shift too large": (SCALES + 6, 41, 2),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_front_end_out_of_range_is_refused_by_both_readers(what: str) -> None:
    data = damaged(*WRONG[what])
    with pytest.raises(CorruptError):
        loads(data)
    memory = np.frombuffer(data + bytes(64), np.uint8).copy()
    start = -memory.ctypes.data % 8
    memory[start : start + len(data)] = np.frombuffer(data, np.uint8)
    assert _native.library().mb_verify(memory.ctypes.data + start, len(data), None) == -2


def test_what_cannot_be_read_is_not_written() -> None:
    model, front_end = with_front_end(SHAPES["gaps"])
    for wrong in (
        replace(model, front_end=replace(front_end, shift=front_end.shift + 16)),
        replace(random_model((5, 3), dtype="int8"), front_end=front_end),
        replace(random_model((front_end.does.n_inputs, 3)), front_end=front_end),
    ):
        with pytest.raises(InputError) as caught:
            dumps(wrong)
        assert caught.value.code == "E-LIMIT"
