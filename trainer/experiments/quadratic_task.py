"""Binary weights on a quadratic loss: a large hidden weight is one whose sign matters.

    L(b) = 1/2 (b - target)^T H (b - target),    b = sign(h)

No binary b reaches the minimum, so the gradient at b never vanishes. The hidden weights h therefore
keep growing, each in proportion to how much the loss needs its sign. In the end, the loss increase
of flipping a sign rises with the size of its hidden weight. That is why a rule that uses only this
size can protect what matters.

Reference:
    Laborieux et al. 2021, figure 5 a and b, with its constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from metabit.trainer.experiments.magnitude_bins import bin_means, rank_correlation
from metabit.trainer.experiments.outcome import Outcome
from metabit.trainer.optim import MetaplasticSGD

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The loss, and the start of learning.

    Attributes:
        curvature: H, positive definite, shape (d, d).
        target: the minimum over real weights, shape (d,).
        start: initial hidden weights, shape (d,).
        lr: learning rate.
        steps: steps of gradient descent.
    """

    curvature: Floats
    target: Floats
    start: Floats
    lr: float
    steps: int

    def loss(self, binary: Floats) -> float:
        """L(b) of weights of +1 and -1, shape (d,)."""
        away = binary - self.target
        return float(away @ self.curvature @ away / 2)

    def flip_costs(self, binary: Floats) -> Floats:
        """How much the loss grows when the sign of a weight is flipped, for each weight, (d,)."""
        gradient = self.curvature @ (binary - self.target)
        costs: Floats = -2 * binary * gradient + 2 * np.diag(self.curvature)
        return costs


def two_weights() -> Quadratic:
    """Figure 5a: two weights, of which the first matters more."""
    return Quadratic(
        curvature=np.array([[2.4047, 0.2158], [0.2158, 0.7733]]),
        target=np.array([1.5, 0.5]),
        start=np.array([0.01, 0.02]),
        lr=0.35,
        steps=500,
    )


def many_weights(seed: int, d: int = 500) -> Quadratic:
    """Figure 5b: random curvatures along random directions."""
    generator = np.random.default_rng(seed)
    directions, triangle = np.linalg.qr(generator.normal(size=(d, d)))
    directions *= np.sign(np.diag(triangle))  # uniform over all orthogonal matrices
    curvatures = generator.uniform(10.5, 29.5, d)
    return Quadratic(
        curvature=(directions * curvatures) @ directions.T,
        target=generator.uniform(-4, 4, d),
        start=0.01 * generator.normal(size=d),
        lr=0.01,
        steps=1000,
    )


def learn(task: Quadratic, m: float = 0.0) -> Floats:
    """Hidden weights after gradient descent with the gradient at their signs, shape (d,)."""
    hidden = torch.nn.Parameter(torch.from_numpy(task.start.copy()))
    curvature, target = torch.from_numpy(task.curvature), torch.from_numpy(task.target)
    optimizer = MetaplasticSGD([hidden], lr=task.lr, m=m)
    for _ in range(task.steps):
        hidden.grad = curvature @ (_signs(hidden.detach()) - target)
        optimizer.step()
    learnt: Floats = hidden.detach().numpy()
    return learnt


def _signs(hidden: torch.Tensor) -> torch.Tensor:
    return torch.where(hidden >= 0, 1.0, -1.0).to(hidden.dtype)


def measure(seed: int, scale: str) -> Outcome:
    """Rank correlations of a weight's magnitude with the cost of flipping its sign.

    Args:
        seed: seed of the curvatures, the target and the start.
        scale: makes no difference here, because both scales take a second.

    Returns:
        rank_correlation: over 15 bins of magnitude, with the mean cost of each bin.
        rank_correlation_metaplastic: the same, learnt with m = 1.35.
        rank_correlation_weights: over single weights.
        rank_correlation_shuffled: over bins, with shuffled magnitudes; near 0.
        two_weights_agree: 1 if the larger of the two weights of figure 5a is also the one with the
            larger cost, and 0 otherwise.
        The curves of the first, the second and the fourth number.
    """
    task = many_weights(seed)
    hidden = learn(task)
    costs = task.flip_costs(np.where(hidden >= 0, 1.0, -1.0))
    protected = learn(task, m=1.35)
    protected_costs = task.flip_costs(np.where(protected >= 0, 1.0, -1.0))
    shuffled = np.random.default_rng([seed, 1]).permutation(hidden)
    pair = two_weights()
    two = learn(pair)
    costlier = np.argmax(pair.flip_costs(np.where(two >= 0, 1.0, -1.0)))
    curves = {
        "plain": bin_means(hidden, costs),
        "metaplastic": bin_means(protected, protected_costs),
        "shuffled": bin_means(shuffled, costs),
    }
    numbers = {
        "rank_correlation": rank_correlation(*curves["plain"]),
        "rank_correlation_metaplastic": rank_correlation(*curves["metaplastic"]),
        "rank_correlation_weights": rank_correlation(np.abs(hidden), costs),
        "rank_correlation_shuffled": rank_correlation(*curves["shuffled"]),
        "two_weights_agree": float(np.argmax(np.abs(two)) == costlier),
    }
    return Outcome(numbers, curves)
