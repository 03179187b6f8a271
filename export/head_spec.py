"""What a head is that learns from one sample to the next, as plain dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

HeadSource = Literal["inputs", "sums", "ones"]

MAX_FEATURES = 192
MAX_CLASSES = 256


@dataclass(frozen=True)
class CountingHead:
    """A head that learns from one sample to the next and keeps what it was ever taught.

    It is a linear discriminant on running counts: a mean of features per class, and one matrix of
    products of deviations for all classes (docs/LEARNING.md). n is the number of features.

    Attributes:
        source: what features are made of: the values of a sample, the sums of a dense hidden layer,
            or the number of positions of each channel of a convolution that are +1.
        layer: index of that layer, 0 for "inputs".
        centre, gain: shape (n_source,), float32; a value v becomes round((v - centre) * gain).
        n_units: features made of them.
        folds: whether the size of another value is added to each of them.
        n_scores: features that are the network's own logits: 0, or all of them.
        counts, fed: shape (n_classes,), uint16, samples of each class, and of these in `products`.
        means, weights: shape (n_classes, n), int16; in 1/128 of a feature's step, and in `scale`.
        products: shape (n * (n + 1) / 2,), int32 of 24 bits, the upper triangle row after row.
        n_products: samples in the products.
        scale: a power of two.
        cap, every: samples that a class counts at most, and after which weights are solved for.
        still: a sample nearer to the one before it than 1/still of what two samples of one class
            differ by is not learnt; 0 learns every sample.
        ridge: added to the diagonal, as a share of its mean.
        prior: weight of the logarithm of a class's count in its score.
        limit: squared distance from the mean of its class beyond which a sample is of no class that
            the head knows; 0 where that is not said.
        answers: whether it answers in place of the last layer where nobody says what answers.
        bonus: shape (n_classes,), float32, added to scores: classes that were known at home come
            before those that a device has met; None where all are alike.
    """

    source: HeadSource
    layer: int
    centre: NDArray[np.float32]
    gain: NDArray[np.float32]
    n_units: int
    folds: bool
    n_scores: int
    counts: NDArray[np.uint16]
    fed: NDArray[np.uint16]
    means: NDArray[np.int16]
    weights: NDArray[np.int16]
    products: NDArray[np.int32]
    n_products: int
    scale: float
    cap: int = 2000
    every: int = 256
    still: int = 128
    ridge: float = 0.01
    prior: float = 1.0
    limit: float = 0.0
    answers: bool = False
    bonus: NDArray[np.float32] | None = None

    @property
    def n_features(self) -> int:
        """Features that a sample is seen as."""
        return self.n_units + self.n_scores

    @property
    def n_classes(self) -> int:
        """Classes, those without samples too."""
        return len(self.counts)


@dataclass(frozen=True)
class TrackingHead:
    """A tracking head that has learnt, of d values, k classes, h hidden units (docs/LEARNING.md).

    Attributes:
        n_units, n_classes: h and k; classes without samples too.
        dither, n_measured: counter of the rounding of weights; samples that its scaling has seen.
        values: shape (4 + 2 * (d + k + k * d),), float32, in the order of docs/FORMAT.md.
        weights: shape (h * n + 2 * k * (n + h),) with n = 2 * d + 1, int16: units, quick, slow.
        answers: whether it answers in place of the last layer where nobody says what answers.
    """

    n_units: int
    n_classes: int
    dither: int
    n_measured: int
    values: NDArray[np.float32]
    weights: NDArray[np.int16]
    answers: bool = True
