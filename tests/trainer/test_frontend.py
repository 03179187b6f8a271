"""The front end in NumPy: what each operation promises, and what a recipe may ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabit.errors import InputError
from metabit.trainer import data, streams
from metabit.trainer.data.windows import samples_of_windows, with_front_end
from metabit.trainer.frontend import (
    FrontEnd,
    Operations,
    fit,
    fit_first_rows,
    samples_of,
    scaled,
    to_counts,
)
from metabit.trainer.frontend.bands import edges
from metabit.trainer.frontend.features import rows_of, transform, values_of, windows_of
from metabit.trainer.frontend.first_rows import STEPS
from metabit.trainer.frontend.front_end import STATISTICS
from metabit.trainer.frontend.integers import QUARTER, cosine, log2, root, shifted, sine
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe

RNG = np.random.default_rng(5)


def test_the_root_is_exact_where_floats_are_not() -> None:
    n = np.concatenate([RNG.integers(0, 2**31 - 1, 2000), [0, 1, 2, 2**31 - 1]]).astype(np.int64)
    for near in (-1, 0, 1):
        squares = np.maximum(n * n + near, 0).astype(np.uint64)
        found = root(squares)
        assert ((found * found).astype(np.uint64) <= squares).all()
        assert (((found + 1) * (found + 1)).astype(np.uint64) > squares).all()


def test_first_rows_leave_room_and_an_outlier_among_them_says_nothing() -> None:
    x = np.column_stack([
        RNG.normal(1013, 0.5, 200), RNG.normal(0, 3e-6, 200), np.zeros(200), np.full(200, 40.0),
        (RNG.random(200) < 0.02).astype(float),
    ])  # fmt: skip
    x[3, 1] = 5.0
    front_end = fit_first_rows(x)

    def seen(*row: float) -> list[int]:
        counts = to_counts(np.array([row]), front_end.unit)[0]
        return [int(step) for step in samples_of(counts, front_end)[0]]

    assert np.abs(seen(1013, 0, 0, 40, 0)).max() <= 2
    deviation = seen(1013.5, 3e-6, 1, 45, 1)
    assert deviation[:4] == pytest.approx([STEPS] * 4, abs=3)
    assert deviation[4] > STEPS
    assert seen(1017, 2.4e-5, -5, 0, 0)[:4] == pytest.approx([96, 96, -60, -96], abs=16)


def test_halves_are_rounded_upward() -> None:
    assert shifted(np.array([-3, -2, -1, 0, 1, 2, 3]), 1).tolist() == [-1, -1, 0, 0, 1, 1, 2]
    assert shifted(np.array([5, -5]), 0).tolist() == [5, -5]


def test_the_logarithm_is_near_and_never_falls() -> None:
    values = np.unique(np.concatenate([np.arange(70_000), RNG.integers(0, 2**29, 20_000)]))
    logs = log2(values)
    assert np.abs(logs / 256 - np.log2(1 + values)).max() < 0.012
    assert (np.diff(logs) >= 0).all()
    assert np.array_equal(log2(-values), logs)


def test_sines_come_from_a_quarter_whose_rounding_is_nowhere_in_doubt() -> None:
    k = np.arange(-2000, 3000)
    assert np.array_equal(sine(k), np.rint(16_384 * np.sin(2 * np.pi * k / 1024)))
    assert np.array_equal(cosine(k), np.rint(16_384 * np.cos(2 * np.pi * k / 1024)))
    exact = 16_384 * np.sin(2 * np.pi * np.arange(257) / 1024)
    assert np.abs(exact % 1 - 0.5).min() > 1e-4
    assert QUARTER[256] == 16_384


@pytest.mark.parametrize("n", [2, 8, 128, 1024])
def test_the_transform_is_the_discrete_fourier_transform(n: int) -> None:
    x = RNG.integers(-60_000, 60_000, (3, n))
    re, im = transform(x, np.zeros_like(x))
    exact = np.fft.fft(x)
    assert np.abs(re + 1j * im - exact).max() <= 1e-4 * 60_000 * np.sqrt(n) * np.log2(n)


def test_a_pure_tone_is_in_its_band_alone() -> None:
    does = Operations(1, 128, 64, (), tuple(range(1, 34, 4)), "none")
    tone = np.rint(20_000 * np.sin(2 * np.pi * 10.5 * np.arange(128) / 128)).astype(np.int64)
    bands = values_of(tone[np.newaxis, :, np.newaxis], does)[0]
    assert bands.argmax() == 2
    assert np.delete(bands, 2).max() < bands[2] / 20


def test_statistics_are_what_their_names_say() -> None:
    x = RNG.integers(-20_000, 20_000, (5, 77, 3))
    does = Operations(3, 77, 10, STATISTICS, (), "none")
    mean, deviation, low, high, change = values_of(x, does).reshape(5, 3, 5).transpose(2, 0, 1)
    assert np.abs(mean - x.mean(axis=1)).max() <= 0.5
    assert (np.abs(deviation - x.std(axis=1)) <= 1).all()
    assert np.array_equal(low, x.min(axis=1))
    assert np.array_equal(high, x.max(axis=1))
    assert (np.abs(change - np.abs(np.diff(x, axis=1)).mean(axis=1)) <= 1).all()


def test_logarithms_come_beside_the_values_or_in_their_place() -> None:
    x = RNG.integers(-9, 9, (4, 16, 2))
    does = Operations(2, 16, 8, STATISTICS, (1, 3, 9), "none")
    plain, also, only = (values_of(x, replace(does, log=log)) for log in ("none", "also", "only"))
    assert np.array_equal(also, np.concatenate([plain, only], axis=1))
    assert np.array_equal(only, log2(plain))
    assert also.shape[1] == replace(does, log="also").n_features


@pytest.mark.parametrize("side", [1, -1])
def test_a_logarithm_of_a_long_tail_keeps_the_order_of_the_values(side: int) -> None:
    """From the middle, a value below it would look like one above it."""
    tail = np.rint(np.exp(RNG.normal(5, 1.2, 2000))).clip(0, 30_000) * side
    even = np.rint(RNG.normal(100, 20, 2000))
    rows = np.stack([tail, even], axis=1).astype(np.int16)[:, np.newaxis]
    front_end = fit(rows, Operations(2, 1, 1, ("mean",), log="only"))
    assert front_end.problem() is None
    logarithms = rows_of(rows, front_end)[:, 0].astype(int)
    assert (np.diff(logarithms[np.argsort(side * tail)]) >= 0).all()
    assert logarithms.std() > 16
    assert front_end.offset[1] == np.median(even)


def test_values_that_do_not_fit_are_limited_and_counted() -> None:
    counts, n = to_counts(np.array([[0.5, 1e9], [-1e9, 3.0]]), np.array([0.5, 1.0], np.float32))
    assert counts.tolist() == [[1, 32_767], [-32_768, 3]]
    assert n == 2
    front_end = fit(RNG.integers(-100, 100, (50, 16, 1)), Operations(1, 16, 16, ("mean",)))
    values, n = scaled(np.array([[0], [30_000]]), front_end)
    assert values[1, 0] == 32_767
    assert n == 1


def test_features_of_training_have_mean_0_and_a_deviation_of_32_steps() -> None:
    x = RNG.normal(3000, 500, (800, 32, 2)).astype(np.int16)
    front_end = fit(x, Operations(2, 32, 16, STATISTICS, (1, 4, 17)))
    assert front_end.problem() is None
    seen = np.concatenate([samples_of(window, front_end) for window in x]).astype(float)
    assert np.abs(seen.mean(axis=0)).max() < 1
    assert (np.abs(seen.std(axis=0) - 32) < 3).all()


def test_a_feature_that_never_changes_says_nothing() -> None:
    front_end = fit(np.full((20, 16, 1), 7), Operations(1, 16, 16, STATISTICS, (1, 9)))
    assert front_end.problem() is None
    assert not samples_of(np.full((16, 1), 7), front_end).any()


def test_a_recording_becomes_a_sample_per_window_from_the_full_stack_on() -> None:
    x = RNG.integers(-500, 500, (100, 2))
    does = Operations(2, 16, 8, stack=3)
    front_end = fit(windows_of(x, does), does)
    samples = samples_of(x, front_end)
    assert samples.shape == ((100 - 16) // 8 + 1 - 2, does.n_inputs)
    alone = samples_of(x[8 : 8 + 32], front_end)
    assert np.array_equal(alone, samples[1:2])
    assert samples_of(x[:15], front_end).shape == (0, does.n_inputs)


def test_hapt_through_a_front_end_is_what_its_windows_are_one_by_one() -> None:
    raw = data.load("hapt").limited(200, 50, seed=1)
    seen = with_front_end(raw, Operations(6, 32, 16, ("mean", "change"), (1, 5, 17), stack=7))
    assert seen.front_end is not None
    assert seen.train.x.dtype == np.int8
    one = samples_of(raw.test.x[7].T, seen.front_end)
    assert np.array_equal(one, seen.test.x[7:8])
    assert np.array_equal(samples_of_windows(raw.test.x, seen.front_end), seen.test.x)
    assert seen.front_end.unit.tolist() == [1 / 64] * 6


def test_a_recipe_trains_on_features() -> None:
    recipe = FrontEndRecipe(bands=8)
    seen, stream = streams.build(DataRecipe("hapt", "single", train_samples=300), recipe)
    assert seen.input_shape == (156,)
    assert seen.n_classes == 12
    assert stream[0].train.x.dtype == np.int8


@pytest.mark.parametrize("spacing", ["log", "linear", "mel"])
@pytest.mark.parametrize("n_bands", [1, 8, 60])
def test_no_band_is_empty(spacing: str, n_bands: int) -> None:
    found = edges(spacing, n_bands, 128, sample_rate=8000.0)
    assert len(found) == n_bands + 1
    assert (found[0], found[-1]) == (1, 65)
    assert (np.diff(found) >= 1).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bands": 65}, "bands"),
        ({"spacing": "octave"}, "spacing"),
        ({"statistics": ["median"]}, "statistics"),
        ({"length": 100}, "do not fill"),
        ({"length": 300}, "do not fill"),
        ({"statistics": [], "bands": 0}, "neither statistics nor a spectrum"),
        ({"length": 8, "hop": 8}, "fewer bands"),
        ({"lowest": 90.0}, "fewer bands"),
    ],
)
def test_a_front_end_that_cannot_be_is_refused(options: dict[str, object], says: str) -> None:
    table = {
        "name": "x",
        "data": {"name": "hapt", "stream": "single"},
        "frontend": options,
        "train": {"epochs": 1},
    }

    def build() -> None:
        recipe = recipe_from_dict(table)
        streams.build(recipe.data, recipe.frontend)

    with pytest.raises(InputError, match=says):
        build()


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"data": {"name": "hapt", "stream": "axes", "n_tasks": 2}}, "stream"),
        ({"data": {"name": "hapt", "stream": "single", "thermometer": 3}}, "thermometer"),
        ({"network": {"convolutions": [[4, 3, 1]]}}, "convolutions"),
    ],
)
def test_what_does_not_go_with_a_front_end_is_refused(tables: dict[str, object], says: str) -> None:
    table = {"name": "x", "data": {"name": "hapt", "stream": "single"}, "train": {"epochs": 1}}
    with pytest.raises(InputError, match=says):
        recipe_from_dict({**table, "frontend": {}, **tables})


def test_samples_that_are_no_windows_are_refused() -> None:
    with pytest.raises(InputError, match="needs windows of sensor values"):
        streams.build(DataRecipe("digits", "single"), FrontEndRecipe())


def test_a_recipe_with_a_front_end_is_written_and_read_again() -> None:
    table = {
        "name": "x",
        "data": {"name": "hapt", "stream": "single"},
        "frontend": {"bands": 4, "statistics": ["mean"]},
        "train": {"epochs": 1},
    }
    recipe = recipe_from_dict(table)
    assert '[frontend]\nstatistics = ["mean"]\nbands = 4' in recipe.to_toml()
    assert recipe_from_dict(recipe.to_dict()) == recipe


def test_limits_are_said_before_anything_is_computed() -> None:
    good = Operations(2, 16, 8)
    for bad in (
        replace(good, n_channels=257),
        replace(good, length=1),
        replace(good, length=0, statistics=("mean",)),
        replace(good, hop=0),
        replace(good, statistics=("maximum", "mean")),
        replace(good, length=2000, edges=(1, 5)),
        replace(good, edges=(1, 1, 5)),
        replace(good, edges=(1, 10)),
        replace(good, stack=257),
    ):
        assert bad.problem() is not None
        with pytest.raises(InputError):
            fit(np.zeros((1, bad.length, bad.n_channels), np.int16), bad)
    front_end = fit(RNG.integers(-9, 9, (5, 16, 2)), good)
    assert front_end.problem() is None
    wrong: FrontEnd = replace(front_end, shift=front_end.shift + 16)
    assert wrong.problem() is not None
