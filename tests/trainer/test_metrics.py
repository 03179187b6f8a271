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


def test_bwt_is_the_change_since_learning_over_all_but_the_last_task() -> None:
    assert metrics.backward_transfer(MATRIX) == pytest.approx(((0.5 - 0.9) + (0.7 - 0.8)) / 2)


def test_forgetting_is_the_drop_from_the_best_before_the_end() -> None:
    assert metrics.forgetting(MATRIX) == pytest.approx(((0.95 - 0.5) + (0.8 - 0.7)) / 2)


def test_a_task_that_improves_has_negative_forgetting() -> None:
    assert metrics.forgetting(np.array([[0.5, NAN], [0.7, 0.9]])) == pytest.approx(-0.2)


def test_one_task_has_an_accuracy_but_no_transfer() -> None:
    one = np.array([[0.75]])
    assert metrics.average_accuracy(one) == 0.75
    assert math.isnan(metrics.backward_transfer(one))
    assert math.isnan(metrics.forgetting(one))


def test_values_above_the_diagonal_change_nothing() -> None:
    full = np.where(np.isnan(MATRIX), 0.123, MATRIX)
    assert metrics.summary(full) == metrics.summary(MATRIX)


def test_summary_names_all_four() -> None:
    assert set(metrics.summary(MATRIX)) == {"acc", "learning_acc", "bwt", "forgetting"}


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), np.zeros(4), np.zeros((0, 0))])
def test_a_matrix_that_is_not_square_is_refused(matrix: metrics.Matrix) -> None:
    with pytest.raises(InputError, match="n_tasks"):
        metrics.summary(matrix)


def test_an_unfinished_matrix_is_refused() -> None:
    with pytest.raises(InputError, match="finish the run"):
        metrics.summary(np.array([[0.9, NAN], [NAN, NAN]]))


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert metrics.accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 4])) == 0.75
    with pytest.raises(InputError, match="as many"):
        metrics.accuracy(np.array([1]), np.array([1, 2]))
