"""A journal of samples in flash: what is learnt again has the bits of what was learnt."""

from __future__ import annotations

import ctypes
import random

import numpy as np
import pytest
from helpers.flash_rig import INPUT, OK, STORAGE, Flash, PowerCut, Shape
from helpers.journal_rig import LEARNERS, Device, device_of, engine_of, samples
from helpers.random_models import random_model, world

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.states import state_bytes
from metabit.export.container import dumps


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_learnt_again_has_the_bits_of_what_was_learnt(name: str) -> None:
    """Calls of any size, commits after any number of them, and a new program now and then."""
    device, engine, rng = device_of(name), engine_of(name), random.Random(5)
    x, y = samples(name, 600)
    assert device.begin() == 0
    at = again = 0
    while at < len(x):
        for _ in range(rng.randrange(1, 4)):
            part = slice(at, at + rng.choice((1, 3, 11)))
            at = part.stop
            # A step never goes on from one call to the next, so both make the same calls.
            assert np.array_equal(device.learn(x[part], y[part]), engine.learn(x[part], y[part]))
        assert device.commit() == OK
        if rng.random() < 0.4:
            again = max(again, device.native.n_again)
            assert device.begin() == 1
        assert device.state() == engine.save_state()
        assert device.native.n_learnt == min(at, len(x))
    # Where a state is small, it is soon as short as the samples of a commit.
    assert (50 if len(device.state()) > 1500 else 0) < again <= 256


def test_a_context_that_opened_is_opened_again() -> None:
    model = random_model((300, 12, 4), seed=2)
    options = Options(learn_layers=2, contexts=2)
    device = Device(Flash(Shape(4096, 8, 256)), dumps(model), options, most_again=2000)
    engine = Engine(dumps(model), learn="all", contexts=2)
    device.begin()
    device.commit()
    for number, n in ((1, 1200), (2, 250), (1, 60)):
        x, y = world(model, number, n)
        engine.learn(x, y)
        for at in range(0, n, 10):
            device.learn(x[at : at + 10], y[at : at + 10])
            assert device.commit() == OK
    assert device.begin() == 1
    assert engine.status().n_contexts == 2
    assert device.state() == engine.save_state()


def test_a_commit_writes_a_fraction_and_a_whole_state_comes_when_it_is_due() -> None:
    device = device_of("counting", most_again=100)
    x, y = samples("counting", 400)
    device.begin()
    n_whole, again = len(device.state()), []
    for at in range(0, 400, 5):
        device.learn(x[at : at + 5], y[at : at + 5])
        assert device.commit() == OK
        again.append(device.native.n_again)
    assert max(again) == 100
    assert again.count(0) == 1 + (400 - 5) // 105
    assert device.flash.n_written < 0.2 * 80 * n_whole
    before = device.flash.n_written
    assert device.commit() == OK  # nothing has changed
    assert device.flash.n_written == before


def test_samples_that_take_more_than_half_of_a_state_are_not_written_down() -> None:
    device = device_of("last layer")
    x, y = samples("last layer", 60)
    device.begin()
    device.commit()
    n_whole = len(device.state())
    device.learn(x, y)
    assert 60 * (2 + x.shape[1]) > n_whole
    before = device.flash.n_written
    assert device.commit() == OK
    assert device.flash.n_written - before <= 2 * n_whole
    assert device.native.n_again == 0
    assert device.begin() == 1
    assert device.native.n_again == 0


def test_a_caller_may_want_whole_states_only() -> None:
    device, engine = device_of("counting", most_again=0), engine_of("counting")
    x, y = samples("counting", 30)
    device.begin()
    for at in range(30):
        device.learn(x[at : at + 1], y[at : at + 1])
        engine.learn(x[at : at + 1], y[at : at + 1])
        assert device.commit() == OK
        assert device.native.n_again == 0
    assert device.begin() == 1
    assert device.state() == engine.save_state()


@pytest.mark.parametrize("when", ["before a sample", "between two", "after the last"])
@pytest.mark.parametrize("what", ["observe", "learn", "load"])
def test_what_else_changes_the_model_is_kept_as_a_whole_state(what: str, when: str) -> None:
    device, engine = device_of("counting"), engine_of("counting")
    x, y = samples("counting", 40)
    other = engine_of("counting")
    other.learn(*samples("counting", 25, seed=9))

    def change() -> None:
        library, handle = _native.library(), device.model.handle
        labels = y[:3].astype(np.int32)
        if what == "observe":
            library.mb_observe(handle, x.ctypes.data, 5)
            engine.observe(x[:5])
        elif what == "learn":
            library.mb_learn(handle, x.ctypes.data, labels.ctypes.data, 3, None)
            engine.learn(x[:3], y[:3])
        else:
            state_bytes.load(handle, other.save_state())
            engine.load_state(other.save_state())

    device.begin()
    device.commit()
    for number, part in enumerate((slice(0, 8), slice(8, 20))):
        if when == ("before a sample", "between two")[number]:
            change()
        device.learn(x[part], y[part])
        engine.learn(x[part], y[part])
    if when == "after the last":
        change()
    assert device.commit() == OK
    assert device.native.n_again == 0
    device.learn(x[20:], y[20:])
    engine.learn(x[20:], y[20:])
    assert device.commit() == OK
    assert device.native.n_again == 20
    assert device.begin() == 1
    assert device.state() == engine.save_state()


SHAPES = [
    Shape(page_bytes=256, write_bytes=4, pages_per_slot=16),
    Shape(page_bytes=256, write_bytes=1, pages_per_slot=13, n_slots=3),
    Shape(page_bytes=1024, write_bytes=256, pages_per_slot=8),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["small", "4 bits"])
def test_a_power_cut_at_any_moment_leaves_the_commit_before_or_the_new_one(
    name: str, shape: Shape
) -> None:
    """At each erasure and each write of commits, one after the other: samples and whole states."""
    flash, engine = Flash(shape), engine_of(name)
    device = device_of(name, most_again=14, flash=flash)
    x, y = samples(name, 60)
    before, kinds, n_cuts = engine.save_state(), set(), 0
    for commit in range(7):
        part = slice(5 * commit, 5 * commit + 5)
        engine.learn(x[part], y[part])
        after = engine.save_state()
        step = 1 if shape.write_bytes >= 4 else 7
        for at in range(0, 20_000, step):
            try:
                found = device.begin(cut_at=at)
                assert device.state() == before if found else commit == 0
                for i in range(part.start, part.stop):
                    device.learn(x[i : i + 1], y[i : i + 1])
                assert device.commit() == OK
                kinds.add(device.native.n_again > 0)
                break
            except PowerCut:
                n_cuts += 1
                found = device.begin()
                assert found in (0, 1)
                assert device.state() in (before, after)
                assert found or commit == 0
                if found and device.state() == after:
                    assert device.native.n_learnt == part.stop
                    break
        else:
            pytest.fail("a commit is through in the end")
        before = after
    assert kinds == {False, True}
    assert n_cuts > (20 if shape.write_bytes > 4 else 150)


def test_flash_that_fails_costs_a_whole_state_and_nothing_else() -> None:
    device, engine = device_of("counting"), engine_of("counting")
    x, y = samples("counting", 30)
    device.begin()
    device.commit()
    device.flash.fails = True
    for at in range(20):
        device.learn(x[at : at + 1], y[at : at + 1])
    engine.learn(x[:20], y[:20])
    assert device.state() == engine.save_state()
    assert device.commit() == STORAGE
    device.flash.fails = False
    device.learn(x[20:], y[20:])
    engine.learn(x[20:], y[20:])
    assert device.commit() == OK
    assert device.begin() == 1
    assert device.state() == engine.save_state()


def test_sessions_are_kept_with_the_samples() -> None:
    device = device_of("small")
    x, y = samples("small", 12)
    device.begin()
    device.commit()
    for session in (7, 8):
        device.native.session, device.native.n_learnt = session, 0
        device.learn(x, y)
        device.commit()
        assert device.begin() == 1
        assert (device.native.session, device.native.n_learnt) == (session, 12)
    device.native.session, device.native.n_learnt = 9, 0  # in which nothing is learnt yet
    device.commit()
    assert device.begin() == 1
    assert (device.native.session, device.native.n_learnt) == (9, 0)


def test_what_cannot_be_is_refused() -> None:
    device = device_of("small")
    library = _native.library()
    assert library.mb_journal_start(None, None) == INPUT
    assert library.mb_journal_commit(None) == INPUT
    assert library.mb_journal_commit(ctypes.byref(device.native)) == INPUT
    device.begin()
    x, _ = samples("small", 2)
    before, wrong = device.state(), np.array([1, 99], np.int32)
    journal = ctypes.byref(device.native)
    assert (
        library.mb_journal_learn(
            journal, ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(wrong.ctypes.data),
            ctypes.c_size_t(2), None,
        )
        == INPUT
    )  # fmt: skip
    assert device.state() == before
    device.native.step_bytes -= 1
    assert library.mb_journal_start(journal, device.model.handle) == INPUT
