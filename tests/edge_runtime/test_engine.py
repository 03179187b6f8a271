"""What an engine promises: its budget, its inputs, and that a refused call changes nothing."""

from __future__ import annotations

import copy
import multiprocessing
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.errors import (
    BudgetError,
    FormatError,
    InputError,
    MetabitError,
    MismatchError,
)
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Model

SIZES = (40, 33, 20, 6)


@pytest.fixture(scope="module")
def model() -> Model:
    return random_model(SIZES, n_banks=2, dtype="int8", zero_point=3)


@pytest.fixture(scope="module")
def data(model: Model) -> bytes:
    return dumps(model)


@pytest.fixture
def engine(data: bytes) -> Engine:
    return Engine(data, learn="all")


BAD_SAMPLES = [
    (np.zeros((2, 39), dtype=np.int8), "E-SHAPE"),
    (np.zeros(40, dtype=np.int8), "E-SHAPE"),
    (np.zeros((2, 40), dtype=np.uint8), "E-DTYPE"),
    (np.zeros((2, 40), dtype=np.int64), "E-DTYPE"),
    (np.zeros((2, 40), dtype=object), "E-DTYPE"),
    (np.full((2, 40), np.nan), "E-NOT-FINITE"),
    (np.full((2, 40), -np.inf), "E-NOT-FINITE"),
]
BAD_LABELS = [
    ([0, 6], "E-LABEL"),
    ([0, -1], "E-LABEL"),
    ([0], "E-SHAPE"),
    ([[0], [1]], "E-SHAPE"),
    ([0.0, 1.0], "E-DTYPE"),
    (["a", "b"], "E-DTYPE"),
]


@pytest.mark.parametrize(("x", "code"), BAD_SAMPLES)
def test_bad_samples_are_refused_and_change_nothing(engine: Engine, x: object, code: str) -> None:
    before = engine.save_state()
    for call in (engine.predict, engine.scores, lambda v: engine.partial_fit(v, [0, 1])):
        with pytest.raises(InputError) as caught:
            call(x)  # type: ignore[arg-type]
        assert caught.value.code == code
    assert engine.save_state() == before


@pytest.mark.parametrize(("y", "code"), BAD_LABELS)
def test_bad_labels_are_refused_before_the_first_step(
    engine: Engine, y: list[object], code: str
) -> None:
    before = engine.save_state()
    with pytest.raises(InputError) as caught:
        engine.partial_fit(np.ones((2, 40), dtype=np.int8), y)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert engine.save_state() == before


def test_float_input_is_quantized_with_the_stored_scale_and_saturates(
    model: Model, data: bytes
) -> None:
    x = np.array([[-1000.0, -1.4, -0.5, 0.0, 0.5, 1.5, 2.5, 1000.0] * 5])
    expected = np.array([[-128, 2, 3, 3, 3, 5, 5, 127] * 5], dtype=np.int8)
    engine = Engine(data)
    assert model.input.scale == 1.0
    assert np.array_equal(engine.scores(x), engine.scores(expected))


def test_learning_without_hidden_weights_or_for_inference_is_refused(data: bytes) -> None:
    x, y = np.zeros((1, 40), dtype=np.int8), [0]
    with pytest.raises(InputError, match="opened for inference"):
        Engine(data).partial_fit(x, y)
    with pytest.raises(InputError, match="no hidden weights"):
        Engine(dumps(random_model(SIZES, learnable=False)), learn="all")
    assert Engine(dumps(random_model(SIZES, learnable=False)), learn="auto").plan.learn_layers == 0


@pytest.mark.parametrize(
    "options",
    [
        {"learn": "some"}, {"learn": 4}, {"learn": -1}, {"bits": 5, "learn": "all"}, {"bank": 2},
        {"m": -1.0}, {"m": 31.0}, {"m": float("nan")}, {"step_levels": 1e9}, {"seed": -1},
        {"keep": 0}, {"ram": "12 parsecs"}, {"ram": -1},
    ],
    ids=str,
)  # fmt: skip
def test_options_out_of_range_are_refused(data: bytes, options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Engine(data, **options)  # type: ignore[arg-type]


def test_a_foreign_file_is_refused() -> None:
    with pytest.raises(FormatError, match=r"not a \.mbit file"):
        Engine(b"this is not a model, it is a sentence of more than sixty-four bytes, see?")


def test_the_budget_is_hard_and_its_error_names_what_fits(data: bytes) -> None:
    full = plan(data, learn="all")
    assert Engine(data, learn="all", ram=full.arena_bytes).plan == full
    with pytest.raises(BudgetError) as caught:
        Engine(data, learn="all", ram=full.arena_bytes - 1)
    message = str(caught.value)
    assert format_kib(full.arena_bytes) in message
    assert "Largest parts: hidden weights" in message
    assert "Nearest that fits: learning all layers, 4-bit state" in message
    with pytest.raises(BudgetError, match="Even inference alone needs"):
        Engine(data, learn="none", ram=16)


def test_auto_learns_as_many_layers_as_fit(data: bytes) -> None:
    needs = [plan(data, learn=n).arena_bytes for n in range(4)]
    assert needs == sorted(needs)
    for n, need in enumerate(needs):
        assert Engine(data, learn="auto", ram=need).plan.learn_layers == n


def test_parts_sum_to_the_arena_and_grow_with_what_learns(data: bytes) -> None:
    for learn in range(4):
        for bits in (4, 8):
            p = plan(data, learn=learn, bits=bits)
            assert sum(p.parts.values()) == p.arena_bytes
            if learn:
                shapes = list(zip(SIZES[1:], SIZES[:-1], strict=True))[-learn:]
                assert p.parts["hidden_bytes"] == sum(o * -(-i * bits // 8) for o, i in shapes)
                assert p.parts["sign_bytes"] == sum(4 * o * -(-i // 32) for o, i in shapes)


def test_the_board_and_the_host_need_the_published_arena() -> None:
    learner = plan(dumps(random_model((784, 128, 128, 10), golden=0)), learn="all")
    assert learner.arena_bytes == 147_040  # pinned: a change must be meant


def test_learning_learns(data: bytes) -> None:
    rng = np.random.default_rng(0)
    centres = rng.integers(-100, 100, (6, 40))
    y = rng.integers(0, 6, 1500)
    x = np.clip(centres[y] + rng.normal(0, 40, (1500, 40)), -128, 127).astype(np.int8)
    engine = Engine(data, learn="all", step_levels=1.0)
    before = engine.score(x[1000:], y[1000:])
    engine.partial_fit(x[:1000], y[:1000])
    assert before < 0.4
    assert engine.score(x[1000:], y[1000:]) > 0.8
    frozen = Engine(data, learn="all", step_levels=0.0)
    state = frozen.status()
    frozen.partial_fit(x[:50], y[:50])
    assert (state.n_steps, frozen.status().n_steps, frozen.status().last_writes) == (0, 50, 0)


def test_a_learning_run_replays_exactly_and_its_seed_matters(model: Model, data: bytes) -> None:
    rng = np.random.default_rng(0)
    x, y = random_samples(rng, model.input, 60), rng.integers(0, 6, 60)
    images = [
        Engine(data, learn="all", seed=seed).partial_fit(x, y).save_state() for seed in (4, 4, 5)
    ]
    assert images[0] == images[1] != images[2]


def test_resuming_from_a_state_gives_the_bits_of_an_uninterrupted_run(
    model: Model, data: bytes
) -> None:
    rng = np.random.default_rng(0)
    x, y = random_samples(rng, model.input, 90), rng.integers(0, 6, 90)
    whole = Engine(data, learn=2, bank=1).partial_fit(x, y)
    first = Engine(data, learn=2, bank=1).partial_fit(x[:37], y[:37])
    second = Engine(data, learn=2, bank=1, seed=99)
    second.load_state(first.save_state())
    second.partial_fit(x[37:], y[37:])
    assert second.save_state() == whole.save_state()
    assert np.array_equal(second.scores(x), whole.scores(x))


def test_a_state_of_another_model_or_choice_is_refused(data: bytes, engine: Engine) -> None:
    others = [
        Engine(data, learn=2),
        Engine(data, learn="all", bits=4),
        Engine(data, learn="all", bank=1),
        Engine(dumps(random_model(SIZES, seed=1, dtype="int8")), learn="all"),
    ]
    before = engine.save_state()
    for other in others:
        with pytest.raises(MismatchError):
            engine.load_state(other.save_state())
    assert engine.save_state() == before


def test_every_damaged_state_is_refused_and_changes_nothing() -> None:
    small = dumps(random_model((9, 5, 3)))
    donor = Engine(small, learn="all", seed=7)
    donor.partial_fit(np.ones((5, 9), dtype=np.uint8), [0, 1, 2, 0, 1])
    image = bytearray(donor.save_state())
    engine = Engine(small, learn="all")
    before = engine.save_state()
    for bit in range(8 * len(image)):
        image[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MetabitError):
            engine.load_state(bytes(image))
        image[bit // 8] ^= 1 << bit % 8
    for length in range(len(image)):
        with pytest.raises(MetabitError):
            engine.load_state(bytes(image[:length]))
    assert engine.save_state() == before
    engine.load_state(bytes(image))
    assert engine.save_state() == bytes(image)


def test_status_counts_steps_and_consolidated_weights(data: bytes) -> None:
    rng = np.random.default_rng(0)
    engine = Engine(data, learn="all", m=20.0)
    assert engine.status().plasticity_left < 0.5
    assert Engine(data, learn="all", m=0.0).status().plasticity_left == 1.0
    x = rng.integers(-128, 128, (20, 40)).astype(np.int8)
    engine.partial_fit(x, rng.integers(0, 6, 20))
    status = engine.status()
    assert (status.n_steps, status.n_weights) == (20, 40 * 33 + 33 * 20 + 20 * 6)
    assert status.last_flips <= status.last_writes


@pytest.mark.parametrize("power", [1, 2, 3])
def test_k_and_kib_are_1024_bytes_and_kb_is_1000(power: int) -> None:
    letter = "kmg"[power - 1]
    for small in (letter, f"{letter}ib", f" {letter}ib "):
        for unit in (small, small.upper(), small.title()):
            assert parse_bytes(f"12{unit}") == 12 * 1024**power
    for unit in (f"{letter}b", f"{letter}B", f" {letter.upper()}B"):
        assert parse_bytes(f"12{unit}") == 12 * 1000**power


@pytest.mark.parametrize("size", ["", "KiB", "1e3", "1.K", "-1", "64 T", "64 Ki", "64 bB", -1])
def test_what_is_no_size_is_refused(size: str | int) -> None:
    with pytest.raises(InputError, match="size") as caught:
        parse_bytes(size)
    assert caught.value.code == "E-SIZE"


def test_sizes_are_read_and_written_as_people_do() -> None:
    assert parse_bytes("262144") == parse_bytes(" 262144 B ") == parse_bytes(262_144) == 262_144
    assert parse_bytes("1.5 MiB") == 1_572_864
    assert parse_bytes("4.35 kB") == 4350  # no rounding on the way
    assert [format_kib(n) for n in (87, 1536, 20 * 1024**2)] == ["87 B", "1.5 KiB", "20.0 MiB"]


def at_once(call: Callable[[], None], n: int) -> None:
    """Make a call from n threads at the same time."""
    threads = [threading.Thread(target=call) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_share_an_engine_get_the_answers_of_one(data: bytes, model: Model) -> None:
    engine = Engine(data, learn="all")
    x = random_samples(np.random.default_rng(3), model.input, 64)
    right, wrong = engine.predict(x), []

    def ask() -> None:
        for i in range(3000):
            wrong.extend(engine.predict(x[i % 64 : i % 64 + 1]) != right[i % 64])

    at_once(ask, 4)
    assert len(wrong) == 12_000
    assert not any(wrong)


def test_threads_that_learn_at_once_lose_no_step_and_what_is_saved_meanwhile_is_whole(
    data: bytes, model: Model
) -> None:
    """All learn the same sample, so that their order does not matter."""
    engine, alone = Engine(data, learn="all"), Engine(data, learn="all")
    x = random_samples(np.random.default_rng(4), model.input, 1)
    images: list[bytes] = []

    def learn() -> None:
        for _ in range(100):
            engine.partial_fit(x, [1])
            images.append(engine.save_state())

    at_once(learn, 4)
    for _ in range(400):
        alone.partial_fit(x, [1])
    assert engine.save_state() == alone.save_state()
    for image in images[::37]:
        alone.load_state(image)
    assert len(images) == 400


def test_novelty_and_labels_asked_for_at_once_are_those_of_one_thread(model: Model) -> None:
    rng = np.random.default_rng(4)
    x, y = random_samples(rng, model.input, 200), rng.integers(0, 6, 200)
    engine = Engine(dumps(with_head(model, x, y)), learn="counting")
    labels, novelty, wrong = engine.predict(x), engine.novelty(x), []

    def ask() -> None:
        for _ in range(40):
            wrong.append(not np.array_equal(engine.novelty(x), novelty))
            wrong.append(not np.array_equal(engine.predict(x), labels))

    at_once(ask, 3)
    assert len(wrong) == 240
    assert not any(wrong)


def test_a_copy_has_learnt_the_same_and_keeps_states_nowhere(tmp_path: Path, data: bytes) -> None:
    x, y = np.zeros((5, 40), np.int8), [0, 1, 2, 3, 4]
    with Engine(data, learn="all", bank=1, m=2.0, state=tmp_path) as engine:
        engine.partial_fit(x, y).commit()
        there, here = multiprocessing.Pipe()
        there.send(engine)  # as to another process: pickled
        for again in (here.recv(), copy.deepcopy(engine)):
            assert again.save_state() == engine.save_state()
            assert again.partial_fit(x, y).status().n_steps == 10
            with pytest.raises(InputError, match="needs a folder"):
                again.commit()
        assert engine.status().n_steps == 5


def test_an_engine_says_what_it_is(engine: Engine) -> None:
    assert re.fullmatch(r"<Engine blob: learn=3, arena [\d.]+ KiB, \w+>", repr(engine))
