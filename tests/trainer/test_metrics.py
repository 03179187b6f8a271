"""Metrics on matrices small enough to compute by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metabit import InputError
from metabit.trainer import metrics

NAN = math.nan
# Task 1 goes 0.9, 0.95, 0.5; task 2 goes 0.8, 0.7; task 3 has just been learnt at 0.6.
MATRIX = np.array([[0.9, NAN, NAN], [0.95, 0.8, NAN], [0.5, 0.7, 0.6]])


def test_acc_is_the_mean_of_the_last_row() -> None:
    assert metrics.average_accuracy(MATRIX) == pytest.approx((0.5 + 0.7 + 0.6) / 3)


def test_learning_accuracy_is_the_mean_of_the_diagonal() -> None:
    assert metrics.learning_accuracy(MATRIX) == pytest.approx((0.9 + 0.8 + 0.6) / 3)


def test_accuracy_so_far_is_the_mean_of_each_row_up_to_the_diagonal() -> None:
    expected = [0.9, (0.95 + 0.8) / 2, (0.5 + 0.7 + 0.6) / 3]
    assert metrics.accuracy_so_far(MATRIX) == pytest.approx(expected)


def test_acc_is_what_was_learnt_plus_what_happened_to_it_later() -> None:
    kept = metrics.learning_accuracy(MATRIX) + 2 / 3 * metrics.backward_transfer(MATRIX)
    assert metrics.average_accuracy(MATRIX) == pytest.approx(kept)


def test_bwt_is_the_change_since_learning_over_all_but_the_last_task() -> None:
    assert metrics.backward_transfer(MATRIX) == pytest.approx(((0.5 - 0.9) + (0.7 - 0.8)) / 2)


def test_forgetting_is_the_drop_from_the_best_before_the_end() -> None:
    assert metrics.forgetting(MATRIX) == pytest.approx(((0.95 - 0.5) + (0.8 - 0.7)) / 2)


def test_a_task_that_improves_has_negative_forgetting() -> None:
    assert metrics.forgetting(np.array([[0.5, NAN], [0.7, 0.9]])) == pytest.approx(-0.2)


# The same run, measured ahead too: task 2 stood at 0.3 before it was learnt, task 3 at 0.25.
AHEAD = np.array([0.3, 0.25])


def test_fwt_is_the_gain_over_an_untrained_network_just_before_learning() -> None:
    untrained = np.array([0.7, 0.1, 0.2])  # the first task has nothing before it: 0.7 is not used
    expected = ((0.3 - 0.1) + (0.25 - 0.2)) / 2
    assert metrics.forward_transfer(AHEAD, untrained) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [np.zeros(2), np.zeros((3, 1)), np.zeros(())])
def test_a_reference_needs_one_value_a_task(wrong: metrics.Curve) -> None:
    with pytest.raises(InputError, match="need n_tasks and n_tasks - 1"):
        metrics.forward_transfer(AHEAD, wrong)


def test_one_task_has_an_accuracy_but_no_transfer() -> None:
    one = np.array([[0.75]])
    assert metrics.average_accuracy(one) == 0.75
    assert math.isnan(metrics.backward_transfer(one))
    assert math.isnan(metrics.forgetting(one))
    assert math.isnan(metrics.forward_transfer(np.zeros(0), np.array([0.1])))


def test_values_above_the_diagonal_change_nothing() -> None:
    full = np.where(np.isnan(MATRIX), 0.123, MATRIX)
    for metric in (metrics.average_accuracy, metrics.forgetting, metrics.backward_transfer):
        assert metric(full) == metric(MATRIX)


def test_summary_names_all_five() -> None:
    names = set(metrics.summary(MATRIX, AHEAD, np.zeros(3)))
    assert names == {"acc", "learning_acc", "bwt", "fwt", "forgetting"}


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), np.zeros(4), np.zeros((0, 0))])
def test_a_matrix_that_is_not_square_is_refused(matrix: metrics.Matrix) -> None:
    with pytest.raises(InputError, match="n_tasks"):
        metrics.average_accuracy(matrix)


def test_an_unfinished_matrix_is_refused() -> None:
    with pytest.raises(InputError, match="finish the run"):
        metrics.average_accuracy(np.array([[0.9, NAN], [NAN, NAN]]))


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert metrics.accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 4])) == 0.75
    with pytest.raises(InputError, match="as many"):
        metrics.accuracy(np.array([1]), np.array([1, 2]))


LABELS, TRUTH = np.array([1, 0, 2, 2, 0, 1]), np.array([1, 1, 2, 2, 1, 1])  # right: 1 0 1 1 0 1


def test_prequential_accuracy_is_the_mean_of_the_last_window() -> None:
    expected = [1 / 1, 1 / 2, 2 / 3, 2 / 3, 2 / 3, 2 / 3]
    assert metrics.prequential_accuracy(LABELS, TRUTH, 3) == pytest.approx(expected)
    assert metrics.prequential_accuracy(LABELS, TRUTH, 1).tolist() == [1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("window", [6, 7, 10**9])
def test_a_window_of_the_whole_stream_ends_at_the_plain_accuracy(window: int) -> None:
    curve = metrics.prequential_accuracy(LABELS, TRUTH, window)
    assert curve[-1] == metrics.accuracy(LABELS, TRUTH)
    assert curve == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 4 / 6])


def test_a_prequential_accuracy_needs_samples_and_a_window() -> None:
    with pytest.raises(InputError, match="window = 0"):
        metrics.prequential_accuracy(LABELS, TRUTH, 0)
    for labels, truth in ((LABELS[:2], TRUTH), (LABELS[:0], TRUTH[:0])):
        with pytest.raises(InputError, match="as many"):
            metrics.prequential_accuracy(labels, truth, 3)
