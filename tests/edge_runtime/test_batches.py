"""Steps on a batch: C and NumPy agree, moves follow the summed gradient, the arena is counted."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.isa import kernel_sets
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference import arith
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.edge_runtime.reference.parts import Pass
from metabit.edge_runtime.reference.rule import whole_means
from metabit.errors import BudgetError, InputError
from metabit.export.container import dumps
from metabit.export.spec import Int32Array, Model
from metabit.export.states import state_image

RUNNING = [name for name, runs in kernel_sets().items() if runs]

#: Networks whose rows, patches and pooled maps fill words and panels, and do not.
NETWORKS: dict[str, Model] = {
    "one weight": random_model((1, 1, 2), seed=3, step_levels=0.3),
    "words": random_model((33, 31, 64, 4), seed=3, dtype="int8", zero_point=-7, step_levels=0.3),
    "wide": random_model((127, 128, 65, 7), seed=3, bits=4, zero_point=128, step_levels=0.3),
    "head only": random_model((5, 3), seed=3, bits=4, step_levels=0.3),
    "pooled": random_convnet(
        (9, 7, 2), [(6, 3, 1, "one", 2), (5, 2, 1, "valid", 1)], (8, 4), step_levels=0.2
    ),
    "panels": random_convnet(
        (8, 9), [(32, 3, 1, "one", 1), (33, 2, 1, "valid", 2)], (3,), bits=4, step_levels=0.2
    ),
}


def stream(model: Model, n: int) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    rng = np.random.default_rng(7)
    return random_samples(rng, model.input, n), rng.integers(0, model.n_outputs, n)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [2, 7, 64])
def test_batches_learn_the_same_in_c_and_numpy(name: str, batch: int) -> None:
    model = NETWORKS[name]
    data, n_layers = dumps(model), len(model.layers)
    x, y = stream(model, 3 * batch + 1)  # the last step is on one sample
    for learn in range(1, n_layers + 1):
        n = len(y) if learn == n_layers else batch + 1
        engine = Engine(data, learn=learn, seed=5, batch=batch)
        reference = ReferenceModel(data, learn_layers=learn, seed=5, batch=batch)
        assert np.array_equal(engine.learn(x[:n], y[:n]), reference.learn(x[:n], y[:n]))
        assert engine.save_state() == reference.save_state()
        assert engine.status().n_steps == n


@pytest.mark.parametrize("isa", RUNNING)
@pytest.mark.parametrize("name", ["words", "wide", "panels"])
def test_every_kernel_set_learns_batches_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str, isa: str
) -> None:
    model = NETWORKS[name]
    x, y = stream(model, 70)

    def said(isa: str) -> list[bytes]:
        monkeypatch.setenv("METABIT_ISA", isa)
        engine = Engine(dumps(model), learn="all", seed=4, batch=16)
        return [engine.learn(x, y).tobytes(), engine.save_state(), engine.scores(x).tobytes()]

    assert said(isa) == said("scalar")


class Watched(ReferenceModel):
    """A reference that remembers the summed gradient of its last step, in levels, by layer."""

    def _move_gradients(
        self, index: int, runs: list[Pass], d: Int32Array, unit: np.float32
    ) -> None:
        rate = float(self._rate(self.states[index], unit))
        x = np.stack([run.x for run in runs]).astype(float)
        x -= whole_means(self.means) if index == 0 else 0
        self.seen = getattr(self, "seen", {}) | {index: -rate * d[:, 0].astype(float).T @ x}
        super()._move_gradients(index, runs, d, unit)


def test_moves_average_to_the_metaplastic_step_of_the_summed_gradient() -> None:
    model = random_model((24, 12, 4), seed=5, step_levels=0.1, m=2.0)
    assert model.learn is not None
    data, batch, n_seeds = dumps(model), 8, 3000
    x, y = stream(model, 2 * batch)
    watched = Watched(data, learn_layers=2, batch=batch)
    watched.learn(x, y)  # the first step only measures: all seeds begin the second alike
    total = [np.zeros(levels.shape) for levels in model.learn.levels]
    for seed in range(n_seeds):
        engine = Engine(data, learn="all", seed=seed, batch=batch).partial_fit(x, y)
        image = state_image.loads(engine.save_state(), model, state_image.model_id(data))
        for layer, learnt in enumerate(image.layers):
            total[layer] += learnt.levels.astype(int) - model.learn.levels[layer]
    for layer, levels in enumerate(model.learn.levels):
        u, state = watched.seen[layer], watched.states[layer]
        sizes = np.where(levels >= 0, levels, ~levels)
        shrinks = u * (levels + 0.5) < 0
        wanted = np.where(shrinks, state.shrinking[sizes], state.growing[sizes]) / 65536 * u
        inside = (np.abs(u).max(axis=1) < 0.5)[:, None] & (np.abs(levels.astype(int)) < 126)
        sigma = np.sqrt(np.maximum(np.abs(wanted), 1e-3) / n_seeds)
        away = (total[layer] / n_seeds - wanted)[inside]
        assert inside.sum() > 20
        assert np.abs(wanted[inside]).max() > 0.02
        assert np.abs(away / sigma[inside]).max() < 5.5
        assert abs(away.sum()) < 5 * math.sqrt(float((sigma[inside] ** 2).sum()))


def test_errors_of_several_samples_take_the_largest_unit() -> None:
    d = np.array([[5, -6, 0], [32767, -3, 2], [0, 0, 0], [32767, -32767, 1]], dtype=np.int32)
    units = [np.float32(4), np.float32(2), np.float32(0), np.float32(2.0**-120)]
    aligned, unit = arith.align_errors(d, units)
    assert unit == 4
    assert aligned.tolist() == [[5, -6, 0], [16384, -2, 1], [0, 0, 0], [0, 0, 0]]


def test_a_batch_learns_what_single_samples_learn() -> None:
    model = random_model((40, 24, 6), seed=2, dtype="int8")
    rng = np.random.default_rng(0)
    centres, y = rng.integers(-100, 100, (6, 40)), rng.integers(0, 6, 3000)
    x = np.clip(centres[y] + rng.normal(0, 40, (3000, 40)), -128, 127).astype(np.int8)
    engine = Engine(dumps(model), learn="all", step_levels=4.0, batch=8)
    assert engine.score(x[2000:], y[2000:]) < 0.4
    engine.partial_fit(x[:2000], y[:2000])
    assert engine.score(x[2000:], y[2000:]) > 0.8


# ---- memory and refusals ------------------------------------------------------------------------


def test_the_arena_of_a_batch_is_counted_and_is_the_published_one() -> None:
    data = dumps(random_model((784, 256, 256, 10), bits=4, golden=0))
    one, many = plan(data, learn="all"), plan(data, learn="all", batch=16)
    assert sum(many.parts.values()) == many.arena_bytes == 207_552
    same = ("hidden_bytes", "sign_bytes", "norm_bytes", "table_bytes", "model_bytes")
    assert all(one.parts[part] == many.parts[part] for part in same)
    assert many.choice == "learning all layers, 4-bit state, batches of 16"
    assert plan(data, learn="none", batch=16) == plan(data, learn="none")
    with pytest.raises(
        BudgetError, match=r"of 16 needs .* fits: learning all layers, 4-bit state, 183"
    ):
        Engine(data, learn="all", batch=16, ram=many.arena_bytes - 1)
    tight = Engine(data, learn="all", batch=16, ram=many.arena_bytes)
    assert tight.plan.arena_bytes == many.arena_bytes


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_outside_the_arena_is_written(name: str) -> None:
    model = NETWORKS[name]
    data = dumps(model)
    blob, n_bytes = Mapped(data).memory, plan(data, learn="all", batch=5).arena_bytes
    memory = np.full(n_bytes + 128, 0xA5, dtype=np.uint8)
    start = -memory.ctypes.data % 64 or 64
    options = Options(learn_layers=len(model.layers), batch=5).native()
    handle, lib = ctypes.c_void_p(), _native.library()
    opened = lib.mb_open(
        ctypes.byref(handle), memory.ctypes.data + start, n_bytes, blob.ctypes.data, blob.size,
        ctypes.byref(options),
    )  # fmt: skip
    assert opened == 0
    x, y = stream(model, 23)
    labels = y.astype(np.int32)
    assert lib.mb_learn(handle, x.ctypes.data, labels.ctypes.data, len(y), None) == 0
    assert np.all(memory[:start] == 0xA5)
    assert np.all(memory[start + n_bytes :] == 0xA5)


@pytest.mark.parametrize("batch", [-1, 65, 2**32, True])
def test_a_batch_out_of_range_is_refused(batch: Any) -> None:
    data = dumps(NETWORKS["words"])
    for refused in (plan, Engine):
        with pytest.raises(InputError, match="from 1 to 64") as caught:
            refused(data, learn="all", batch=batch)
        assert caught.value.code == "E-BATCH"


@pytest.mark.parametrize("batch", [65, 65537, 0xFFFFFFFF])
def test_the_core_refuses_a_batch_out_of_range(batch: int) -> None:
    blob, raw = Mapped(dumps(NETWORKS["words"])).memory, _native.RamPlan()
    for learn in (0, 3):
        options = Options(learn_layers=learn).native()
        options.batch = batch
        asked = (blob.ctypes.data, blob.size, ctypes.byref(options), ctypes.byref(raw))
        assert _native.library().mb_plan_ram(*asked) == -5


def test_a_wrong_label_in_the_last_batch_leaves_the_state() -> None:
    model = NETWORKS["words"]
    x, y = stream(model, 20)
    engine = Engine(dumps(model), learn="all", batch=8).partial_fit(x, y)
    before = engine.save_state()
    with pytest.raises(InputError):
        engine.partial_fit(x, [*y[:-1], 4])
    assert engine.save_state() == before


def test_a_state_goes_on_in_another_batch() -> None:
    model = NETWORKS["words"]
    x, y = stream(model, 40)
    image = Engine(dumps(model), learn="all", batch=8).partial_fit(x, y).save_state()
    for batch in (1, 8, 64):
        engine = Engine(dumps(model), learn="all", batch=batch)
        engine.load_state(image)
        assert engine.save_state() == image
        reference = Engine(dumps(model), learn="all", seed=9, batch=batch)
        reference.load_state(image)
        assert np.array_equal(engine.learn(x, y), reference.learn(x, y))
        assert engine.save_state() == reference.save_state()
