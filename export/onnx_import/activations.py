"""What a layer hands on, as bits: a channel of several values becomes a channel for each step.

A value that takes T even steps up from its lowest is a sum of T bits of -1 and +1, each with a
threshold of its own. So T channels with the same weights stand for it, and the weights of the next
layer are repeated T times. Sums stay what they were, but for a shift and a scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metabit.export.fold import INT32_MIN, find_thresholds
from metabit.export.onnx_import.chain import Float64Array
from metabit.export.spec import BoolArray, Int8Array, Int64Array, Threshold

MOST_STEPS = 15
"""Of one channel: values of 4 bits."""
_CLOSE = 1e-6


@dataclass(frozen=True)
class Activations:
    """The bits of a layer: a channel's value is middle + one * (the sum of its bits, -1 and +1).

    Attributes:
        threshold: of each bit.
        channel: shape (n_bits,), in order: the channel in the graph that each bit belongs to.
        one: what a bit of +1 adds.
        middle: shape (n_channels,).
    """

    threshold: Threshold
    channel: Int64Array
    one: float
    middle: Float64Array

    @property
    def most_steps(self) -> int:
        """Of the channel that has most."""
        return int(np.bincount(self.channel).max())

    def of(self, sums: Int64Array) -> Float64Array:
        """Values of the channels, shape (n, n_channels), for their sums of that shape."""
        spread = sums[:, self.channel]
        bits = np.where((spread >= self.threshold.value) != self.threshold.flip, 1.0, -1.0)
        values = np.repeat(self.middle[None], len(sums), axis=0)
        np.add.at(values.T, self.channel, self.one * bits.T)
        return values

    def ends(self) -> tuple[Float64Array, Float64Array]:
        """The lowest and the highest value of each channel."""
        reach = self.one * np.bincount(self.channel, minlength=len(self.middle))
        return self.middle - reach, self.middle + reach

    def padded_with(self, value: float) -> Activations | None:
        """The same values of bits that are all +1 where every channel has this value.

        Where no sum takes a channel there, bits that never change lie between.

        Returns:
            None where the value is neither above nor below all others, or too many bits away.
        """
        lowest, highest = self.ends()
        above = self._with_fixed((value - highest) / (2 * self.one), is_set=False)
        if above is not None:
            return above
        below = self._with_fixed((lowest - value) / (2 * self.one), is_set=True)
        return None if below is None else below.turned()

    def _with_fixed(self, lacking: Float64Array, *, is_set: bool) -> Activations | None:
        """With so many more bits in each channel, all of them +1 (`is_set`) or -1."""
        n = np.rint(lacking).astype(np.int64)
        if np.abs(lacking - n).max() > _CLOSE or n.min() < 0:
            return None
        channel = np.concatenate([self.channel, np.repeat(np.arange(len(n)), n)])
        if np.bincount(channel).max() > MOST_STEPS:
            return None
        order = np.argsort(channel, kind="stable")
        places = np.concatenate([self.threshold.value, np.full(n.sum(), INT32_MIN, np.int32)])
        flips = np.concatenate([self.threshold.flip, np.full(n.sum(), not is_set)])
        middle = self.middle + n * (-self.one if is_set else self.one)
        return Activations(Threshold(places[order], flips[order]), channel[order], self.one, middle)

    def turned(self) -> Activations:
        """The same values of bits that are turned round: a bit of +1 takes away."""
        flipped = Threshold(self.threshold.value, ~self.threshold.flip)
        return replace(self, threshold=flipped, one=-self.one)

    def repeated(self, signs: Int8Array) -> Int8Array:
        """Weights that read the bits, for weights that read the values, channels innermost."""
        by_channel = signs.reshape(len(signs), -1, len(self.middle))
        return np.ascontiguousarray(by_channel[:, :, self.channel].reshape(len(signs), -1))

    def shift_of_sums(self, signs: Int8Array) -> Float64Array:
        """What the middles add to each sum of weights that read the values, shape (n_out,)."""
        by_channel = signs.reshape(len(signs), -1, len(self.middle)).sum(axis=1, dtype=np.float64)
        return np.asarray(by_channel @ self.middle)


def in_steps(
    values_of: Callable[[Float64Array], Float64Array], n_out: int, acc_max: int
) -> Activations | None:
    """The bits of channels whose values rise, or fall, in a few even steps.

    Args:
        values_of: sums, one per channel, to values; both of shape (n_out,). It rises or falls.
        n_out: channels.
        acc_max: the largest sum.

    Returns:
        None where there are more steps than `MOST_STEPS`, or the steps are no multiples of one.
    """
    ends = np.full(n_out, float(acc_max))
    low, high = values_of(-ends), values_of(ends)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return None
    places, jumps = _jumps(values_of, n_out, acc_max)
    if len(places) > MOST_STEPS or not np.any(jumps):
        return None
    step = _common(jumps[jumps > 0])
    times = np.rint(jumps / step)
    if np.abs(jumps - times * step).max() > _CLOSE * step or times.sum(axis=0).max() > MOST_STEPS:
        return None
    repeats = times.astype(np.int64).T.reshape(-1)
    channel = np.repeat(np.repeat(np.arange(n_out), len(places)), repeats)
    value = np.repeat(places.T.reshape(-1), repeats).astype(np.int32)
    return Activations(Threshold(value, (high < low)[channel]), channel, step / 2, (low + high) / 2)


def _jumps(
    values_of: Callable[[Float64Array], Float64Array], n_out: int, acc_max: int
) -> tuple[Int64Array, Float64Array]:
    """Where values change and by how much, from the lowest sum on: shape (n_jumps, n_out) both.

    Channels that change less often than others have jumps of 0 at the end. There is one more than
    `MOST_STEPS` where values change more often than that.
    """
    ends = np.full(n_out, float(acc_max))
    value, falls = values_of(-ends), values_of(ends) < values_of(-ends)
    places: list[Int64Array] = []
    jumps: list[Float64Array] = []
    while len(places) <= MOST_STEPS:

        def is_beyond(sums: Int64Array, value: Float64Array = value) -> BoolArray:
            found = values_of(sums.astype(np.float64))
            beyond: NDArray[np.bool_] = np.where(falls, found < value, found > value)
            return beyond

        place = find_thresholds(is_beyond, n_out, acc_max).value.astype(np.int64)
        changes = place != INT32_MIN
        if not changes.any():
            break
        after = np.where(changes, values_of(np.where(changes, place, 0).astype(np.float64)), value)
        places.append(place)
        jumps.append(np.abs(after - value))
        value = after
    return np.array(places, np.int64).reshape(-1, n_out), np.array(jumps).reshape(-1, n_out)


def _common(jumps: Float64Array) -> float:
    """The largest number that all jumps are multiples of, by Euclid's algorithm."""
    step = 0.0
    for jump in np.unique(jumps):
        larger, smaller = float(jump), step
        while smaller > _CLOSE * float(jump):
            larger, smaller = smaller, abs(larger - smaller * round(larger / smaller))
        step = larger
    return step
