"""What a packed model is, as plain dataclasses. The bytes are `container.py`'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Int8Array = NDArray[np.int8]
Int32Array = NDArray[np.int32]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

MAX_LAYERS = 32
MAX_BANKS = 1024
MAX_INPUTS = 65_536
MAX_OUTPUTS = 65_535
EPS_DEFAULT = 1e-5


@dataclass(frozen=True)
class InputSpec:
    """The 8-bit input of a network.

    Attributes:
        dtype: ``"uint8"`` or ``"int8"``.
        shape: shape of one sample, up to four dimensions.
        scale: a float input v becomes round(v / scale) + zero_point, saturated.
        zero_point: the integer that means zero; the first layer sees x - zero_point.
    """

    dtype: Literal["uint8", "int8"]
    shape: tuple[int, ...]
    scale: float = 1.0
    zero_point: int = 0

    @property
    def n_inputs(self) -> int:
        """Bytes a sample."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Norm:
    """Normalisation of one layer in one bank: y = ((acc - mean) * inv_std) * gamma + beta.

    Attributes:
        mean, var, gamma, beta: shape (n_out,), float32.
    """

    mean: Float32Array
    var: Float32Array
    gamma: Float32Array
    beta: Float32Array


@dataclass(frozen=True)
class Threshold:
    """Normalisation and sign of one hidden layer in one bank: bit = (acc >= value) != flip.

    Attributes:
        value: shape (n_out,), int32.
        flip: shape (n_out,), bool; True where the scale gamma is negative.
    """

    value: Int32Array
    flip: BoolArray


@dataclass(frozen=True)
class DenseLayer:
    """A binary dense layer.

    Attributes:
        name: for people.
        weights: shape (n_out, n_in), int8, each -1 or +1.
        thresholds: one a bank for a hidden layer, none for the output layer.
        norms: one a bank; always for the output layer, for a hidden layer only when it can learn.
    """

    name: str
    weights: Int8Array
    thresholds: tuple[Threshold, ...]
    norms: tuple[Norm, ...]

    @property
    def n_in(self) -> int:
        """Inputs, the true length K of a row."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Outputs, channels."""
        return int(self.weights.shape[0])


@dataclass(frozen=True)
class LearnState:
    """The quantized metaplastic state, and the constants of the rule that changes it.

    Attributes:
        bits: 8 or 4, bits a hidden weight.
        levels: per layer, shape (n_out, n_in), int8, in [-2**(bits-1), 2**(bits-1) - 1]; the hidden
            weight is (level + 0.5) / 2**(bits-1) * w_max, and its sign is the binary weight.
        m: per layer, m * |hidden| at the end of the range (the seed paper's m times w_max).
        w_max: per layer, the hidden weight at the end of the range, in the trainer's units.
        step_levels: step size in levels of an 8-bit hidden weight per rms gradient.
        norm_rate: rate of the running mean and variance of each channel.
        error_rate: rate of the running means of the online normalisation correction.
        rms_rate: rate of the running mean square of each layer's gradient.
    """

    bits: int
    levels: tuple[Int8Array, ...]
    m: tuple[float, ...]
    w_max: tuple[float, ...]
    step_levels: float = 0.1
    norm_rate: float = 0.001
    error_rate: float = 0.003
    rms_rate: float = 0.01


@dataclass(frozen=True)
class Golden:
    """Samples with known scores (bank 0), for self-tests.

    Attributes:
        inputs: shape (n, n_inputs), the input's dtype.
        scores: shape (n, n_outputs), int32.
    """

    inputs: NDArray[np.uint8] | NDArray[np.int8]
    scores: Int32Array


@dataclass(frozen=True)
class Model:
    """A packed network: its input, its layers, and, optionally, what it needs to learn."""

    input: InputSpec
    layers: tuple[DenseLayer, ...]
    eps: float = EPS_DEFAULT
    learn: LearnState | None = None
    golden: Golden | None = None
    meta: Mapping[str, object] = field(default_factory=dict)

    @property
    def n_inputs(self) -> int:
        """Bytes a sample."""
        return self.input.n_inputs

    @property
    def n_outputs(self) -> int:
        """Classes."""
        return self.layers[-1].n_out

    @property
    def n_banks(self) -> int:
        """Normalisation banks."""
        return len(self.layers[-1].norms)

    @property
    def n_weights(self) -> int:
        """Binary weights in all layers."""
        return sum(layer.n_in * layer.n_out for layer in self.layers)

    @property
    def n_channels(self) -> int:
        """Channels in all layers."""
        return sum(layer.n_out for layer in self.layers)
