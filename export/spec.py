"""What a packed model is, as plain dataclasses. The bytes are `container.py`'s business."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metabit.export.head_spec import CountingHead, TrackingHead
from metabit.export.window import Window
from metabit.trainer.frontend import FrontEnd as FrontEnd  # part of what a model is

Int8Array = NDArray[np.int8]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

MAX_LAYERS = 32
MAX_BANKS = 1024
MAX_INPUTS = 65_536
MAX_OUTPUTS = 65_535
MAX_ROW = 65_536
"""Weights of one channel: sums of 8-bit inputs stay below 2**24, exact in float32."""
MAX_MAP = 2**24
"""Sums of a convolution before pooling, all channels together."""
MAX_POOL = 15  # a window has at most 225 positions: its largest one is named by a byte
EPS_DEFAULT = 1e-5


@dataclass(frozen=True)
class InputSpec:
    """The 8-bit input of a network.

    Attributes:
        dtype: ``"uint8"`` or ``"int8"``.
        shape: shape of one sample, up to four dimensions; a convolution reads rows, columns and
            channels, or rows and columns alone.
        scale: a float input v becomes round(v / scale) + zero_point, saturated.
        zero_point: the integer that means zero; the first layer sees x - zero_point.
    """

    dtype: Literal["uint8", "int8"]
    shape: tuple[int, ...]
    scale: float = 1.0
    zero_point: int = 0

    @property
    def n_inputs(self) -> int:
        """Bytes per sample."""
        return math.prod(self.shape)


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
class Layer:
    """What all binary layers have; each is followed by normalisation and, but for the last, sign.

    Attributes:
        name: for people.
        weights: shape (n_out, n_in), int8, each -1 or +1; a row belongs to one channel.
        thresholds: one a bank for a hidden layer, none for the output layer.
        norms: one a bank; always for the output layer, for a hidden layer only when it can learn.
    """

    name: str
    weights: Int8Array
    thresholds: tuple[Threshold, ...]
    norms: tuple[Norm, ...]

    @property
    def n_in(self) -> int:
        """Weights of a channel, the true length K of a row."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Channels."""
        return int(self.weights.shape[0])

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of what the layer hands on for one sample."""
        raise NotImplementedError

    @property
    def n_positions(self) -> int:
        """Places at which each channel hands a value on: 1, or rows times columns of a map."""
        return math.prod(self.out_shape) // self.n_out

    @property
    def n_macs(self) -> int:
        """Multiplications by a weight in one forward pass."""
        raise NotImplementedError


@dataclass(frozen=True)
class DenseLayer(Layer):
    """A binary dense layer. After a map it reads all values in order: row, column, channel."""

    @property
    def out_shape(self) -> tuple[int, ...]:
        """(n_out,)."""
        return (self.n_out,)

    @property
    def n_macs(self) -> int:
        """Every weight is used once."""
        return self.n_in * self.n_out


@dataclass(frozen=True)
class ConvLayer(Layer):
    """A binary convolution, max-pooling of its sums, then normalisation and sign.

    A row of `weights` holds what the kernel sees at one position: kernel row, kernel column, input
    channel (see `kernels`). It is never the output layer.
    """

    window: Window

    @property
    def kernels(self) -> Int8Array:
        """The weights as shape (n_out, k, k, input channels)."""
        k = self.window.kernel_size
        return self.weights.reshape(self.n_out, k, k, self.window.in_shape[2])

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Rows, columns (both after pooling) and channels."""
        return (*self.window.out_sides, self.n_out)

    @property
    def n_macs(self) -> int:
        """Every weight is used once a position; positions that pooling leaves out do not count."""
        return self.n_positions * self.window.pool**2 * self.n_in * self.n_out


@dataclass(frozen=True)
class LearnState:
    """The quantized metaplastic state, and the constants of the rule that changes it.

    Attributes:
        bits: 8 or 4, bits per hidden weight.
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
    step_levels: float = 0.00625
    norm_rate: float = 0.00025
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
class Probes:
    """Labelled samples that are never learnt from: middle + (2 * code - 3) * step, saturated.

    Attributes:
        middle, step: shape (n_inputs,), the input's dtype and uint8.
        codes: shape (n, n_inputs), uint8, 0 to 3.
        labels: shape (n,), uint16.
    """

    middle: NDArray[np.generic]
    step: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    labels: NDArray[np.uint16]


#: What a user says of a stream: keep what was learnt, or follow what changes.
Goal = Literal["remember", "track"]
GOALS: tuple[Goal, ...] = ("remember", "track")  # in the order of `mb_goal`, from 1
#: What a file may say that learns, in the order of `mb_told`; "auto" is the best for the goal.
Learner = Literal["auto", "counting", "tracking", "counting-small", "head", "all"]
LEARNERS: tuple[Learner, ...] = get_args(Learner)


@dataclass(frozen=True)
class Told:
    """How a file is to learn where nobody says otherwise: the table [learn] of its recipe.

    Attributes:
        what: what learns.
        goal: what "auto" chooses for.
        replay: samples kept to be learnt again, 0 to 65,535.
        batch: samples per learning step, 1 to 64.
    """

    what: Learner = "auto"
    goal: Goal = "remember"
    replay: int = 0
    batch: int = 1


UNTRAINED = "metaplastic, untrained"
"""What a file says of its method until somebody trains it."""


@dataclass(frozen=True)
class Model:
    """A packed network: its input, its layers, and, optionally, what it needs to learn, a head, and
    the front end that makes its samples."""

    input: InputSpec
    layers: tuple[Layer, ...]
    eps: float = EPS_DEFAULT
    learn: LearnState | None = None
    golden: Golden | None = None
    meta: Mapping[str, object] = field(default_factory=dict)
    head: CountingHead | None = None
    front_end: FrontEnd | None = None
    probes: Probes | None = None
    tracker: TrackingHead | None = None
    told: Told | None = None

    @property
    def n_classes(self) -> int:
        """Classes that a head tells apart: the network's, and spare ones."""
        head = self.head or self.tracker
        return self.n_outputs if head is None else head.n_classes

    @property
    def a_head_answers(self) -> bool:
        """Whether a head answers in place of the last layer, where nobody says what answers."""
        return any(head and head.answers for head in (self.head, self.tracker))

    @property
    def is_untrained(self) -> bool:
        """Whether the weights are random, because nobody has trained it."""
        return self.meta.get("method") == UNTRAINED

    @property
    def n_inputs(self) -> int:
        """Bytes per sample."""
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
    def n_macs(self) -> int:
        """Multiplications by a weight in one forward pass."""
        return sum(layer.n_macs for layer in self.layers)

    @property
    def n_channels(self) -> int:
        """Channels in all layers."""
        return sum(layer.n_out for layer in self.layers)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of their labels; empty where the file tells none."""
        names = self.meta.get("class_names")
        if not isinstance(names, list) or not self.n_outputs <= len(names) <= self.n_classes:
            return ()
        return tuple(map(str, names))

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels of the front end; empty where the file tells none."""
        names = self.meta.get("channel_names")
        n = 0 if self.front_end is None else self.front_end.does.n_channels
        return tuple(map(str, names)) if isinstance(names, list) and len(names) == n else ()

    def class_name(self, label: int) -> str:
        """The name of one class, or its number, for people; what cannot be printed becomes "?"."""
        name = self.class_names[label] if label < len(self.class_names) else str(label)
        return "".join(c if c.isprintable() else "?" for c in name)
