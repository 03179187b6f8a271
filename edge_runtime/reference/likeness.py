"""How well a sample fits what a context has seen: the twin of `src/rule/likeness.c`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference.arith import Counter, log, pow2, running_mean
from metabit.edge_runtime.reference.rule import MOST_COUNTED
from metabit.export.spec import Float32Array, Int64Array
from metabit.export.states.context_image import LikenessImage, n_sums

F = np.float32

LEAST_COMPARED, FIRST_JUDGED = 20, 100
SLOWEST_MEAN, SLOWEST_VARIANCE, SLOWEST_USUAL = 500, 2000, 1000
LEAST_SPREAD, LEAST_VARIANCE = F(1e-6), F(1)


class Sums:
    """Up to 128 sums of inputs, each input with a sign of its own.

    Inputs take their turns over the sums, and each round begins at another one.

    Args:
        n_inputs: values of a sample.
        zero_point: the value that means zero.
    """

    def __init__(self, n_inputs: int, zero_point: int) -> None:
        words = Counter(0).ahead(-(-n_inputs // 32))
        bits = (words[:, None] >> np.arange(32)) & 1
        self.signs = np.where(bits.reshape(-1)[:n_inputs] == 1, 1, -1).astype(np.int64)
        n = n_sums(n_inputs)
        starts = Counter(1).ahead(-(-n_inputs // n)).astype(np.uint64) * n >> 32
        self.to = (np.repeat(starts.astype(np.int64), n)[:n_inputs] + np.arange(n_inputs)) % n
        self.zero_point = zero_point

    def of(self, sample: NDArray[np.generic]) -> Float32Array:
        """Sums of a sample of shape (n_inputs,)."""
        values = (sample.astype(np.int64) - self.zero_point) * self.signs
        totals = np.zeros(n_sums(len(values)), dtype=np.int64)
        np.add.at(totals, self.to, values)
        return totals.astype(F)


class Likeness:
    """What is kept of the samples of one context.

    Args:
        n_outputs: classes.
        n: sums.
    """

    def __init__(self, n_outputs: int, n: int) -> None:
        self.n_varied = self.n_judged = 0
        self.counts: Int64Array = np.zeros(n_outputs, dtype=np.int64)
        self.usual = self.spread = F(0)
        self.variances: Float32Array = np.zeros(n, dtype=F)
        self.means: Float32Array = np.zeros((n_outputs, n), dtype=F)

    @property
    def compares(self) -> bool:
        """Whether enough samples have come to compare one with them."""
        return self.n_varied >= LEAST_COMPARED

    def misfit(self, sums: Float32Array) -> np.float32:
        """How badly sums fit."""
        weights = F(1) / (self.variances + LEAST_VARIANCE)
        off = sums - self.means[self.counts > 0]
        distances = np.zeros(len(off), dtype=F)
        for column in (off * off * weights).T:
            distances = distances + column
        return F(np.append(distances, F(1e15) * F(1e15)).min() + self._log_of_variances())

    def _log_of_variances(self) -> np.float32:
        product, powers = np.ones(1, dtype=F), 0
        for variance in self.variances:
            product = product * (variance + LEAST_VARIANCE)
            exponent = (product.view(np.int32) >> 23) - 127
            product = product * pow2(-exponent)
            powers += int(exponent[0])
        return F(F(powers) * F(0.693147181) + log(product)[0])

    def unusual(self, misfit: np.float32) -> np.float32:
        """How unusual a misfit is, in deviations; 0 until it is known what is usual."""
        if self.n_judged <= FIRST_JUDGED:
            return F(0)
        return F((misfit - self.usual) / max(self.spread, LEAST_SPREAD))

    def follow_sums(self, sums: Float32Array, label: int) -> None:
        """Let means and variances follow a sample of this class."""
        self.counts[label] = min(self.counts[label] + 1, MOST_COUNTED)
        n, off = int(self.counts[label]), sums - self.means[label]
        self.means[label] = running_mean(self.means[label], sums, _rate(n, SLOWEST_MEAN))
        if n > 1:
            self.n_varied = min(self.n_varied + 1, MOST_COUNTED)
            products = off * (sums - self.means[label])
            rate = _rate(self.n_varied, SLOWEST_VARIANCE)
            self.variances = np.maximum(running_mean(self.variances, products, rate), F(0))

    def follow_misfit(self, misfit: np.float32) -> None:
        """Let what is usual follow the misfit of a sample."""
        self.n_judged = min(self.n_judged + 1, MOST_COUNTED)
        rate, size = _rate(self.n_judged, SLOWEST_USUAL), np.abs(misfit - self.usual)
        both = np.array([self.usual, self.spread], dtype=F)
        both = running_mean(both, np.array([misfit, size], dtype=F), rate)
        self.usual, self.spread = both[0], max(both[1], F(0))

    def image(self) -> LikenessImage:
        """What is kept."""
        return LikenessImage(
            self.n_varied, self.n_judged, self.counts, float(self.usual), float(self.spread),
            self.variances, self.means,
        )  # fmt: skip


def _rate(n: int, slowest: int) -> np.float32:
    """Share of the nth value in a mean that is plain at first and fades later."""
    return F(F(1) / F(min(n, slowest)))
