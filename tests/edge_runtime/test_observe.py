"""Samples without labels: heads see them, with the same bits in C and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.heads import CountingTwin
from metabit.edge_runtime.reference.tracking import TrackingTwin
from metabit.errors import InputError
from metabit.export.container import dumps
from metabit.export.fold import logits_from_scores
from metabit.export.heads.features import features, source_values
from metabit.export.heads.home import with_head

NETWORK = random_model((20, 17, 4), seed=3)


@pytest.mark.parametrize("small", [False, True])
def test_a_counting_head_sees_the_same_in_c_and_numpy(small: bool) -> None:
    rng = np.random.default_rng(1)
    x, y = random_samples(rng, NETWORK.input, 500), rng.integers(0, 4, 500)
    model = with_head(NETWORK, x[:200], y[:200] % 3, spare_classes=1)
    head = model.head
    assert head is not None
    seen = features(head, *source_values(model, head.source, head.layer, x))
    engine = Engine(dumps(model), learn="counting-small" if small else "counting")
    twin = CountingTwin(head, small=small)
    before = engine.save_state()
    engine.observe(x[200:400])
    for f in seen[200:400]:
        twin.observe(f)
    assert engine.save_state() != before
    engine.partial_fit(x[400:], y[400:])
    for f, label in zip(seen[400:], y[400:], strict=True):
        twin.learn(f, int(label))
    expected = np.stack([twin.scores(f) for f in seen[:50]])
    assert np.array_equal(logits_from_scores(engine.scores(x[:50])), expected)
    assert engine.status().n_steps == 100


def test_a_tracking_head_measures_what_it_sees() -> None:
    x = random_samples(np.random.default_rng(1), NETWORK.input, 100)
    engine, twin = Engine(dumps(NETWORK), learn="tracking"), TrackingTwin(NETWORK)
    values, logits = twin.see(x)
    engine.observe(x[:70])
    for value in values[:70]:
        twin.measure(value)
    said = engine.learn(x[70:], np.arange(30) % 4)
    expected = [
        int(twin.learn(value, logit, i % 4).argmax())
        for i, (value, logit) in enumerate(zip(values[70:], logits[70:], strict=True))
    ]
    assert said.tolist() == expected


def test_layers_learn_nothing_without_labels_and_say_so() -> None:
    with pytest.raises(InputError, match="only a head"):
        Engine(dumps(NETWORK), learn="all").observe(np.zeros((1, 20), np.uint8))
