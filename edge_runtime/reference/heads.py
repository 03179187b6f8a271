"""The counting head in NumPy: the twin of `src/heads/`, equal to it bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference import arith
from metabit.export.head_spec import CountingHead
from metabit.export.heads.features import round_within
from metabit.export.heads.home import LARGEST_PRODUCT, MEAN_UNIT
from metabit.export.spec import Float32Array, Int8Array

F = np.float32
WEIGHT_LIMIT, WEIGHT_HIGH, WEIGHT_LOW = 32767, 24000, 6000
STEPS, SMALL_ENOUGH = 16, F(1e-12)
SOON, LATER = 4, 32
MOST_SHARE = 2
NEVER = F(-3.0e38)


class CountingTwin:
    """A head that learns.

    Args:
        head: what it knows from home.
        seed: of the rounding of means.
        small: whether the matrix stays as it was at home.
    """

    def __init__(self, head: CountingHead, seed: int = 1, small: bool = False) -> None:
        self.small = small
        n = head.n_features
        self.head = head
        self.counts, self.fed = head.counts.astype(np.int64), head.fed.astype(np.int64)
        self.means, self.weights = head.means.astype(np.int64), head.weights.astype(np.int64)
        upper = np.zeros((n, n), dtype=np.int64)
        upper[np.triu_indices(n)] = head.products
        self.products = upper + np.triu(upper, 1).T
        self.n_products, self.scale = head.n_products, F(head.scale)
        self.dither = arith.Xoshiro(seed).state[0]
        self.n_to_solve, self.n_still = head.every, 0
        self.last = np.full(n, -128, dtype=np.int64)
        self._bias()

    def scores(self, features: Int8Array) -> Float32Array:
        """Scores of one sample, shape (n_classes,), float32."""
        dots = self.weights @ features.astype(np.int64)
        scores: Float32Array = dots.astype(F) * self.scale + self.bias
        return scores

    def distance(self, features: Int8Array) -> np.float32:
        """Squared distance of one sample from the mean of the class that it is said to be of."""
        f, label = features.astype(F), int(self.scores(features).argmax())
        off = f - self.means[label].astype(F) * F(1 / MEAN_UNIT)
        known = self._matrix()
        if known is None:
            return F(0)
        weights = _conjugate_gradients(*known, off, np.zeros_like(off))
        return F(_sum(off * weights))

    def learn(self, features: Int8Array, label: int) -> None:
        """Learn one sample, shape (n_features,)."""
        f = features.astype(np.int64)
        if self._stands_still(f):
            self.n_still += 1
            return
        n = self.counts[label] = min(self.counts[label] + 1, self.head.cap)
        deviations = self._follow_mean(f, label, int(n))
        if n > 1 and self._is_open(label):
            if not self.small:
                self._add_products(deviations)
            self.fed[label] += 1
        self.n_to_solve -= 1
        if self.n_to_solve == 0 or n == SOON or (n == LATER and self.head.cap > LATER):
            self.n_to_solve = self.head.every
            self._solve()
        self._bias()

    def observe(self, features: Int8Array) -> None:
        """See one sample whose class nobody tells, shape (n_features,)."""
        f, label = features.astype(np.int64), int(self.scores(features).argmax())
        full = self.small or self.counts[label] == 0 or not self._is_open(label)
        if self._stands_still(f) or full:
            return
        error = f * MEAN_UNIT - self.means[label]
        self._add_products((error + MEAN_UNIT // 2) // MEAN_UNIT)
        self.fed[label] += 1
        self._bias()

    def _is_open(self, label: int) -> bool:
        """Whether the products take another sample of a class."""
        largest = int(np.delete(self.fed, label).max(initial=0))
        fed = int(self.fed[label])
        return fed < self.head.cap and (largest == 0 or fed < MOST_SHARE * largest)

    def _stands_still(self, f: NDArray[np.int64]) -> bool:
        moved, self.last = int(((f - self.last) ** 2).sum()), f
        spread = int(self.products.diagonal().sum())
        still = self.head.still
        return bool(still and spread > 0 and moved * still * self.n_products <= 2 * spread)

    def _add_products(self, deviations: NDArray[np.int64]) -> None:
        self.products += np.outer(deviations, deviations)
        self.n_products += 1
        if self.products.diagonal().max() > LARGEST_PRODUCT:
            self.products >>= 1
            self.n_products >>= 1

    def _follow_mean(self, f: NDArray[np.int64], label: int, n: int) -> NDArray[np.int64]:
        below_one = np.array([(self._dither() * n) >> 8 for _ in f], dtype=np.int64)
        error = f * MEAN_UNIT - self.means[label]
        moved = self.means[label] + (error + below_one) // n
        self.means[label] = np.clip(moved, -32768, 32767)
        deviations: NDArray[np.int64] = (error + MEAN_UNIT // 2) // MEAN_UNIT
        return deviations

    def _dither(self) -> int:
        self.dither = (self.dither * 1664525 + 1013904223) & 0xFFFFFFFF
        return int(self.dither >> 24)

    def _fit_scale(self) -> None:
        top = int(np.abs(self.weights).max())
        if top > WEIGHT_HIGH and self.scale < 1:
            self.weights, self.scale = self.weights // 2, self.scale * F(2)
        elif top < WEIGHT_LOW and self.scale > 2.0**-40:
            self.weights, self.scale = self.weights * 2, self.scale * F(0.5)

    def _solve(self) -> None:
        """Weights of all classes with samples, by conjugate gradients from those before."""
        known = self._matrix()
        if known is None:
            return
        matrix, own = known
        self._fit_scale()
        for c in np.flatnonzero(self.counts > 0):
            mean = self.means[c].astype(F) * F(1 / MEAN_UNIT)
            weights = _conjugate_gradients(
                matrix, own, mean, self.weights[c].astype(F) * self.scale
            )
            self.weights[c] = round_within(weights / self.scale, WEIGHT_LIMIT)

    def _matrix(self) -> tuple[Float32Array, Float32Array] | None:
        """What weights are solved with, (n, n), and its diagonal; None while nothing is known."""
        diagonal, n = self.products.diagonal(), self.head.n_features
        spread = int(diagonal.sum())
        if self.n_products == 0 or spread <= 0:
            return None
        share = F(1) / F(self.n_products)
        ridge = F(self.head.ridge) * (F(spread) * share / F(n))
        matrix = self.products.astype(F) * share
        own = diagonal.astype(F) * share + ridge
        np.fill_diagonal(matrix, own)
        return matrix, own

    def _bias(self) -> None:
        """Of all classes; the C core computes those anew that have changed."""
        dots = (self.weights * self.means).sum(axis=1).astype(F)
        unit = self.scale * F(-0.5 / MEAN_UNIT)
        seen = np.minimum(self.counts, self.fed + 1)
        logs = np.array([_log_of_count(max(int(n), 1)) for n in seen], dtype=F)
        known = dots * unit + F(self.head.prior) * logs
        if self.head.bonus is not None:
            known = known + self.head.bonus
        answers = (self.counts > 0) & self.weights.any(axis=1)
        self.bias: Float32Array = np.where(answers, known, NEVER).astype(F)


def _log_of_count(n: int) -> np.float32:
    """ln(n) by straight lines between powers of two, at most 0.06 too small."""
    e = n.bit_length() - 1
    power = F(1 << e)
    return (F(e) + F(n - (1 << e)) / power) * F(0.6931472)


def _sum(values: Float32Array) -> Float32Array:
    """Sums along the last axis, one number after the other."""
    total: Float32Array = np.add.accumulate(values, axis=-1, dtype=F)[..., -1]
    return total


def _conjugate_gradients(
    matrix: Float32Array, own: Float32Array, mean: Float32Array, w: Float32Array
) -> Float32Array:
    """A solution of matrix w = mean, from the w given: shapes (n, n), (n,), (n,), (n,)."""
    r = mean - _sum(matrix * w)
    p = r / own
    rz = _sum(r * p)
    for _ in range(STEPS):
        if not rz > SMALL_ENOUGH:
            break
        q = _sum(matrix * p)
        along = rz / _sum(p * q)
        w, r = w + along * p, r - along * q
        z = r / own
        after = _sum(r * z)
        p, rz = z + (after / rz) * p, after
    return w
