"""Outputs as points in space: the triplet loss, the nearest point, and facts of digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabit.trainer.data.dataset import Split
from metabit.trainer.experiments import facts
from metabit.trainer.networks.embedding import Embedding

POINTS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])


def test_the_loss_is_what_is_lacking_to_the_margin() -> None:
    outputs = Embedding(POINTS, [(0, 1, 2)], margin=0.5)
    given = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 1.0]])
    # Squared distances to the own and to the nearest other point: 0 and 1; 1/4 twice; 2 and 1.
    losses = outputs.loss(given, torch.tensor([0, 1, 2]), reduction="none")
    torch.testing.assert_close(losses, torch.tensor([0.0, 0.5, 1.5]))
    mean = outputs.loss(given, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(mean, losses.mean())


def test_samples_are_kept_away_from_points_of_the_present_task_alone() -> None:
    outputs = Embedding(POINTS, [(0, 2), (1, 2)], margin=0.5)
    near_the_second = torch.tensor([[0.9, 0.0]])
    first = outputs.loss(near_the_second, torch.tensor([0]))
    assert first == 0  # the point at (1, 0) is not known yet
    outputs.start_task(1)
    second = outputs.loss(near_the_second, torch.tensor([2]))
    torch.testing.assert_close(second, torch.tensor(0.5 + 0.81 + 4 - 0.01))


def test_the_nearest_of_some_points_is_said() -> None:
    outputs = Embedding(POINTS, [(0, 1, 2)])
    given = torch.tensor([[0.9, 0.1], [0.1, 0.4]])
    assert outputs.nearest(given, torch.arange(3)).tolist() == [1, 0]
    assert outputs.nearest(given, torch.tensor([0, 2])).tolist() == [0, 0]


def test_a_fact_is_a_digit_and_how_far_it_is_turned() -> None:
    x = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    seen, numbers = facts.facts(Split(x, np.array([7, 1], dtype=np.uint8)))
    assert numbers.tolist() == [28, 4, 29, 5, 30, 6, 31, 7]
    assert seen[2].tolist() == np.rot90(x[0]).ravel().tolist()
    points = facts.points(seed=0)
    assert torch.equal(points[28, : facts.HALF], points[31, : facts.HALF])  # the same digit
    assert torch.equal(points[30, facts.HALF :], points[6, facts.HALF :])  # turned as far
    assert not torch.equal(points[28], points[30])


def test_every_method_is_asked_for_all_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(facts.SIZES, "small", facts.Extent(150, 12, 1))
    numbers = facts.measure(0, "small").numbers
    for label in (*facts.METHODS, "joint"):
        assert numbers[f"{label}_among_all"] <= min(numbers[label], numbers[f"{label}_state"])
    assert numbers["joint_state"] > 0.3  # a quarter by chance
