"""A head knows what it does not know: the same bits in C and NumPy, and an honest limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples

from benchmarks.heads import novelty
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.heads import CountingTwin
from metabit.errors import CorruptError, InputError
from metabit.export import layout
from metabit.export.container import dumps, loads
from metabit.export.heads.features import features, source_values
from metabit.export.heads.home import with_head
from metabit.export.heads.novelty import distances
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NETWORKS = {
    "sums": random_model((20, 17, 9, 4), seed=3),
    "ones": random_convnet((9, 7, 2), [(6, 3, 1, "one", 2), (12, 2, 1, "valid", 1)], (4,), seed=5),
    "inputs": random_model((30, 6), seed=6),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_novelty_is_the_same_in_c_and_numpy_before_and_after_learning(name: str) -> None:
    rng, network = np.random.default_rng(1), NETWORKS[name]
    x = random_samples(rng, network.input, 400)
    y = rng.integers(0, network.n_outputs - 1, 400)
    model = with_head(network, x[:200], y[:200], spare_classes=1)
    head = model.head
    assert head is not None
    assert head.limit > 0
    seen = features(head, *source_values(model, head.source, head.layer, x))
    engine, twin = Engine(dumps(model), learn="counting"), CountingTwin(head)
    for _ in range(2):
        expected = np.array([twin.distance(f) for f in seen], np.float32) / np.float32(head.limit)
        assert np.array_equal(engine.novelty(x), expected)
        engine.partial_fit(x, y + 1)
        for f, label in zip(seen, y, strict=True):
            twin.learn(f, int(label) + 1)


def test_few_samples_that_lie_close_together_have_a_limit_too() -> None:
    rng, y = np.random.default_rng(1), np.arange(30) % 3
    x = rng.integers(50, 200, (3, 20))[y] + rng.integers(0, 2, (30, 20))
    samples = x.astype(np.uint8)
    network = untrained(InputSpec("uint8", (20,), 1.0, 0), (64, 3), samples)
    head = with_head(network, samples, y).head
    assert head is not None
    assert 0 < head.limit < 1e9


def test_the_limit_is_kept_by_nearly_all_samples_at_home() -> None:
    rng, network = np.random.default_rng(1), NETWORKS["sums"]
    x = random_samples(rng, network.input, 2000)
    y = x[:, 0].astype(np.int64) // 64
    x[:, 1:8] = 60 * y[:, None] + x[:, 1:8] // 8
    model = with_head(network, x, y)
    assert model.head is not None
    seen = features(model.head, *source_values(model, model.head.source, model.head.layer, x))
    novelty_ = Engine(dumps(model), learn="counting").novelty(x)
    assert 0.985 <= (novelty_ <= 1).mean() <= 0.998
    at_home = distances(model.head, seen)  # a near tie between two classes may end otherwise
    assert np.isclose(novelty_ * model.head.limit, at_home, rtol=0.01).mean() > 0.9


def test_what_a_head_has_never_seen_is_unknown_on_people_that_it_has_never_seen() -> None:
    made = novelty.measure(seed=11)
    assert made.auroc >= 0.98
    assert made.false_alarms <= 0.05
    assert made.found >= 0.8


def test_a_head_without_a_limit_and_a_network_alone_say_that_they_cannot_know() -> None:
    rng, network = np.random.default_rng(1), NETWORKS["inputs"]
    x, y = random_samples(rng, network.input, 200), rng.integers(0, 6, 200)
    model = with_head(network, x, y)
    assert model.head is not None
    blind = replace(model, head=replace(model.head, limit=0.0))
    assert dumps(loads(dumps(blind))) == dumps(blind)
    for engine in (
        Engine(dumps(blind), learn="counting"),
        Engine(dumps(model), learn="none"),
        Engine(dumps(model), learn="tracking"),
    ):
        with pytest.raises(InputError, match="limit"):
            engine.novelty(x)


@pytest.mark.parametrize("limit", [np.nan, np.inf, -1.0, 1e-9, 1e13])
def test_a_file_with_an_impossible_limit_is_refused(limit: float) -> None:
    rng, network = np.random.default_rng(1), NETWORKS["inputs"]
    x, y = random_samples(rng, network.input, 50), rng.integers(0, 6, 50)
    model = with_head(network, x, y)
    assert model.head is not None
    blob = dumps(model)
    parts = []
    for part in layout.sections(blob, "blob"):
        body = blob[part.offset_bytes : part.offset_bytes + part.length_bytes]
        if part.type == layout.HEAD:
            body = body[:56] + np.float32(limit).tobytes() + body[60:]
        parts.append((part.type, part.critical, body))
    with pytest.raises(CorruptError):
        Engine(layout.assemble(parts, minor=2))
