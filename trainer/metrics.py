"""What a run on several tasks achieved: pure functions of one accuracy matrix.

The matrix R has shape (n_tasks, n_tasks). R[i, j] is the accuracy on the test samples of task j
after task i has been learnt, from 0 to 1; it is NaN where it was not measured (above the diagonal).
The same words mean different formulas in different libraries: the ones used here stand below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

Matrix = NDArray[np.float64]


def accuracy(labels: NDArray[Any], truth: NDArray[Any]) -> float:
    """Share of equal entries of two label arrays of shape (n,)."""
    if labels.shape != truth.shape or len(truth) == 0:
        raise InputError(
            f"{labels.shape} labels for {truth.shape} samples: need as many, at least one",
            code="E-SHAPE",
        )
    return float(np.mean(labels == truth))


def average_accuracy(matrix: Matrix) -> float:
    """ACC: mean accuracy over all tasks at the end of the run.

        ACC = mean over j of R[T-1, j]

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    return float(np.mean(_square(matrix)[-1]))


def learning_accuracy(matrix: Matrix) -> float:
    """Mean accuracy on each task right after it was learnt: what rigidity costs.

    mean over j of R[j, j]
    """
    return float(np.mean(np.diagonal(_square(matrix))))


def backward_transfer(matrix: Matrix) -> float:
    """BWT: how later tasks changed earlier ones; below zero is forgetting. NaN for one task.

        BWT = 1 / (T - 1) * sum over j < T-1 of (R[T-1, j] - R[j, j])

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    matrix = _square(matrix)
    if len(matrix) == 1:
        return float("nan")
    return float(np.mean((matrix[-1] - np.diagonal(matrix))[:-1]))


def forgetting(matrix: Matrix) -> float:
    """Mean drop of the earlier tasks from their best accuracy so far. NaN for one task.

        F = 1 / (T - 1) * sum over j < T-1 of (max over j <= i < T-1 of R[i, j]  -  R[T-1, j])

    Reference:
        Chaudhry et al. 2018, "Riemannian walk for incremental learning".
    """
    matrix = _square(matrix)
    n_tasks = len(matrix)
    if n_tasks == 1:
        return float("nan")
    drops = [matrix[j:-1, j].max() - matrix[-1, j] for j in range(n_tasks - 1)]
    return float(np.mean(drops))


def summary(matrix: Matrix) -> dict[str, float]:
    """All metrics by name: acc, learning_acc, bwt, forgetting."""
    return {
        "acc": average_accuracy(matrix),
        "learning_acc": learning_accuracy(matrix),
        "bwt": backward_transfer(matrix),
        "forgetting": forgetting(matrix),
    }


def _square(matrix: Matrix) -> Matrix:
    """The matrix, if it is square and measured on and below the diagonal."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise InputError(
            f"accuracy matrix of shape {matrix.shape}: must be (n_tasks, n_tasks)", code="E-SHAPE"
        )
    if np.isnan(matrix[np.tril_indices(len(matrix))]).any():
        raise InputError(
            "accuracy matrix lacks values on or below its diagonal: finish the run first",
            code="E-METRICS",
        )
    return matrix
