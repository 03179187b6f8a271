"""What a verified model learns stays finite, is kept and opened again, on every processor alike."""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.random_models import random_model, random_samples, small_convnet
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.errors import CorruptError
from metabit.export.container import dumps, loads
from metabit.export.fold import fold_threshold
from metabit.export.spec import LearnState, Model, Norm
from metabit.export.states import state_image

F = np.float32
COUNTERS = {"n_steps": 80, "n_learnt": 84, "n_judged": 88, "n_since": 96, "n_drifts": 108}
LARGEST = 2**32 - 1


def extreme(model: Model, norm: dict[str, float], **learn: float) -> Model:
    """A model with the same normalisation in all channels of all layers."""
    assert isinstance(model.learn, LearnState)
    layers = []
    for index, layer in enumerate(model.layers):
        signs = np.where(np.arange(layer.n_out) % 2, 1, -1)
        columns = {
            "mean": np.zeros(layer.n_out), "var": np.ones(layer.n_out), "gamma": signs,
            "beta": np.zeros(layer.n_out),
        } | {name: np.full(layer.n_out, value) for name, value in norm.items()}  # fmt: skip
        changed = Norm(**{name: column.astype(F) for name, column in columns.items()})
        largest = layer.n_in * (255 if index == 0 else 1)
        thresholds = (fold_threshold(changed, model.eps, largest),) if layer.thresholds else ()
        layers.append(replace(layer, norms=(changed,), thresholds=thresholds))
    rates = {name: float(F(value)) for name, value in learn.items()}
    return replace(model, layers=tuple(layers), learn=replace(model.learn, **rates), golden=None)  # type: ignore[arg-type]


def networks() -> dict[str, Model]:
    return {
        "dense": random_model((40, 30, 20, 5), step_levels=0.3),
        "deep": random_model((9, 33, 33, 33, 33, 33, 3), bits=4, dtype="int8", step_levels=0.3),
        "convolution": small_convnet(step_levels=0.3),
    }


EXTREMES: dict[str, dict[str, float]] = {
    "no variance": {"var": 0.0},
    "all variance": {"var": 2.0**50},
    "large scales": {"gamma": 2.0**20, "var": 0.0},
    "large negative scales": {"gamma": -(2.0**20), "var": 0.0, "beta": -(2.0**20)},
    "no scales": {"gamma": 0.0},
    "far means": {"mean": 2.0**25, "beta": 2.0**20},
    "far negative means": {"mean": -(2.0**25), "var": 0.0},
}
RATES: dict[str, dict[str, float]] = {
    "slow": {"norm_rate": 2e-9, "error_rate": 2e-9, "rms_rate": 2e-9},
    "fast": {"norm_rate": 0.99999, "error_rate": 0.99999, "rms_rate": 0.99999},
    "long steps": {"step_levels": 256.0},
}


def stream(model: Model, n: int) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """Random samples, the same sample again, and the largest and smallest values."""
    rng = np.random.default_rng(3)
    x = random_samples(rng, model.input, n)
    limits = np.iinfo(model.input.dtype)
    x[n // 3 : n // 2] = limits.min
    x[n // 2 : 2 * n // 3] = limits.max
    return x, rng.integers(0, model.n_outputs, n)


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("norm", EXTREMES)
@pytest.mark.parametrize(("name", "batch"), [("dense", 1), ("deep", 1), ("convolution", 4)])
def test_a_verified_model_learns_a_state_that_opens_again(
    name: str, batch: int, norm: str, rates: str
) -> None:
    model = extreme(networks()[name], EXTREMES[norm], **RATES[rates])
    data = dumps(model)
    loads(data)
    engine = Engine(data, learn="all", batch=batch)
    reference = ReferenceModel(data, learn_layers=len(model.layers), batch=batch)
    x, y = stream(model, 36)
    with np.errstate(over="ignore", invalid="ignore"):  # what C does in silence
        for part in (slice(0, 12), slice(12, 36)):
            assert np.array_equal(engine.learn(x[part], y[part]), reference.learn(x[part], y[part]))
            image = engine.save_state()
            assert image == reference.save_state()
            again = Engine(data, learn="all", batch=batch)
            again.load_state(image)
            assert again.save_state() == image
    state = state_image.loads(image, model, state_image.model_id(data))
    for layer in state.layers:
        running = np.concatenate([layer.mean, layer.var, layer.mean_error, layer.mean_product])
        assert np.all(np.abs(running) <= 2.0**50)
        assert np.all((running == 0) | (np.abs(running) >= np.finfo(F).tiny))  # none denormal
        assert 0 <= layer.rms <= 2.0**50


@pytest.mark.parametrize("name", ["dense", "deep", "convolution"])
@pytest.mark.parametrize("value", [0, "zero point", 7])
def test_processors_that_round_denormal_numbers_to_zero_learn_the_same(
    name: str, value: int | str
) -> None:
    """A running value falls below all normal numbers while one sample comes again and again."""
    model = extreme(networks()[name], {"var": 4.0}, norm_rate=0.2, error_rate=0.3, rms_rate=0.3)
    what = model.input.zero_point if value == "zero point" else int(value)
    one = np.full((1500, model.input.n_inputs), what).astype(model.input.dtype)

    def learnt(flush: bool) -> list[bytes]:
        engine, states = Engine(dumps(model), learn="all"), []
        torch.set_flush_denormal(flush)
        try:
            for label in (0, 1, 0):
                engine.learn(one, np.full(len(one), label))
                states.append(engine.save_state())
        finally:
            torch.set_flush_denormal(False)
        return states

    assert learnt(True) == learnt(False)


def with_number(image: bytes, at: int, value: int) -> bytes:
    """A state image with another u32 in it, and a checksum that is right."""
    changed = image[:at] + struct.pack("<I", value) + image[at + 4 : -4]
    return changed + struct.pack("<I", zlib.crc32(changed))


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("counter", COUNTERS)
def test_counters_stop_at_their_end(counter: str, batch: int) -> None:
    model = networks()["dense"]
    engine = Engine(dumps(model), learn="all", batch=batch)
    x, y = stream(model, 40)
    engine.learn(x, y)
    image = engine.save_state()
    for start in (LARGEST - 3, LARGEST):
        engine.load_state(with_number(image, COUNTERS[counter], start))
        engine.learn(x, y)
        (ends,) = struct.unpack_from("<I", engine.save_state(), COUNTERS[counter])
        assert ends == LARGEST if counter != "n_drifts" else ends in (start, LARGEST)
        again = Engine(dumps(model), learn="all", batch=batch)
        again.load_state(engine.save_state())


@pytest.mark.parametrize(
    ("at", "value"),
    [(92, 2**24 + 1), (92, LARGEST), (100, 2**24 + 1), (104, 50 * 2**24 + 1), (104, LARGEST)],
)
def test_a_record_that_no_engine_writes_is_refused(at: int, value: int) -> None:
    model = networks()["dense"]
    engine = Engine(dumps(model), learn="all")
    before = engine.save_state()
    with pytest.raises(CorruptError):
        engine.load_state(with_number(before, at, value))
    assert engine.save_state() == before


def test_means_that_no_input_has_are_refused_and_the_largest_are_not() -> None:
    model = networks()["dense"]
    engine = Engine(dumps(model), learn="all")
    image = engine.save_state()
    state = state_image.loads(image, model, state_image.model_id(dumps(model)))
    for most, sign in itertools.product((255 << 16, (255 << 16) + 1), (1, -1)):
        means = np.zeros(model.input.n_inputs, dtype=np.int64)
        means[-1] = sign * most
        changed = state_image.dumps(replace(state, means=means))
        if most == 255 << 16:
            engine.load_state(changed)
            assert engine.save_state() == changed
        else:
            with pytest.raises(CorruptError):
                engine.load_state(changed)


def test_shares_of_labels_may_be_anything() -> None:
    """They are whole numbers of 16 bits, and no value of theirs does harm."""
    model = networks()["dense"]
    engine = Engine(dumps(model), learn="all")
    state: Any = state_image.loads(engine.save_state(), model, state_image.model_id(dumps(model)))
    x, y = stream(model, 40)
    for value in (0, 1, 65535):
        worth = np.full(model.n_outputs + 2, value)
        engine.load_state(state_image.dumps(replace(state, worth=worth)))
        engine.learn(x, y)
        assert engine.status().n_learnt <= 40
