"""The heart has one meaning: in the trainer's floats, in NumPy and in C."""

from __future__ import annotations

import ctypes
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.random_models import random_model
from numpy.typing import NDArray

from metabit.edge_runtime import sources
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference import metaplasticity as on_device
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export.bits import pack_bits, pack_levels, unpack_levels
from metabit.export.container import dumps
from metabit.export.levels import dequantize_hidden
from metabit.export.spec import Int8Array, LearnState, Model
from metabit.trainer import metaplasticity as in_training

STRENGTHS = (0.0, 0.5, 2.0, 3.0, 10.0, 30.0)


def every_level(bits: int) -> Int8Array:
    half = 2 ** (bits - 1)
    return np.arange(-half, half).astype(np.int8)


def hidden_of(levels: Int8Array, bits: int) -> torch.Tensor:
    """The hidden weights that levels stand for, in a range that ends at 1."""
    return torch.from_numpy(dequantize_hidden(levels, 1.0, bits)).double()


def with_levels(levels: tuple[Int8Array, ...], bits: int, m: float) -> Model:
    """A model that learns, with these hidden weights."""
    model = random_model([layer.shape[1] for layer in levels] + [len(levels[-1])], bits=bits)
    assert model.learn is not None
    learn = replace(model.learn, levels=levels, m=(m,) * len(levels))
    layers = tuple(
        replace(layer, weights=np.where(q >= 0, 1, -1).astype(np.int8))
        for layer, q in zip(model.layers, levels, strict=True)
    )
    assert isinstance(learn, LearnState)
    return replace(model, layers=layers, learn=learn, golden=None)


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The functions of the C core's metaplasticity.h."""
    core = sources() / "src"
    files = [Path(__file__).with_name("metaplasticity.c")]
    files += [core / "metaplasticity.c", core / "arith.c"]
    library = tmp_path_factory.mktemp("heart") / "heart.so"
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", f"-I{core}", f"-I{sources() / 'include'}"]
    subprocess.run(["gcc", *flags, *map(str, files), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.c_f_meta.restype = ctypes.c_float
    return loaded


def table_in_c(in_c: ctypes.CDLL, m: float, bits: int, k: int = 0) -> NDArray[np.uint16]:
    """By level, as a move that goes down sees them: 0 and more shrink, and -1 and less grow."""
    entries = np.empty(2**bits, dtype=np.uint16)
    in_c.c_table(ctypes.c_void_p(entries.ctypes.data), ctypes.c_float(m), bits)
    in_c.c_grow(ctypes.c_void_p(entries.ctypes.data), k, bits)
    return entries


def test_c_and_numpy_have_the_same_functions_in_the_same_order() -> None:
    header = (sources() / "src/metaplasticity.h").read_text(encoding="utf-8")
    in_c = re.findall(r"^\w[\w ]*\bmb_(\w+)\(", header, re.M)
    twin = Path(on_device.__file__).read_text(encoding="utf-8")
    assert in_c == re.findall(r"^def ([a-z]\w*)\(", twin, re.M)
    assert in_c == ["f_meta", "table", "grow", "try_move", "consolidated", "plasticity"]


@pytest.mark.parametrize("m", STRENGTHS)
def test_f_meta_and_its_table_have_the_same_bits_in_numpy_and_in_c(
    in_c: ctypes.CDLL, m: float
) -> None:
    shares = np.linspace(0, 1, 501, dtype=np.float32)
    c = [in_c.c_f_meta(ctypes.c_float(s), ctypes.c_float(m)) for s in shares.tolist()]
    assert on_device.f_meta(shares, m).tolist() == c
    for bits in (8, 4):
        shrinking = on_device.table(m, bits)
        for k in (0, 1, 33, 64):
            entries = table_in_c(in_c, m, bits, k)
            assert np.array_equal(shrinking, entries[: len(shrinking)])
            assert np.array_equal(on_device.grow(shrinking, k), entries[: len(shrinking) - 1 : -1])
        sizes = np.arange(len(shrinking)).astype(np.int8)
        held = [bool(in_c.c_consolidated(int(entry))) for entry in shrinking]
        assert on_device.consolidated(sizes, shrinking).tolist() == held


def test_a_weight_is_consolidated_below_two_per_cent_in_c_as_in_numpy(in_c: ctypes.CDLL) -> None:
    entries = np.arange(1, on_device.ONE)
    held = np.array([bool(in_c.c_consolidated(int(entry))) for entry in entries])
    assert np.array_equal(held, entries <= on_device.CONSOLIDATED)
    assert np.array_equal(held, entries / on_device.ONE < in_training.CONSOLIDATED)


@pytest.mark.parametrize("k", [0, 40, 64])
@pytest.mark.parametrize("bits", [8, 4])
def test_a_try_moves_the_same_weights_in_numpy_and_in_c(
    in_c: ctypes.CDLL, bits: int, k: int
) -> None:
    rng, shares = np.random.default_rng(bits), on_device.table(2.0, bits)
    levels = np.repeat(every_level(bits), 64)
    rises = rng.integers(0, 2, levels.size).astype(np.uint8)
    chance = rng.integers(0, on_device.ONE, levels.size).astype(np.uint16)
    packed = pack_levels(levels[None], bits)[0].copy()
    signs = pack_bits(np.where(levels >= 0, 1, -1)[None])
    entries = table_in_c(in_c, 2.0, bits, k)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (packed, signs, rises, chance, entries)]
    in_c.c_try_move(*pointers[:2], bits, levels.size, *pointers[2:])
    growing = on_device.grow(shares, k)
    moved = on_device.try_move(levels, rises > 0, chance.astype(np.int64), shares, growing)
    assert np.array_equal(unpack_levels(packed[None], levels.size, bits)[0], moved)
    assert np.array_equal(pack_bits(np.where(moved >= 0, 1, -1)[None]), signs)
    assert 0 < (moved != levels).mean() < 1


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("m", STRENGTHS)
def test_the_table_holds_f_meta_of_the_trainer(m: float, bits: int) -> None:
    levels = every_level(bits)
    trained = in_training.f_meta(hidden_of(levels, bits), m).numpy()
    shares = on_device.table(m, bits)[np.where(levels < 0, ~levels, levels)]
    assert np.abs(shares / on_device.ONE - trained).max() <= 1.01 / on_device.ONE
    assert np.all(shares >= 1)  # no weight freezes for good
    assert m > 0 or np.all(shares == on_device.ONE - 1)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("m", STRENGTHS)
def test_a_move_happens_as_often_as_the_trainer_lets_a_step_pass(m: float, bits: int) -> None:
    """Over all 65,536 draws, the mean move of a weight is the trainer's step of one level, as long
    as hidden weights are small and grow freely."""
    levels, shares = every_level(bits)[1:-1], on_device.table(m, bits)
    growing = on_device.grow(shares, 0)
    chance = np.arange(on_device.ONE)
    for rises in (True, False):
        moved = np.zeros(levels.size)
        for i, level in enumerate(levels):
            tried = on_device.try_move(
                np.full(chance.shape, level), np.full(chance.shape, rises), chance, shares, growing
            )
            moved[i] = (tried.astype(int) - level).mean()
        hidden, one = hidden_of(levels, bits), 2.0 ** (1 - bits)
        step = torch.full_like(hidden, one if rises else -one)
        damped = in_training.metaplastic_step(hidden, step, m) - hidden
        assert np.abs(moved - damped.numpy() / one).max() <= 1.01 / on_device.ONE


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("m", STRENGTHS)
def test_noise_lets_no_weight_grow_when_growth_is_damped_in_full(m: float, bits: int) -> None:
    """A move up from a size and the move back down stand at odds of 15 to 16 or less."""
    shrinking = on_device.table(m, bits)
    growing = on_device.grow(shrinking, on_device.GROWTH_ONE)
    assert np.all(growing[:-1] <= 15 / 16 * shrinking[:-1] + 1)
    assert np.all(np.diff(on_device.grow(shrinking, 20)[:-1]) <= 0)
    free, damped = on_device.grow(shrinking, 0), on_device.grow(shrinking, 32)
    assert np.all(free[:-1] == on_device.ONE - 1)
    assert np.all((growing <= damped) & (damped <= free))


def test_no_move_leaves_the_range_and_none_happens_by_itself() -> None:
    for bits in (8, 4):
        levels, shares = every_level(bits), on_device.table(2.0, bits)
        growing = on_device.grow(shares, 0)
        chance = np.zeros(levels.shape, dtype=np.int64)  # every move passes
        up = on_device.try_move(levels, np.ones(levels.shape, bool), chance, shares, growing)
        down = on_device.try_move(levels, np.zeros(levels.shape, bool), chance, shares, growing)
        assert up.tolist() == [*levels[1:].tolist(), levels[-1]]
        assert down.tolist() == [levels[0], *levels[:-1].tolist()]
        never = np.full(levels.shape, on_device.ONE - 1)
        shrunk = on_device.try_move(levels, levels < 0, never, shares, growing)
        assert np.array_equal(shrunk, levels)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("m", STRENGTHS)
def test_the_same_weights_are_consolidated_in_training_in_numpy_and_in_c(
    m: float, bits: int
) -> None:
    """A level next to the border may fall on either side: the table counts in 1/65536."""
    levels = every_level(bits)
    trained = in_training.consolidated(hidden_of(levels, bits), m).numpy()
    found = on_device.consolidated(levels, on_device.table(m, bits))
    f = in_training.f_meta(hidden_of(levels, bits), m).numpy()
    clear = np.abs(f - in_training.CONSOLIDATED) > 1.01 / on_device.ONE
    assert np.array_equal(found[clear], trained[clear])
    assert clear.mean() > 0.98
    for level, is_held in zip(levels, found, strict=True):
        alone = (np.full((2, 4), level),)
        engine = Engine(dumps(with_levels(alone, bits, m)), learn="all")
        assert engine.status().n_consolidated == (8 if is_held else 0)


@pytest.mark.parametrize("bits", [8, 4])
def test_plasticity_is_the_same_in_training_in_numpy_and_in_c(bits: int) -> None:
    rng, half = np.random.default_rng(1), 2 ** (bits - 1)
    levels = tuple(
        rng.integers(-half, half, shape).astype(np.int8) for shape in ((33, 20), (5, 33))
    )
    data = dumps(with_levels(levels, bits, 4.0))
    engine, reference = Engine(data, learn="all"), ReferenceModel(data, learn_layers=2)
    trained = in_training.plasticity([hidden_of(q, bits) for q in levels], [4.0, 4.0])
    assert engine.status().plasticity_left == reference.plasticity()
    assert reference.plasticity() == pytest.approx(trained, abs=3 / on_device.ONE)
    assert 0.1 < trained < 0.9
    x, y = rng.integers(0, 256, (30, 20)).astype(np.uint8), rng.integers(0, 5, 30)
    engine.learn(x, y)
    reference.learn(x, y)
    assert engine.status().plasticity_left == reference.plasticity()
    assert Engine(data).status().plasticity_left == ReferenceModel(data).plasticity() == 1.0
    assert in_training.plasticity([], []) == 1.0
