"""What a run achieved: pure functions of one accuracy matrix, or of one stream of predictions.

The matrix R has shape (n_tasks, n_tasks). R[i, j] is the accuracy on the test samples of task j
after task i has been learnt, from 0 to 1; it is NaN above the diagonal. Tasks are counted from 0,
and T is their number. Libraries use the same words for different formulas, so every function here
gives its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

Matrix = NDArray[np.float64]
Curve = NDArray[np.float64]


def accuracy(labels: NDArray[Any], truth: NDArray[Any]) -> float:
    """Share of equal entries in two label arrays of shape (n,)."""
    _check_labels(labels, truth)
    return float(np.mean(labels == truth))


def average_accuracy(matrix: Matrix) -> float:
    """ACC: mean accuracy over all tasks at the end of the run.

        ACC = mean over j of R[T-1, j]

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    return float(np.mean(_square(matrix)[-1]))


def accuracy_so_far(matrix: Matrix) -> Curve:
    """Mean accuracy on all tasks seen so far, after each task: shape (n_tasks,).

        A[i] = mean over j <= i of R[i, j]

    The last value is ACC. The mean of all values is known as average incremental accuracy.

    Reference:
        Rebuffi et al. 2017, "iCaRL: incremental classifier and representation learning".
    """
    return np.array([np.mean(row[: i + 1]) for i, row in enumerate(_square(matrix))])


def learning_accuracy(matrix: Matrix) -> float:
    """Plasticity: mean accuracy on each task right after it was learnt.

        LA = mean over j of R[j, j]

    ACC = LA + (T - 1) / T * BWT holds exactly: LA is what a method learns, and BWT is how much of
    that it loses or gains later.

    Reference:
        Riemer et al. 2019, "Learning to learn without forgetting by maximizing transfer and
        minimizing interference".
    """
    return float(np.mean(np.diagonal(_square(matrix))))


def backward_transfer(matrix: Matrix) -> float:
    """BWT: how later tasks changed the accuracy on earlier ones. NaN for one task.

    A value below zero means forgetting.

        BWT = 1 / (T - 1) * sum over j < T-1 of (R[T-1, j] - R[j, j])

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    matrix = _square(matrix)
    if len(matrix) == 1:
        return float("nan")
    return float(np.mean((matrix[-1] - np.diagonal(matrix))[:-1]))


def forgetting(matrix: Matrix) -> float:
    """Average forgetting: how far earlier tasks fell from their best accuracy. NaN for one task.

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


def forward_transfer(ahead: Curve, untrained: Curve) -> float:
    """FWT: what earlier tasks contribute to a task before it is learnt. NaN for one task.

        FWT = 1 / (T - 1) * sum over j > 0 of (R[j-1, j] - b[j])

    Args:
        ahead: R[j-1, j] for j > 0, accuracy on each task just before it is learnt, shape
            (n_tasks - 1,).
        untrained: b, accuracy of the untrained network on each task, shape (n_tasks,).

    Raises:
        InputError: not one value of `untrained` for each task.

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning".
    """
    if ahead.ndim != 1 or untrained.shape != (len(ahead) + 1,):
        raise InputError(
            f"{untrained.shape} accuracies before training, {ahead.shape} before each task but "
            "the first: need n_tasks and n_tasks - 1",
            code="E-SHAPE",
        )
    return float(np.mean(ahead - untrained[1:])) if len(ahead) else float("nan")


def prequential_accuracy(labels: NDArray[Any], truth: NDArray[Any], window: int) -> Curve:
    """Accuracy over a stream in which every sample is predicted before it is learnt.

        P[i] = share of labels[k] == truth[k] over the last `window` samples, k <= i

    The first `window` - 1 values are means over the samples so far. With a window as long as the
    stream, the last value is the prequential accuracy.

    Args:
        labels: predictions in stream order, shape (n,), as `metabit.Engine.learn` returns them.
        truth: true labels, shape (n,).
        window: number of samples, 1 or more. A short window follows changes, a long window is less
            noisy.

    Returns:
        one value per sample, shape (n,), from 0 to 1.

    Raises:
        InputError: `window` is below 1 (E-METRICS).

    Reference:
        Gama, Sebastiao and Rodrigues 2013, "On evaluating stream learning algorithms".
    """
    _check_labels(labels, truth)
    if window < 1:
        raise InputError(f"window = {window}: must be 1 sample or more", code="E-METRICS")
    hits = np.concatenate([[0], np.cumsum(labels == truth)])  # whole numbers: no drift
    ends = np.arange(1, len(hits))
    starts = np.maximum(ends - window, 0)
    return np.asarray((hits[ends] - hits[starts]) / (ends - starts))


def summary(matrix: Matrix, ahead: Curve, untrained: Curve) -> dict[str, float]:
    """All metrics by name: acc, learning_acc, bwt, fwt, forgetting; see their functions."""
    return {
        "acc": average_accuracy(matrix),
        "learning_acc": learning_accuracy(matrix),
        "bwt": backward_transfer(matrix),
        "fwt": forward_transfer(ahead, untrained),
        "forgetting": forgetting(matrix),
    }


def _check_labels(labels: NDArray[Any], truth: NDArray[Any]) -> None:
    if labels.shape != truth.shape or truth.ndim != 1 or len(truth) == 0:
        raise InputError(
            f"{labels.shape} labels for {truth.shape} samples: need as many, at least one",
            code="E-SHAPE",
        )


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
