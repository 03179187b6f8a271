"""The paper's claim that magnitude tells importance, where it can be computed exactly."""

from __future__ import annotations

import numpy as np
import pytest

from metabit.trainer.experiments import magnitude_bins, quadratic_task
from metabit.trainer.experiments.magnitude_bins import rank_correlation


def test_bins_have_equal_widths_up_to_the_largest() -> None:
    hidden = np.array([0.0, 0.09, -0.11, 0.55, -1.0])
    assert magnitude_bins.magnitude_bins(hidden, 10).tolist() == [0, 0, 1, 5, 9]
    bins, means = magnitude_bins.bin_means(hidden, np.array([1.0, 3.0, 4.0, 5.0, 6.0]), 10)
    assert bins.tolist() == [0, 1, 5, 9]
    assert means.tolist() == [2.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 15.0], 0.5),
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        ([1.0, 5.0, 25.0], [0.1, 0.2, 9.0], 1.0),
        ([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], 0.8660254037844387),  # ties share their mean rank
    ],
)
def test_rank_correlation_of_known_rows(a: list[float], b: list[float], expected: float) -> None:
    found = magnitude_bins.rank_correlation(np.array(a), np.array(b))
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_cost_of_a_flip_is_the_difference_of_two_losses() -> None:
    task = quadratic_task.many_weights(3, d=12)
    binary = np.where(task.start >= 0, 1.0, -1.0)
    for k, cost in enumerate(task.flip_costs(binary)):
        flipped = binary.copy()
        flipped[k] *= -1
        assert cost == pytest.approx(task.loss(flipped) - task.loss(binary), rel=1e-9)


def test_directions_of_curvature_are_orthogonal() -> None:
    values = np.linalg.eigvalsh(quadratic_task.many_weights(0).curvature)
    assert 10.5 <= values.min() < 11
    assert 29 < values.max() <= 29.5


@pytest.mark.parametrize("seed", range(3))
def test_flipping_costs_more_the_larger_the_hidden_weight(seed: int) -> None:
    outcome = quadratic_task.measure(seed, "small")
    found = outcome.numbers
    assert found["rank_correlation"] > 0.9
    assert found["rank_correlation_metaplastic"] > 0.9
    assert found["rank_correlation_weights"] > 0.9
    assert found["two_weights_agree"] == 1
    assert abs(found["rank_correlation_shuffled"]) < 0.75
    assert quadratic_task.measure(seed, "paper").numbers == found
    assert rank_correlation(*outcome.curves["metaplastic"]) > 0.9


def test_weights_that_did_not_learn_tell_nothing() -> None:
    task = quadratic_task.many_weights(0)
    costs = task.flip_costs(np.where(task.start >= 0, 1.0, -1.0))
    assert abs(magnitude_bins.rank_correlation(np.abs(task.start), costs)) < 0.3
