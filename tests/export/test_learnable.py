"""A network that only predicted learns on: the same bits, and then better ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_samples
from helpers.random_networks import conv_models, dense_models
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export import container
from metabit.export.golden import model_scores, run
from metabit.export.learnable import learnable
from metabit.export.repack import with_state
from metabit.export.spec import InputSpec, Model, Norm
from metabit.export.states import state_image
from metabit.export.untrained import untrained
from metabit.trainer.data.dataset import DataSet


def predicting(model: Model) -> Model:
    """As an import makes it: without hidden normalisation and hidden weights."""
    layers = [replace(layer, norms=()) for layer in model.layers[:-1]]
    return replace(model, layers=(*layers, model.layers[-1]), learn=None, golden=None)


@settings(max_examples=40, deadline=None)
@given(model=st.one_of(dense_models(), conv_models()), seed=st.integers(0, 99))
def test_every_bit_and_score_stays_what_it_is(model: Model, seed: int) -> None:
    """Scales of both signs and zeros, banks, pooling; in the engine that learns, too."""
    before = predicting(model)
    x = random_samples(np.random.default_rng(seed), model.input, 24)
    after = learnable(before, x[:12])
    blob = container.dumps(after)
    for bank in range(model.n_banks):
        bits, scores = run(before, x, bank)
        for ours, theirs in zip(run(after, x, bank)[0], bits, strict=True):
            assert np.array_equal(ours, theirs)
        engine = Engine(blob, bank=bank, learn="all")
        assert np.array_equal(engine.scores(x), scores)


def test_a_plain_scale_and_shift_gets_statistics(digits: DataSet) -> None:
    """Scores of Norm(0, 1, scale, shift) are the same up to rounding, and have a variance."""
    model, x, _ = trained(digits)
    head = model.layers[-1]
    norm = head.norms[0]
    inverse = 1 / np.sqrt(norm.var.astype(np.float64) + model.eps)
    scale = (inverse * norm.gamma).astype(np.float32)
    shift = (norm.beta - norm.mean * inverse * norm.gamma).astype(np.float32)
    plain = Norm(np.zeros_like(scale), np.ones_like(scale), scale, shift)
    before = replace(model, layers=(*model.layers[:-1], replace(head, norms=(plain,))))
    after = learnable(before, x[:200])
    assert np.all(after.layers[-1].norms[0].var > 2)
    agree = model_scores(after, x).argmax(axis=1) == model_scores(before, x).argmax(axis=1)
    assert agree.mean() > 0.99


def trained(digits: DataSet) -> tuple[Model, NDArray[Any], NDArray[Any]]:
    """A network that has learnt half of the digits, made to predict only."""
    x, y = digits.train.x.reshape(len(digits.train), -1), digits.train.y
    blob = container.dumps(untrained(InputSpec("uint8", (8, 8)), (64, 10), x[:200]))
    engine = Engine(blob, learn="all")
    for _ in range(3):
        engine.learn(x[y < 5], y[y < 5])
    model = container.loads(blob)
    state = state_image.loads(engine.save_state(), model, state_image.model_id(blob))
    return predicting(with_state(model, state)), x, y


def test_it_learns_classes_that_it_did_not_know(digits: DataSet) -> None:
    model, x, y = trained(digits)
    test, truth = digits.test.x.reshape(len(digits.test), -1), digits.test.y
    engine = Engine(container.dumps(learnable(model, x[:200])), learn="all", step_levels=0.1)
    before = (engine.predict(test) == truth).mean()
    for _ in range(3):
        engine.learn(x, y)
    assert (engine.predict(test) == truth).mean() > before + 0.2


def test_what_cannot_be_made_to_learn_is_refused(digits: DataSet) -> None:
    model, x, _ = trained(digits)
    able = learnable(model, x[:50])
    for bad, samples in ((able, x), (model, x[:1])):
        with pytest.raises(InputError, match="cannot be made to learn") as refused:
            learnable(bad, samples)
        assert refused.value.code == "E-LEARNABLE"
