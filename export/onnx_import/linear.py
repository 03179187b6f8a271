"""One layer on its way: binary weights, where they look, and what follows them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.export.fold import find_thresholds
from metabit.export.onnx_import.activations import MOST_STEPS, Activations, in_steps
from metabit.export.onnx_import.chain import Chain, Float64Array
from metabit.export.onnx_import.errors import node_name, refuse
from metabit.export.onnx_import.steps import Step
from metabit.export.shapes import LayerShape
from metabit.export.spec import Int8Array, Int64Array, Threshold
from metabit.export.window import Padding, Window

_PROBES, _NEAR = 513, 4
_TRAIN = (
    "A network of floats cannot be converted, it has to be trained with binary weights and signs: "
    "metabit train does so on your data"
)


@dataclass
class Linear:
    """A layer whose weights are known and whose bits are not decided yet.

    Attributes:
        name: for people.
        signs: shape (n_out, n_in), columns in metabit's order.
        window: of a convolution.
        acc_max: the largest sum.
        chain: what follows the sums.
        steps: the nodes that follow, the linear one first.
        stands_for: what its bits make of its channels, where those take more than two values, or
            others than -c and +c.
    """

    name: str
    signs: Int8Array
    window: Window | None
    acc_max: int
    chain: Chain = field(default_factory=Chain)
    steps: list[Step] = field(default_factory=list)
    stands_for: Activations | None = None

    def hand_on(self, bits: Activations) -> None:
        """Have a channel for each bit from now on."""
        if not np.array_equal(bits.channel, np.arange(len(self.signs))) or np.any(bits.middle):
            self.stands_for = bits
        self.signs = np.ascontiguousarray(self.signs[bits.channel])

    @property
    def shape(self) -> LayerShape:
        """Of the layer to be."""
        n_out, n_in = self.signs.shape
        return LayerShape(n_out, n_in, self.window)

    @property
    def covers_its_map(self) -> bool:
        """Whether it is a convolution that sees its whole map at once, and so a dense layer."""
        if self.window is None:
            return False
        whole = self.window.in_shape[:2] == (self.window.kernel_size,) * 2
        return whole and self.window.padding == "valid" and self.window.pool == 1

    def pool(self, side: int) -> None:
        """Max-pooling here, which metabit does with the sums.

        Operations before it must not turn the order round: where they do, in channels of negative
        scale, the weights are negated and with them the sums.
        """
        assert self.window is not None
        low, high = self._ends()
        falling = np.broadcast_to(high < low, self.signs.shape[:1])
        self.signs = np.where(falling[:, None], -self.signs, self.signs).astype(np.int8)
        self.chain.prepend(np.where(falling, -1.0, 1.0))
        self.window = replace(self.window, pool=side)

    def activations(self, where: str, keep_zeros: bool) -> tuple[Activations, int]:
        """The bits of the layer, and the number of channels for which one sum gives 0, which is +1
        in metabit.

        Args:
            where: name of the file.
            keep_zeros: such a 0 is a third value, and channels have two bits.

        Raises:
            FormatError: the activations take other values than a few in even steps.
        """
        n_out = len(self.signs)
        threshold = find_thresholds(
            lambda sums: self._at(sums.astype(np.float64)) >= 0, n_out, self.acc_max
        )
        points, values = self._probed(threshold)
        size, zero = float(np.abs(values).max()), values == 0
        may_be_plain = not (keep_zeros and zero.any())
        bits = (points >= threshold.value) != threshold.flip
        plain = (
            np.all(zero | (np.abs(values) == size)) and not np.any(zero[[_NEAR, -1]])
            and np.array_equal(values >= 0, bits) and zero[:_NEAR].sum(axis=0).max() <= 1
        )  # fmt: skip
        if math.isfinite(size) and size > 0 and plain and may_be_plain:
            channel = np.arange(n_out)
            return Activations(threshold, channel, size, np.zeros(n_out)), int(
                zero.any(axis=0).sum()
            )
        found = in_steps(self._at, n_out, self.acc_max)
        if found is None or not np.allclose(found.of(points), values, rtol=0, atol=found.one / 8):
            few = ", ".join(f"{value:.6g}" for value in np.unique(values)[:4])
            if np.isnan(values).any():
                few += ", and others that a Cast cannot hold"
            raise refuse(
                where,
                f"the activations after {self.name} are not binary, nor of a few values in even "
                f"steps: they take values such as {few}; they must be -c and +c, as Sign, "
                f"BipolarQuant or Where make them, or at most {MOST_STEPS + 1} values, as "
                f"MultiThreshold or Round and Clip make them. {_TRAIN}",
            )
        return found, 0

    def _probed(self, threshold: Threshold) -> tuple[Int64Array, Float64Array]:
        """Sums at the thresholds, next to them and in between, and the values there."""
        n_out = len(self.signs)
        edge = np.clip(threshold.value.astype(np.int64), -self.acc_max, self.acc_max)
        near = [np.clip(edge + step, -self.acc_max, self.acc_max) for step in range(-2, _NEAR - 2)]
        grid = np.unique(np.linspace(-self.acc_max, self.acc_max, _PROBES).astype(np.int64))
        points = np.concatenate([np.stack(near), np.repeat(grid[:, None], n_out, axis=1)])
        values = np.broadcast_to(self.chain.of(points.astype(np.float64)), points.shape)
        return points, values

    def _ends(self) -> tuple[Float64Array, Float64Array]:
        ends = np.array([-self.acc_max, self.acc_max], dtype=np.float64)
        low, high = self.chain.of(np.repeat(ends[:, None], len(self.signs), axis=1))
        return low, high

    def _at(self, sums: Float64Array) -> Float64Array:
        values: Float64Array = np.broadcast_to(self.chain.of(sums[None, :]), (1, len(sums)))[0]
        return values


def binary(weights: NDArray[Any], step: Step, where: str) -> tuple[Int8Array, Float64Array]:
    """Signs of weights, and their size, one per channel.

    Args:
        weights: shape (n_out, ...), each -a or +a with one a > 0 a channel.

    Raises:
        FormatError: they are not binary.
    """
    rows = np.abs(weights.reshape(len(weights), -1).astype(np.float64))
    size = rows.max(axis=1, initial=0.0)
    if (
        not np.isfinite(rows).all()
        or np.any(size <= 0)
        or not np.allclose(rows, size[:, None], rtol=1e-6, atol=0)
    ):
        n_values = len(np.unique(weights))
        raise refuse(
            where,
            f"the weights of {node_name(step.node)} are not binary: {n_values} different values; "
            f"each channel's must be -a and +a. {_TRAIN}",
        )
    return np.where(weights > 0, 1, -1).astype(np.int8), size


@dataclass(frozen=True)
class Frame:
    """A Pad node in front of a convolution.

    Attributes:
        node: for people.
        sides: values before and after, for each axis of one sample.
        value: what they hold.
    """

    node: str
    sides: tuple[tuple[int, int], ...]
    value: float

    def transposed(self, axes: list[int]) -> Frame:
        """Of the sample with its axes in another order."""
        return replace(self, sides=tuple(self.sides[axis] for axis in axes))


def frame_of(step: Step, where: str) -> Frame:
    """The padding that a Pad node adds to one sample of maps.

    Raises:
        FormatError: it pads other things than maps, or not with a constant.
    """
    pads, value = step.constant(1), step.constant(2, 0.0)
    mode = step.attributes.get("mode", b"constant")
    sides = [] if pads is None else [int(n) for n in np.ravel(pads)]
    if len(sides) != 8 or value is None or len(step.operands) > 3 or mode != b"constant":
        raise refuse(where, f"{node_name(step.node)}: maps can be padded with a constant only")
    (batch, *pairs) = zip(sides[:4], sides[4:], strict=True)
    if any(batch):
        raise refuse(where, f"{node_name(step.node)} pads the batch")
    return Frame(node_name(step.node), tuple(pairs), float(value.reshape(-1)[0]))


def window_of(
    step: Step, in_shape: tuple[int, int, int], sides: tuple[tuple[int, int], ...], where: str
) -> Window:
    """Where a Conv node looks.

    Args:
        step: the node; its weights are the second operand.
        in_shape: rows, columns and channels of the maps, without padding.
        sides: values of padding before and after, for channels, rows and columns; empty for none.
        where: name of the file.

    Raises:
        FormatError: metabit has no such convolution.
    """
    told, weights = step.attributes, step.constant(1)
    assert weights is not None
    name = node_name(step.node)
    k, strides = int(weights.shape[2]), told.get("strides", [1, 1])
    plain = (
        weights.ndim == 4 and weights.shape[3] == k and strides[0] == strides[1]
        and told.get("group", 1) == 1 and set(told.get("dilations", [1])) == {1}
    )  # fmt: skip
    if not plain:
        raise refuse(
            where,
            f"{name}: only square kernels and steps, one group and no dilation are possible",
        )
    padding: Padding = "valid"
    if any(any(pair) for pair in sides):
        pair = ((k - 1) // 2, k // 2)
        if sides != ((0, 0), pair, pair):
            raise refuse(
                where,
                f"channels, rows and columns before {name} are padded by {sides}; possible are "
                f"{pair} for rows and columns, or none",
            )
        padding = "one"
    return Window(in_shape, k, int(strides[0]), padding)


def padding_of(
    step: Step, frame: Frame | None, in_shape: tuple[int, int, int], where: str
) -> Frame | None:
    """The padding in front of a convolution: a Pad node's, or zeros of its own.

    Args:
        step: the convolution.
        frame: of a Pad node in front of it.
        in_shape: rows, columns and channels of the maps, without padding.
        where: name of the file.

    Raises:
        FormatError: it has both.
    """
    way, pads = step.attributes.get("auto_pad", b"NOTSET"), []
    if way == b"NOTSET":
        pads = [int(n) for n in step.attributes.get("pads", [])]
    elif way in (b"SAME_UPPER", b"SAME_LOWER"):
        pads = _same(step, in_shape[:2], more_first=way == b"SAME_LOWER")
    elif way != b"VALID":
        raise refuse(where, f"{node_name(step.node)} pads in an unknown way, {way!r}")
    if not any(pads):
        return frame
    name = node_name(step.node)
    if frame is not None or len(pads) != 4:
        raise refuse(where, f"{name} pads what is padded already, or no rows and columns")
    return Frame(name, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3])), 0.0)


def _same(step: Step, sides: tuple[int, int], *, more_first: bool) -> list[int]:
    """As "pads" would say it: as many sums as ceil(side / stride) along each side."""
    weights, strides = step.constant(1), step.attributes.get("strides", [1, 1])
    assert weights is not None
    before, after = [], []
    for side, kernel, stride in zip(sides, weights.shape[2:], strides, strict=True):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        before.append(total - total // 2 if more_first else total // 2)
        after.append(total - before[-1])
    return [*before, *after]
