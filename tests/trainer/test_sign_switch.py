"""Flipping weights by magnitude in a trained network, at a size for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from metabit.trainer.experiments import sign_switch
from metabit.trainer.experiments.sign_switch import Scale, correlations, trained
from metabit.trainer.networks.mlp import BinaryMLP

TINY = Scale(
    data={"name": "digits"},
    hidden=(128,),
    m=1.35,
    epochs=20,
    flips=(200, 30),
    draws=(2, 80),
    samples=1297,
)
Trained = tuple[BinaryMLP, Tensor, Tensor, float]


@pytest.fixture(scope="module")
def network() -> Trained:
    return trained(TINY, 0)


@pytest.fixture
def put_back(network: Trained) -> Iterator[None]:
    """The hidden weights after the test, as they were before."""
    before = {name: value.clone() for name, value in network[0].state_dict().items()}
    yield
    network[0].load_state_dict(before)


def test_the_larger_the_hidden_weights_the_worse_their_flips(network: Trained) -> None:
    model, x, y, accuracy = network
    assert accuracy > 0.85
    found = correlations(TINY, model, x, y, seed=0)
    assert found.numbers["rank_correlation_layer_2"] > 0.85
    assert found.numbers["bins_layer_2"] >= 7
    assert len(found.curves["layer 2"][1]) == found.numbers["bins_layer_2"]
    assert correlations(TINY, model, x, y, seed=0).numbers == found.numbers


def test_shuffled_magnitudes_tell_nothing(network: Trained, put_back: None) -> None:
    model, x, y, _ = network
    weight = model.layers[-1][0].weight
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        order = torch.randperm(weight.numel(), generator=generator)
        sign = torch.where(weight >= 0, 1.0, -1.0)  # the network stays the same function
        weight.copy_(sign * weight.abs().view(-1)[order].view_as(weight))
    assert correlations(TINY, model, x, y, seed=0).numbers["rank_correlation_layer_2"] < 0.6


def test_the_network_is_the_same_afterwards(network: Trained) -> None:
    model, x, y, _ = network
    before = {name: value.clone() for name, value in model.state_dict().items()}
    correlations(TINY, model, x, y, seed=1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_flip_changes_as_many_signs_as_asked_for(network: Trained) -> None:
    linear = network[0].layers[0][0]
    before = linear.weight >= 0
    with torch.no_grad():
        for number, members in sign_switch._large_bins(linear, 200):
            assert number < 15
            with sign_switch._flipped(linear, members[:200]):
                changed = (linear.weight >= 0) != before
                assert changed.sum() == 200
        assert torch.equal(linear.weight >= 0, before)


@pytest.mark.parametrize("scale", ["small", "paper"])
def test_a_scale_has_a_number_for_every_layer(scale: str) -> None:
    wanted = sign_switch.SCALES[scale]
    assert len(wanted.flips) == len(wanted.draws) == len(wanted.hidden) + 1
