"""The drawn moves have the distribution of the rule: expectation, damping, growth, saturation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from helpers.random_models import random_model, random_samples
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference import arith
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.edge_runtime.reference.moves import slots
from metabit.edge_runtime.reference.parts import Pass
from metabit.edge_runtime.reference.rule import whole_means
from metabit.export.container import dumps
from metabit.export.spec import Int32Array, Model
from metabit.export.states import state_image

F = np.float32


class Watched(ReferenceModel):
    """A reference that remembers inputs, errors and rates of its last step, by layer."""

    def __init__(self, data: bytes, **options: int) -> None:
        super().__init__(data, **options)
        self.seen: dict[int, tuple[NDArray[np.int64], Int32Array, float]] = {}

    def _move_rows(self, index: int, run: Pass, d: Int32Array, unit: np.float32) -> None:
        super()._move_rows(index, run, d, unit)
        rate = float(self._rate(self.states[index], unit))
        x = run.x - whole_means(self.means) if index == 0 else run.x
        self.seen[index] = x, d, rate


def share_of_growing(
    sizes: NDArray[np.float64], f_meta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of hidden layers with 8-bit levels of these sizes."""
    k = min(max((sizes.mean() - 10) / 10, 0), 1)
    grown: NDArray[np.float64] = 1 - k + k * (1 - 1 / 16) * f_meta
    return grown


def expected_moves(
    model: Model, data: bytes, x: NDArray[np.generic], labels: list[int]
) -> list[NDArray[np.float64]]:
    """Per layer, the step on the last sample times the share that passes, as the rule says it, in
    plain float64; NaN in rows that are capped. No weight moves before."""
    assert model.learn is not None
    watched = Watched(data, learn_layers=len(model.layers))
    step, watched.step = watched.step, F(0)
    watched.learn(x[:-1], np.array(labels[:-1]))
    watched.step = step
    watched.seen.clear()
    watched.learn(x[-1:], np.array(labels[-1:]))
    assert watched.n_learnt == len(labels)
    moves = []
    for index, levels in enumerate(model.learn.levels):
        values, d, rate = watched.seen[index]
        u = -rate * np.outer(d.astype(float), values.astype(float))
        sizes = np.where(levels >= 0, levels, -levels.astype(int) - 1).astype(float)
        f_meta = 1 - np.tanh(model.learn.m[index] * (sizes + 0.5) / 128) ** 2
        last = index + 1 == len(model.layers)
        growing = np.ones_like(f_meta) if last else share_of_growing(sizes, f_meta)
        shrinks = u * (levels + 0.5) < 0
        capped = rate * np.abs(d.astype(float)) * np.abs(values).max() > 0.5
        moves.append(np.where(capped[:, None], np.nan, np.where(shrinks, f_meta, growing) * u))
    return moves


class LastStep:
    """The step on the last sample, from a state in which no weight has moved."""

    def __init__(
        self, model: Model, data: bytes, x: NDArray[np.generic], labels: list[int]
    ) -> None:
        self.model, self.name, self.last = model, state_image.model_id(data), (x[-1:], labels[-1:])
        measured = Engine(data, learn="all", step_levels=0.0).partial_fit(x[:-1], labels[:-1])
        self.before = state_image.loads(measured.save_state(), model, self.name)
        self.engine = Engine(data, learn="all")

    def levels(self, seed: int) -> list[NDArray[np.int8]]:
        """Hidden weights of all layers after it, with another seed of the random generator."""
        a, b, c, d = arith.Xoshiro(seed).state
        self.engine.load_state(state_image.dumps(replace(self.before, rng=(a, b, c, d))))
        image = self.engine.partial_fit(*self.last).save_state()
        return [la.levels for la in state_image.loads(image, self.model, self.name).layers]


def test_moves_average_to_the_metaplastic_step_and_seldom_exceed_one_level() -> None:
    model = random_model((24, 12, 4), seed=5, step_levels=0.1, m=2.0)
    data = dumps(model)
    x, labels = random_samples(np.random.default_rng(1), model.input, 3), [1, 2, 3]
    expected, last = expected_moves(model, data, x, labels), LastStep(model, data, x, labels)
    n_seeds = 4000
    assert model.learn is not None
    total = [np.zeros(levels.shape) for levels in model.learn.levels]
    moves = far = 0
    for seed in range(n_seeds):
        for layer, levels in enumerate(last.levels(seed)):
            moved = levels.astype(int) - model.learn.levels[layer]
            far += int((np.abs(moved) > 1).sum())
            moves += int((moved != 0).sum())
            total[layer] += moved
    assert far < 0.05 * moves  # a weight that is drawn twice in a step
    for layer, sums in enumerate(total):
        inside = ~np.isnan(expected[layer]) & (np.abs(model.learn.levels[layer].astype(int)) < 126)
        wanted, average = expected[layer][inside], (sums / n_seeds)[inside]
        sigma = np.sqrt(np.maximum(np.abs(wanted), 1e-3) / n_seeds)
        assert inside.sum() > 20
        assert np.abs(wanted).max() > 0.02
        assert np.abs((average - wanted) / sigma).max() < 5.5  # each a binomial mean
        assert abs((average - wanted).sum()) < 5 * math.sqrt(float((sigma**2).sum()))


def test_exp_sqrt_and_softmax_are_close_to_the_real_ones() -> None:
    x = -np.linspace(0, 69, 20_001).astype(F)
    assert np.abs(arith.exp(x) / np.exp(x.astype(float)) - 1).max() < 4e-6
    assert arith.exp(np.array([-69.1, -1e30], dtype=F)).tolist() == [0, 0]
    logits = np.random.default_rng(0).normal(0, 5, 10).astype(F)
    plain = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum()
    assert np.abs(arith.softmax(logits) - plain).max() < 1e-6


def test_a_draw_is_a_uniform_place_and_a_uniform_chance() -> None:
    counter, n_slots, n = arith.Counter(3), 6, 60_000
    draws = counter.ahead(n)
    assert [counter.next() for _ in range(5)] == draws[:5].tolist()
    slots, chances = (draws * n_slots) >> 32, draws & 0xFFFF
    for counts in (
        np.bincount(slots, minlength=n_slots),
        np.bincount(chances >> 12, minlength=16),
        np.bincount(chances & 15, minlength=16),
        np.bincount(slots * 4 + (chances >> 14), minlength=4 * n_slots),
    ):
        wanted = n / counts.size
        assert counts.size <= 24
        assert ((counts - wanted) ** 2 / wanted).sum() < counts.size + 6 * math.sqrt(counts.size)


def test_slots_are_shared_out_in_proportion_to_size() -> None:
    x = np.array([0, 3, -40, 7, 0, 100, -1, 12, 255, -2])
    starts, n_starts = arith.Counter(5), 5000
    count = np.zeros(x.size)
    for _ in range(n_starts):
        columns = slots(x, starts)
        assert columns.shape == x.shape
        assert np.all(np.diff((x[columns] > 0).astype(int)) <= 0)  # positive ones first
        count += np.bincount(columns, minlength=x.size)
    share = np.abs(x) / np.abs(x).sum() * x.size
    assert np.abs(count / n_starts - share).max() < 5 * 0.5 / math.sqrt(n_starts)
    assert sorted(slots(np.where(x > 2, 1, -1), None)) == list(range(x.size))


def test_levels_saturate_and_signs_follow() -> None:
    model = random_model((10, 8, 3), seed=1, bits=4, step_levels=100.0, m=0.0)
    data = dumps(model)
    rng = np.random.default_rng(0)
    x, y = random_samples(rng, model.input, 400), rng.integers(0, 3, 400)
    engine = Engine(data, learn="all").partial_fit(x, y)
    image = state_image.loads(engine.save_state(), model, state_image.model_id(data))
    assert {int(layer.levels.min()) for layer in image.layers} == {-8}
    assert {int(layer.levels.max()) for layer in image.layers} == {7}
    other = Engine(data, learn="all")
    other.load_state(engine.save_state())  # packs the signs anew from the levels
    assert np.array_equal(other.scores(x), engine.scores(x))
