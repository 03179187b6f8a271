"""Contexts: several networks in one arena, and which of them a sample belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, world

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference.contexts import ContextsTwin
from metabit.edge_runtime.states.kept_contexts import room_for
from metabit.errors import BudgetError, InputError, MismatchError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.repack import state_of
from metabit.export.spec import InputSpec, Model
from metabit.export.states import context_image, state_image
from metabit.export.states.facts import facts_of
from metabit.export.untrained import untrained

WIDE = random_model((300, 12, 4), seed=2)
NARROW = random_model((9, 8, 6, 3), seed=3, dtype="int8", zero_point=-7)
CONV = random_convnet((6, 5, 2), [(5, 3, 1, "valid", 1)], (4,), seed=5)


def experienced(model: Model, contexts: int = 2, **options: int) -> ContextsTwin:
    """A twin that suspects samples from the start, and not after 1,000 only."""
    twin = ContextsTwin(dumps(model), contexts=contexts, **options)
    twin.n_samples = 1000
    return twin


def at_two_worlds(model: Model, contexts: int = 2) -> Engine:
    """An engine that has opened a context for the second of two worlds."""
    engine = Engine(dumps(model), learn="all", contexts=contexts)
    engine.load_state(experienced(model, contexts).save_state())
    for number in (1, 2):
        engine.learn(*world(model, number, 250))
    assert engine.status().n_contexts == 2
    return engine


@pytest.mark.parametrize(
    ("model", "bits"), [(WIDE, 8), (NARROW, 4), (CONV, 8)], ids=["dense", "few inputs", "maps"]
)
def test_contexts_open_and_learn_the_same_in_c_and_numpy(model: Model, bits: int) -> None:
    """One world, another for which a context opens, and the first again."""
    engine = Engine(dumps(model), learn="all", contexts=2, seed=5, bits=bits)
    assert (
        engine.save_state()
        == ContextsTwin(dumps(model), contexts=2, seed=5, state_bits=bits).save_state()
    )
    twin = experienced(model, seed=5, state_bits=bits)
    engine.load_state(twin.save_state())
    for number, n, current in ((1, 170, 0), (2, 150, 1), (1, 25, 0)):
        x, y = world(model, number, n)
        assert np.array_equal(engine.learn(x, y), twin.learn(x, y))
        assert engine.save_state() == twin.save_state()
        assert engine.status().context == twin.current == current
    assert (twin.n_open, engine.status().n_waited) == (2, twin.n_waited)
    x = np.concatenate([world(model, number, 8, part=1)[0] for number in (1, 2)])
    assert np.array_equal(engine.predict(x), twin.predict(x))


def test_what_was_learnt_stays_when_what_comes_in_changes_and_is_lost_without_contexts() -> None:
    spec = InputSpec("uint8", (12,), 1 / 64, 128)
    start = np.random.default_rng(3).integers(0, 256, (40, 12)).astype(np.uint8)
    model = untrained(spec, (24, 6), start, seed=1)
    held_out = world(model, 1, 400, part=1)
    kept = []
    for contexts in (0, 3):
        engine = Engine(dumps(model), learn="all", contexts=contexts)
        engine.learn(*world(model, 1, 2500))
        before = engine.score(*held_out)
        for number in (2, 3):
            engine.learn(*world(model, number, 2500))
        kept.append(engine.score(*held_out) - before)
        assert before > 0.9
    assert kept[0] < -0.2
    assert kept[1] > -0.03


def test_a_stuck_sensor_and_a_stretch_of_one_label_open_nothing() -> None:
    engine = Engine(dumps(WIDE), learn="all", contexts=2)
    x, y = world(WIDE, 1, 1500)
    engine.learn(x, y)
    one = y == 2
    engine.learn(np.tile(x[one], (12, 1)), np.tile(y[one], 12))
    stuck = np.zeros((3000, WIDE.input.n_inputs), dtype=np.uint8)
    engine.learn(stuck, np.full(len(stuck), 1))
    engine.learn(x, y)
    assert engine.status().n_contexts == 1


def test_when_all_contexts_are_open_the_last_takes_what_is_new_and_the_first_stays() -> None:
    engine = at_two_worlds(NARROW)
    before, image = engine.status(), engine.save_state()
    engine.learn(*world(NARROW, 3, 300))
    after, model_id = engine.status(), Blob(dumps(NARROW)).model_id
    assert (after.n_contexts, after.context) == (2, 1)
    assert after.n_learnt > before.n_learnt
    assert after.n_steps == 1000 + 250 + 250 + 300
    old, new = (context_image.loads(i, NARROW, model_id) for i in (image, engine.save_state()))
    assert new.networks[0].n_learnt - old.networks[0].n_learnt <= 25  # until it was suspected
    assert new.kept[1].counts.sum() < 300
    twin = experienced(NARROW)
    for number, n in ((1, 250), (2, 250), (3, 300)):
        twin.learn(*world(NARROW, number, n))
    assert twin.save_state() == engine.save_state()


def test_a_context_that_has_just_opened_still_takes_samples_in_c_and_numpy() -> None:
    engine = Engine(dumps(NARROW), learn="all", contexts=2)
    twin = experienced(NARROW)
    engine.load_state(twin.save_state())
    for number, n in ((1, 250), (2, 100)):
        engine.learn(*world(NARROW, number, n))
        twin.learn(*world(NARROW, number, n))
    assert (engine.status().n_contexts, 0 < twin.n_to_take < 100) == (2, True)
    assert engine.save_state() == twin.save_state()


def test_a_state_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    one = at_two_worlds(NARROW)
    x, y = world(NARROW, 1, 60)
    with Engine(dumps(NARROW), learn="all", contexts=2, state=tmp_path) as kept:
        kept.load_state(one.save_state())
        kept.commit()
    with Engine(dumps(NARROW), learn="all", contexts=2, state=tmp_path) as other:
        for engine in (one, other):
            engine.learn(x, y)
        assert one.save_state() == other.save_state()


def test_a_network_alone_becomes_the_first_context_until_another_is_open() -> None:
    alone = Engine(dumps(NARROW), learn="all")
    alone.learn(*world(NARROW, 1, 80))
    engine = Engine(dumps(NARROW), learn="all", contexts=3)
    engine.load_state(alone.save_state())
    x, y = world(NARROW, 2, 50)
    assert np.array_equal(engine.predict(x), alone.predict(x))
    assert np.array_equal(engine.learn(x, y), alone.learn(x, y))
    image = context_image.loads(engine.save_state(), NARROW, Blob(dumps(NARROW)).model_id)
    assert state_image.dumps(image.networks[0]) == alone.save_state()
    opened = at_two_worlds(NARROW)
    before = opened.save_state()
    with pytest.raises(MismatchError, match="room for 1 contexts, and here 2 are open"):
        opened.load_state(alone.save_state())
    assert opened.save_state() == before
    kept = alone.save_state()
    with pytest.raises(MismatchError, match=r"2 of its contexts are open, and here is room for 1;"):
        alone.load_state(before)
    assert alone.save_state() == kept


def test_a_state_loads_wherever_its_open_contexts_fit_and_goes_on_with_the_same_bits() -> None:
    image = at_two_worlds(NARROW, contexts=3).save_state()
    for room in (2, 4):
        engine, same = (Engine(dumps(NARROW), learn="all", contexts=room) for _ in range(2))
        engine.load_state(image)
        same.load_state(at_two_worlds(NARROW, contexts=room).save_state())
        assert engine.save_state() == same.save_state()
        x, y = world(NARROW, 3, 250)  # opens a third where there is room
        assert np.array_equal(engine.learn(x, y), same.learn(x, y))
        assert engine.save_state() == same.save_state()
        assert engine.status().n_contexts == min(room, 3)
        before = engine.save_state()
        if room > 3:
            with pytest.raises(MismatchError, match="3 of its contexts are open"):
                Engine(dumps(NARROW), learn="all", contexts=2).load_state(before)


def test_a_network_alone_loads_what_is_one_context_yet() -> None:
    engine = Engine(dumps(NARROW), learn="all", contexts=5)
    alone = Engine(dumps(NARROW), learn="all")
    x, y = world(NARROW, 1, 80)
    engine.learn(x, y)
    alone.load_state(engine.save_state())
    image = context_image.loads(engine.save_state(), NARROW, Blob(dumps(NARROW)).model_id)
    assert alone.save_state() == state_image.dumps(image.networks[0])
    assert np.array_equal(alone.learn(x, y), engine.learn(x, y))
    for other in ({"learn": "head"}, {"learn": "tracking"}, {"learn": "all", "bits": 4}):
        with pytest.raises(MismatchError, match="it was made with"):
            Engine(dumps(NARROW), **other).load_state(engine.save_state())


def test_a_kept_state_takes_less_room_where_there_is_less_ram() -> None:
    data = dumps(NARROW)
    mapped = Mapped(data)
    needs = {n: plan(data, learn="all", contexts=n).arena_bytes for n in range(6)}
    kept = facts_of(at_two_worlds(NARROW, contexts=5).save_state())
    assert room_for(mapped, Options(), kept, None) == 5
    assert room_for(mapped, Options(), kept, needs[4]) == 4
    assert room_for(mapped, Options(), kept, needs[3] - 1) == 2
    with pytest.raises(BudgetError, match=rf"has 2 contexts open, .* give it {needs[2]:,} bytes"):
        room_for(mapped, Options(), kept, needs[2] - 1)
    new = facts_of(Engine(data, learn="all", contexts=5).save_state())
    assert room_for(mapped, Options(), new, needs[2] - 1) == 0


def test_an_image_reads_back_whole_and_says_which_context_learns() -> None:
    engine = at_two_worlds(NARROW, contexts=3)
    image, blob, status = engine.save_state(), Blob(dumps(NARROW)), engine.status()
    parsed = context_image.loads(image, NARROW, blob.model_id)
    assert context_image.dumps(parsed) == image
    facts = facts_of(image)
    assert facts.choice.contexts == 3
    assert (facts.n_contexts, facts.context, facts.n_steps, facts.n_learnt) == (
        status.n_contexts, status.context, status.n_steps, status.n_learnt,
    )  # fmt: skip
    assert facts.accuracy == pytest.approx(status.accuracy, abs=1e-4)
    # A file holds one network: that of the context that learns.
    packed: Any = state_of(image, blob, "image")
    assert state_image.dumps(packed) == state_image.dumps(parsed.networks[1])


def test_the_arena_is_known_to_the_byte_and_contexts_cost_what_the_plan_says() -> None:
    one, three = (plan(dumps(WIDE), learn="all", contexts=n) for n in (0, 3))
    assert plan(dumps(WIDE), learn="all", contexts=1) == one
    assert three.arena_bytes == sum(three.parts.values())
    assert three.parts == {**one.parts, "context_bytes": three.parts["context_bytes"]}
    Engine(dumps(WIDE), learn="all", contexts=3, ram=three.arena_bytes)
    with pytest.raises(BudgetError, match=r"Nearest that fits: .*, up to 2 contexts"):
        Engine(dumps(WIDE), learn="all", contexts=3, ram=three.arena_bytes - 1)


def test_auto_takes_as_many_contexts_as_fit() -> None:
    blob = dumps(WIDE)
    most = plan(blob, learn="auto")
    assert (most.contexts, "up to 5 contexts" in most.reason) == (5, True)
    three = plan(blob, learn="all", contexts=3).arena_bytes
    assert plan(blob, learn="auto", ram=three).contexts == 3
    assert plan(blob, learn="auto", ram=three - 1).contexts == 2
    assert plan(blob, learn="auto", ram=plan(blob, learn="all").arena_bytes).contexts == 0
    assert plan(blob, learn="auto", contexts=2).contexts == 2
    assert plan(blob, learn="auto", batch=4).contexts == 0


def test_contexts_where_they_cannot_be_are_refused() -> None:
    for options in ({"contexts": 6}, {"contexts": -1}, {"contexts": 2, "batch": 2}):
        with pytest.raises(InputError, match="contexts"):
            Engine(dumps(WIDE), learn="all", **options)  # type: ignore[arg-type]
    for learn in ("head", "tracking", "none"):
        with pytest.raises(InputError, match="layers all learn"):
            Engine(dumps(WIDE), learn=learn, contexts=2)
