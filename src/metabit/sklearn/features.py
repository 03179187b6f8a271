"""Real features as the 8-bit samples of a network, in a way that a device repeats bit for bit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import quantize_input
from metabit.export.spec import FrontEnd, InputSpec, Model
from metabit.export.windows import samples_of_recording
from metabit.trainer.data.own.counts import units_of
from metabit.trainer.frontend import Operations, fit, fit_first_rows, to_counts
from metabit.trainer.frontend.first_rows import STEPS
from metabit.trainer.frontend.front_end import COUNT_LIMIT, FEATURE_UNIT, MAX_CHANNELS, Log

Real = NDArray[np.float64]

_MOST_LOST = 0.1
"""Deviation of what rounding takes from a feature, as a share of its own, that goes unmentioned."""


@dataclass(frozen=True, eq=False)
class RealFeatures:
    """How real features become samples.

    Up to 256 features pass a front end, which gives each of them a scale of its own. More of them
    share one scale, as pixels and spectra do.

    Attributes:
        spec: the input of the network.
        front_end: the scales of each feature; None where all share the scale of `spec`.
    """

    spec: InputSpec
    front_end: FrontEnd | None

    @classmethod
    def of(cls, x: Real, *, more_to_come: bool = False, log: Log = "none") -> RealFeatures:
        """Scales that suit these rows, shape (n, n_features), finite.

        Args:
            x: the rows.
            more_to_come: they are the first of a stream, so scales leave room.
            log: whether logarithms stand beside the values, or in their place.

        Warns:
            UserWarning: a feature varies too little, for its size, to be told apart in 16 bits.
        """
        n_features = x.shape[1]
        if n_features > MAX_CHANNELS:
            return cls(_one_scale(x), None)
        if more_to_come:
            front_end = fit_first_rows(x)
        else:
            units = units_of(x)
            does = Operations(n_features, length=1, hop=1, statistics=("mean",), log=log)
            front_end = fit(to_counts(x, units)[0][:, np.newaxis], does, units)
        units, steps = front_end.unit, STEPS if more_to_come else FEATURE_UNIT
        counts = to_counts(x, units)[0].astype(np.int64)
        rounded = np.where(np.abs(counts) < COUNT_LIMIT, counts * units.astype(np.float64), x)
        coarse = np.flatnonzero((rounded - x).std(axis=0) > _MOST_LOST * x.std(axis=0))
        if len(coarse):
            warnings.warn(
                f"features {coarse[:5].tolist()} vary too little for their size: 16 bits cannot "
                "hold them, so subtract their mean first, with StandardScaler for example",
                stacklevel=4,
            )
        return cls(InputSpec("int8", (front_end.does.n_features,), 1 / steps, 0), front_end)

    def samples(self, x: Real) -> NDArray[Any]:
        """Rows as samples, shape (n, n_features), of the type that `spec` says."""
        if self.front_end is None:
            return quantize_input(x, self.spec, "X")
        return samples_of_recording(x, self.front_end, "X")

    def put_before(self, model: Model) -> Model:
        """The model of a network of these samples, for rows of real features."""
        return replace(model, front_end=self.front_end)


def _one_scale(x: Real) -> InputSpec:
    """The input of features that share a unit: from 0 up if none is negative."""
    largest = max(float(np.abs(x).max()), 1e-30)
    if x.min() >= 0:
        return InputSpec("uint8", (x.shape[1],), largest / 255, 0)
    return InputSpec("int8", (x.shape[1],), largest / 127, 0)
