"""What an engine has learnt, parsed: counters, a record of answers, layers, samples kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import Float32Array, Int8Array, Int64Array

#: Recall of a class of which no sample has come.
NEVER_SEEN = 65535


@dataclass(frozen=True)
class LayerImage:
    """What one layer has learnt.

    Attributes:
        rms: running mean square of the gradient.
        mean, var, mean_error, mean_product: running values, shape (n_out,), float32.
        levels: hidden weights, shape (n_out, n_in), int8.
    """

    rms: float
    mean: Float32Array
    var: Float32Array
    mean_error: Float32Array
    mean_product: Float32Array
    levels: Int8Array


@dataclass(frozen=True)
class Record:
    """How well samples were predicted before they were learnt, and a test for drift.

    Attributes:
        n_judged: samples that came with their label.
        right: share of right answers of the last 512 or so, in 2**-24.
        n_since: samples since the test started.
        wrong: share of wrong answers since then, of the last 1,024 or so, in 2**-24.
        excess: sum of the test, in 2**-24.
        n_drifts: how often it has found a rise of errors.
        recalls: share of right answers by class, shape (n_classes,), in 1/65535, or NEVER_SEEN.
    """

    n_judged: int
    right: int
    n_since: int
    wrong: int
    excess: int
    n_drifts: int
    recalls: Int64Array

    @classmethod
    def empty(cls, n_classes: int) -> Record:
        """The record before the first sample."""
        return cls(0, 0, 0, 0, 0, 0, np.full(n_classes, NEVER_SEEN, dtype=np.int64))


@dataclass(frozen=True)
class KeptSamples:
    """Samples kept to be learnt again.

    Attributes:
        n_kept: how many there are; they lie in the first slots.
        labels: shape (n_slots,), uint8.
        entries: what the lowest layer that learns saw of each, as packed bits, shape (n_slots,
            n_bytes), uint8.
    """

    n_kept: int
    labels: NDArray[np.uint8]
    entries: NDArray[np.uint8]


@dataclass(frozen=True)
class StateImage:
    """Everything an engine has learnt.

    Attributes:
        model_id: checksum in the header of the model file it belongs to.
        bits: bits per hidden weight.
        bank: the normalisation bank that learnt.
        rng: state of the random generator, four 32-bit words.
        n_steps: samples that came since export.
        n_learnt: of these, samples that were learnt.
        record: how well they were predicted.
        worth: in 1/65535, shape (n_outputs + 2,): share of each label in the last samples, what
            samples passed over have left of their turns, share of samples worth learning.
        means: of the inputs, in 1/65536, shape (n_inputs,); None where the first layer does not
            learn, or is a convolution.
        layers: the layers that learnt, the output layer last.
        ring: samples kept for replay, if any.
    """

    model_id: int
    bits: int
    bank: int
    rng: tuple[int, int, int, int]
    n_steps: int
    n_learnt: int
    record: Record
    worth: Int64Array
    means: Int64Array | None
    layers: tuple[LayerImage, ...]
    ring: KeptSamples | None = None
