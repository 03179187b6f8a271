"""A C program that names a goal gets what `learn="auto"` chooses, in the arena that it has."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.mapped import Mapped, aligned
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.states import state_bytes
from metabit.errors import BudgetError, InputError
from metabit.export.container import dumps, loads
from metabit.export.heads.home import with_head
from metabit.export.spec import InputSpec, Told
from metabit.export.untrained import untrained

MODEL = random_model((33, 40, 5), seed=4, dtype="int8", zero_point=-7)
X = random_samples(np.random.default_rng(1), MODEL.input, 120)
Y = np.random.default_rng(2).integers(0, 5, 120)
WITH_HEAD = dumps(with_head(MODEL, X, Y))


class CProgram:
    """What a C program does that sets only a goal, in an arena of so many bytes."""

    def __init__(self, blob: bytes, goal: int, ram_bytes: int, **options: Any) -> None:
        mapped, library = Mapped(blob), _native.library()
        asked = _native.NativeOptions(goal=goal, seed=1, step_levels=-1, m=-1, units=64, trust=1)
        for name, value in options.items():
            setattr(asked, name, value)
        where = (mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(asked))
        line, chosen = ctypes.create_string_buffer(256), _native.NativeOptions()
        self.result = library.mb_choose(*where, ram_bytes, ctypes.byref(chosen), line, 256)
        self.reason = line.value.decode()
        self._kept = mapped, aligned(ram_bytes)
        self.model = ctypes.c_void_p()
        arena = self._kept[1].ctypes.data
        self.opened = library.mb_open(ctypes.byref(self.model), arena, ram_bytes, *where)

    def learn(self, x: np.ndarray, y: np.ndarray) -> bytes:
        labels = np.ascontiguousarray(y, dtype=np.int32)
        result = _native.library().mb_learn(
            self.model, x.ctypes.data, labels.ctypes.data, len(x), None
        )
        assert result == 0
        return state_bytes.save(self.model, "here")


@pytest.mark.parametrize("share", [1.0, 0.99, 0.6])
@pytest.mark.parametrize(("goal", "number"), [("remember", 1), ("track", 2)])
def test_it_learns_the_bits_that_the_engine_learns(goal: Any, number: int, share: float) -> None:
    ram = int(plan(WITH_HEAD, learn="auto", goal=goal).arena_bytes * share)
    engine = Engine(WITH_HEAD, learn="auto", goal=goal, ram=ram).partial_fit(X, Y)
    program = CProgram(WITH_HEAD, number, ram)
    assert program.reason == plan(WITH_HEAD, learn="auto", goal=goal, ram=ram).reason
    assert program.learn(X, Y) == engine.save_state()


def test_the_line_says_what_learns_for_which_goal_and_what_better_would_have_needed() -> None:
    plain = dumps(MODEL)
    assert CProgram(WITH_HEAD, 1, 2**20).reason == (
        "the counting head learns: goal remember; 6.5 KiB"
    )
    assert CProgram(WITH_HEAD, 1, 5_000).reason == (
        "the counting head learns with the matrix of home: goal remember, and learning the "
        "counting head would need 6.5 KiB; 3.5 KiB"
    )
    assert CProgram(plain, 1, 2**20, batch=4).reason == (
        "all layers learn: goal remember, and the file has no counting head; 5.2 KiB"
    )
    assert CProgram(plain, 1, 1_000).reason == (
        "nothing learns: goal remember, and learning all layers, 8-bit state would need 4.8 KiB; "
        "576 B"
    )
    assert CProgram(plain, 2, 2**20, replay=1_200).reason == (
        "the tracking head learns: goal track with 1,200 samples replayed; 59.9 KiB"
    )
    assert CProgram(plain, 0, 2**20, learn_layers=1).reason.startswith("the head learns: as asked;")


#: What a recipe may say, what then learns, and the line about it.
TOLD = {
    Told(goal="track"): "the tracking head learns: goal track, as the file says; ",
    Told("tracking", replay=9): "the tracking head learns: as the file says with 9 samples repl",
    Told("counting-small"): "the counting head learns with the matrix of home: as the file says; ",
    Told("head", replay=9): "the head learns: as the file says with 9 samples replayed; ",
    Told("all", batch=4): "all layers learn: as the file says; ",
    Told(): "the counting head learns: goal remember, as the file says; ",
}


@pytest.mark.parametrize("told", TOLD)
def test_what_the_recipe_says_learns_in_python_and_in_c_where_nobody_says_otherwise(
    told: Told,
) -> None:
    blob = dumps(replace(loads(WITH_HEAD), told=told))
    engine = Engine(blob, learn="auto").partial_fit(X, Y)
    program = CProgram(blob, _native.GOAL_FILE, 2**17, panels=int(engine.plan.panels))
    assert engine.plan.reason == program.reason
    assert program.reason.startswith(TOLD[told])
    assert (engine.plan.replay, engine.plan.batch) == (told.replay, told.batch)
    assert program.learn(X, Y) == engine.save_state()


def test_what_is_said_at_opening_goes_before_what_the_file_says() -> None:
    blob = dumps(replace(loads(WITH_HEAD), told=Told("head", "track", replay=9)))
    assert plan(blob, learn="auto", goal="remember").choice == "learning the counting head"
    assert plan(blob, learn="auto", goal="track").replay == 0
    assert plan(blob, learn="all").replay == 0
    assert plan(blob, learn="auto", replay=0).choice == "learning the head, 8-bit state"
    assert plan(blob, learn="auto", replay=7).replay == 7
    assert plan(blob, learn="auto", batch=4).choice.endswith("batches of 4")
    assert CProgram(blob, _native.GOAL_FILE, 2**17, replay=_native.NO_REPLAY).result == 0
    batches = dumps(replace(loads(WITH_HEAD), told=Told("head", batch=4)))
    assert plan(batches, learn="auto", replay=7).choice.endswith("replay of 7 samples")


def test_a_file_that_lacks_what_it_says_is_to_learn_says_so() -> None:
    told = dumps(replace(MODEL, told=Told("counting")))
    with pytest.raises(InputError, match="no counting head"):
        Engine(told, learn="auto")
    assert CProgram(told, _native.GOAL_FILE, 2**17).opened == -6
    with pytest.raises(BudgetError):
        Engine(dumps(replace(MODEL, told=Told("all"))), learn="auto", ram=2_000)


def test_the_best_choice_is_planned_where_nobody_says_how_much_ram_there_is() -> None:
    mapped, raw = Mapped(WITH_HEAD), _native.RamPlan()
    asked = _native.NativeOptions(goal=1, seed=1, step_levels=-1, m=-1, units=64, trust=1)
    where = (mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(asked))
    assert _native.library().mb_plan_ram(*where, ctypes.byref(raw)) == 0
    assert raw.arena_bytes == plan(WITH_HEAD, learn="counting").arena_bytes


@pytest.mark.parametrize(
    ("number", "options", "error"),
    [
        (1, {"head": 1}, -5),
        (2, {"learn_layers": 1}, -5),
        (4, {}, -5),
        (1, {"ram": 64}, -3),
    ],
)
def test_a_goal_beside_a_choice_an_unknown_goal_and_too_little_ram_are_refused(
    number: int, options: dict[str, int], error: int
) -> None:
    ram = options.pop("ram", 2**20)
    program = CProgram(WITH_HEAD, number, ram, **options)
    assert (program.result, program.opened) == (error, error)


def test_a_network_of_random_weights_says_so_and_is_not_trusted() -> None:
    x = random_samples(np.random.default_rng(1), InputSpec("int8", (8,)), 100)
    blob = dumps(untrained(InputSpec("int8", (8,)), (16, 3), x))
    assert Mapped(blob).info.untrained == 1
    assert plan(blob, learn="auto", goal="track").trust == 0.0
    assert Mapped(WITH_HEAD).info.untrained == 0
