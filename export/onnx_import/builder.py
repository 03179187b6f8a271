"""From the steps of a graph to the layers of a packed model, for one normalisation bank."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from metabit.export.onnx_import.activations import Activations
from metabit.export.onnx_import.chain import (
    ARITHMETIC,
    FLOATS,
    OPERATORS,
    Chain,
    Float64Array,
    operation,
)
from metabit.export.onnx_import.errors import node_name, refuse
from metabit.export.onnx_import.linear import (
    Frame,
    Linear,
    binary,
    frame_of,
    padding_of,
    window_of,
)
from metabit.export.onnx_import.output import OutputLayer, output_of
from metabit.export.onnx_import.per_input import PerInput
from metabit.export.onnx_import.samples import Quantization, Seen, seen
from metabit.export.onnx_import.stepped import stepped_input
from metabit.export.onnx_import.steps import Path, Step
from metabit.export.spec import Int8Array, Threshold

_SHAPES = ("Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze")
_LINEAR = ("Gemm", "MatMul", "Conv")
SUPPORTED = tuple(sorted({*_SHAPES, *_LINEAR, *OPERATORS, "Pad", "MaxPool"}))
_FIRST_MAX = 255
_CLOSE = 1e-6


@dataclass
class Built:
    """One bank of a network.

    Attributes:
        quantization: of the input.
        input_shape: of a sample in metabit's order.
        channels_first: whether the graph wants samples channel first.
        per_input: what a front end has to do first, in metabit's order; None for nothing.
        before: names of what the operations in front of the first layer give.
        layers: in order; the last is the output layer.
        thresholds: of the hidden layers.
        zeros: a layer: channels for which a sum gives 0 in the graph and +1 in metabit.
        output: normalisation of the scores.
    """

    quantization: Quantization
    input_shape: tuple[int, ...]
    channels_first: bool
    per_input: PerInput | None
    before: tuple[str, ...]
    layers: list[Linear]
    thresholds: list[Threshold]
    zeros: list[int]
    output: OutputLayer


class Builder:
    """Goes along the path and keeps track of where each value lies.

    `_order` has the shape of the current values of one sample; each entry is the place of that
    value in metabit's order (row, column, channel) of what came out of the layer before.
    """

    def __init__(
        self, path: Path, told: Quantization | None, eps: float | None, where: str,
        keep_zeros: bool,
    ) -> None:  # fmt: skip
        self._path, self._told, self._eps, self._where = path, told, eps, where
        self._keep_zeros = keep_zeros
        shape = path.input_shape
        if not 1 <= len(shape) <= 4:
            raise refuse(where, f"a sample of {len(shape)} dimensions; 1 to 4 are possible")
        self._order = np.arange(math.prod(shape)).reshape(shape)
        self._map: tuple[int, int, int] | None = None
        self._shape, self._channels_first = shape, False
        self._frame: Frame | None = None
        self._input_chain, self._before = Chain(), list[Step]()
        self._seen: Seen | None = None
        self._bits: Activations | None = None
        self._layers: list[Linear] = []
        self._thresholds: list[Threshold] = []
        self._zeros: list[int] = []

    def build(self) -> Built:
        """All layers.

        Raises:
            FormatError: the network is no chain of binary layers.
        """
        for step in self._path.steps:
            self._take(step)
        if not self._layers:
            raise refuse(self._where, "it has no layer: no Gemm, MatMul or Conv on its path")
        last = self._layers[-1]
        if last.covers_its_map:
            last.window = None
        if last.window is not None:
            raise refuse(
                self._where,
                f"its last layer, {node_name(last.steps[0].node)}, is a convolution that gives "
                f"maps of {last.window.out_sides}; end with a dense one (Gemm, MatMul, or a Conv "
                "that sees its whole map)",
            )
        assert self._seen is not None
        output = output_of(last, self._by_channel, self._eps, self._where)
        per_input = self._seen.per_input
        if per_input is not None and self._channels_first:
            per_input = per_input.channels_last(self._shape)
        before = tuple(step.node.output[0] for step in self._before)
        return Built(
            self._seen.quantization, self._shape, self._channels_first, per_input, before,
            self._layers, self._thresholds, self._zeros, output,
        )  # fmt: skip

    def _take(self, step: Step) -> None:
        name = step.operator
        if self._frame is not None and name not in ("Transpose", "Conv", "Identity"):
            raise refuse(
                self._where,
                f"{self._frame.node} is followed by {node_name(step.node)}; padding must stand "
                "right in front of a convolution",
            )
        if name in (*ARITHMETIC, *_LINEAR) and step.kind not in FLOATS:
            kind = TensorProto.DataType.Name(step.kind)
            raise refuse(
                self._where,
                f"{node_name(step.node)} computes in {kind}; FLOAT and DOUBLE are known",
            )
        if name in _SHAPES:
            self._reshape(step)
        elif name in _LINEAR:
            self._linear(step)
        elif name == "Pad":
            self._frame = frame_of(step, self._where)
        elif name == "MaxPool":
            self._pool(step)
        else:
            made = operation(step, self._by_channel)
            if made is None:
                raise refuse(
                    self._where,
                    f"{node_name(step.node)}: not supported here; supported are "
                    f"{', '.join(SUPPORTED)}",
                )
            (self._layers[-1].chain if self._layers else self._input_chain).append(name, made)
            (self._layers[-1].steps if self._layers else self._before).append(step)

    # ---- where values lie ----

    def _reshape(self, step: Step) -> None:
        if step.operator == "Transpose":
            perm = list(step.attributes.get("perm", range(self._order.ndim + 1)[::-1]))
            if perm[0] != 0:
                raise refuse(self._where, f"{node_name(step.node)} moves the batch")
            axes = [axis - 1 for axis in perm[1:]]
            self._order = self._order.transpose(axes)
            if self._frame is not None:
                self._frame = self._frame.transposed(axes)
        elif step.shape[:1] != (1,) or math.prod(step.shape) != self._order.size:
            raise refuse(self._where, f"{node_name(step.node)} mixes samples of the batch")
        else:
            self._order = self._order.reshape(step.shape[1:])

    def _by_channel(self, value: NDArray[Any], *, axis: int = -1) -> Float64Array:
        """A constant as one value per channel, shape () or (n_channels,).

        Before the first layer every input is a channel, in the order of the graph's input.
        """
        numbers = np.asarray(value, dtype=np.float64)
        if numbers.size == 1:
            return numbers.reshape(())
        try:
            if axis == 1:
                numbers = numbers.reshape(-1, *(1,) * (self._order.ndim - 1))
            spread = np.broadcast_to(numbers, (1, *self._order.shape)).reshape(-1)
        except ValueError:
            spread = np.zeros(0)
        if not spread.size:
            raise refuse(
                self._where,
                f"a constant of shape {value.shape} where values have the shape "
                f"{self._order.shape}; one number, or one per channel of a layer, is possible",
            )
        n_out = len(self._layers[-1].signs) if self._layers else self._order.size
        channel = self._order.reshape(-1) % n_out
        chosen = np.empty(n_out)
        chosen[channel] = spread
        if not np.array_equal(chosen[channel], spread):
            raise refuse(self._where, "a constant differs between places of one channel")
        return chosen

    # ---- layers ----

    def _linear(self, step: Step) -> None:
        self._close(step)
        if step.operands[0] is not None or step.constant(1) is None:
            raise refuse(self._where, f"{node_name(step.node)}: its weights are not constant")
        made, size = (self._conv if step.operator == "Conv" else self._dense)(step)
        self._read_bits(made, size) if self._bits is not None else self._read_samples(made, size)
        made.steps.append(step)
        self._layers.append(made)
        self._bias(step, made)
        if made.window is None:
            self._order = np.arange(len(made.signs))
        else:
            self._enter(made)

    def _close(self, step: Step) -> None:
        """Decide the bits of the layer before `step`, or what the first layer sees."""
        if not self._layers:
            kind, n_inputs = self._path.input_type, self._order.size
            stepped = stepped_input(kind, self._input_chain, self._told, self._order.shape, step)
            if stepped is None:
                chain = self._input_chain
                self._seen = seen(kind, chain, self._told, n_inputs, self._where)
                return
            self._seen, self._shape, layer, self._bits = stepped
            layer.steps += self._before
            self._layers.append(layer)
            self._zeros.append(0)
            return
        if self._layers[-1].covers_its_map:
            self._layers[-1].window = None
        self._bits, n_zero = self._layers[-1].activations(self._where, self._keep_zeros)
        self._zeros.append(n_zero)

    def _read_samples(self, made: Linear, size: Float64Array) -> None:
        """Let the first layer read samples, 8-bit integers."""
        assert self._seen is not None
        made.acc_max *= _FIRST_MAX
        shift = self._shift_of_sums(made, self._seen.shift)
        if made.window is not None and made.window.padding == "one" and shift.any():
            raise refuse(self._where, f"{made.name} pads, and its zero point is no whole number")
        made.chain.prepend(size * self._seen.factor, shift)

    def _read_bits(self, made: Linear, size: Float64Array) -> None:
        """Let a layer whose weights read values read the bits that stand for them."""
        assert self._bits is not None
        self._layers[-1].hand_on(self._bits)
        self._thresholds.append(self._bits.threshold)
        shift = -self._bits.shift_of_sums(made.signs) / self._bits.one
        made.signs = self._bits.repeated(made.signs)
        if made.window is not None:
            rows, columns, _ = made.window.in_shape
            in_shape = rows, columns, len(self._bits.channel)
            made.window = replace(made.window, in_shape=in_shape)
        made.acc_max = made.signs.shape[1]
        made.chain.prepend(size * self._bits.one, shift)

    def _name(self, step: Step) -> str:
        """The layer's own name in the graph, or fc1, conv2 and so on."""
        told = (step.node.name or step.node.output[0]).strip("/")
        name = told.rpartition("/")[0].replace("/", ".")
        kind = "conv" if step.operator == "Conv" else "fc"
        number = sum((layer.window is not None) == (kind == "conv") for layer in self._layers) + 1
        taken = {layer.name for layer in self._layers}
        return name if name and name not in taken else f"{kind}{number}"

    def _dense(self, step: Step) -> tuple[Linear, Float64Array]:
        told, weights = step.attributes, step.constant(1)
        assert weights is not None
        if weights.ndim != 2 or told.get("transA", 0) or self._order.ndim != 1:
            raise refuse(self._where, f"{node_name(step.node)}: not one matrix times one vector")
        rows = weights if told.get("transB", 0) else weights.T
        signs, size = binary(rows, step, self._where)
        ordered = np.empty_like(signs)
        ordered[:, self._order] = signs
        n_in = signs.shape[1]
        size = size * float(told.get("alpha", 1.0))
        return Linear(self._name(step), ordered, None, n_in), size

    def _conv(self, step: Step) -> tuple[Linear, Float64Array]:
        weights = step.constant(1)
        assert weights is not None
        in_shape = self._maps(step)
        frame = padding_of(step, self._frame, in_shape, self._where)
        self._frame = None
        window = window_of(step, in_shape, () if frame is None else frame.sides, self._where)
        if frame is not None and window.padding == "one":
            self._pad(frame)
        signs, size = binary(weights, step, self._where)
        rows: Int8Array = np.ascontiguousarray(signs.transpose(0, 2, 3, 1)).reshape(len(signs), -1)
        return Linear(self._name(step), rows, window, window.n_in), size

    def _pad(self, frame: Frame) -> None:
        """Make bits of +1, which metabit pads with, of what a frame holds."""
        if self._bits is not None:
            padded = self._bits.padded_with(frame.value)
            if padded is not None:
                self._bits = padded
                return
            low, high = (f"{x.min():g} to {x.max():g}" for x in self._bits.ends())
            told = f"values of channels begin at {low} and end at {high}"
        else:
            assert self._seen is not None
            if np.isclose(self._seen.factor, frame.value, rtol=_CLOSE, atol=0):
                return
            told = f"samples lie between, and can be padded with {self._seen.factor:g}"
        raise refuse(
            self._where,
            f"{frame.node} pads with {frame.value:g}, which must lie at an end of all values: "
            f"{told}",
        )

    def _shift_of_sums(self, layer: Linear, shift: Float64Array) -> Float64Array:
        """What a shift of the inputs adds to the sums of the first layer, shape (n_out,)."""
        signs = layer.signs.astype(np.float64)
        if shift.size == 1:
            return np.asarray(signs.sum(axis=1) * shift)
        if layer.window is None:
            return np.asarray(signs @ shift)
        maps = shift[self._order].reshape(len(self._order), -1)  # channel, place
        if np.ptp(maps, axis=1).any():
            raise refuse(
                self._where,
                f"{layer.name} is a convolution of inputs whose mean differs from place to place; "
                "one per channel is possible",
            )
        by_channel = signs.reshape(len(signs), -1, len(maps)).sum(axis=1)
        return np.asarray(by_channel @ maps[:, 0])

    def _maps(self, step: Step) -> tuple[int, int, int]:
        """Rows, columns and channels of what a convolution reads."""
        if self._order.ndim != 3:
            raise refuse(self._where, f"{node_name(step.node)} reads {self._order.shape}, no maps")
        channels, rows, columns = self._order.shape
        plain = np.arange(self._order.size)
        if not np.array_equal(self._order.transpose(1, 2, 0).reshape(-1), plain):
            if self._layers or not np.array_equal(self._order.reshape(-1), plain):
                raise refuse(self._where, f"{node_name(step.node)} reads maps in another order")
            self._channels_first, self._shape = True, (rows, columns, channels)
        elif not self._layers and len(self._shape) not in (2, 3):
            self._shape = (rows, columns, channels)
        elif not self._layers and channels == 1:
            self._shape = (rows, columns, 1) if len(self._shape) == 3 else (rows, columns)
        return rows, columns, channels

    def _enter(self, layer: Linear) -> None:
        """Values now lie as the maps of a convolution, channel first."""
        assert layer.window is not None
        rows, columns = layer.window.out_sides
        if min(rows, columns) < 1:
            raise refuse(self._where, f"{layer.name}: its kernel does not fit {layer.window}")
        shape = (rows, columns, len(layer.signs))
        self._order = np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1)

    def _bias(self, step: Step, made: Linear) -> None:
        bias = step.constant(2)
        if bias is None:
            return
        values = np.broadcast_to(np.asarray(bias, np.float64).reshape(-1), (len(made.signs),))
        values = values * float(step.attributes.get("beta", 1.0))
        made.chain.append("bias", lambda x: x + values)

    def _pool(self, step: Step) -> None:
        told = step.attributes
        sides = list(told.get("kernel_shape", []))
        layer = self._layers[-1] if self._layers else None
        if layer is None or layer.window is None or layer.window.pool > 1:
            raise refuse(
                self._where, f"{node_name(step.node)}: one pooling per convolution, after it"
            )
        uneven = any(side % sides[0] for side in layer.window.sum_sides) if sides else True
        same = () if uneven else (b"SAME_UPPER", b"SAME_LOWER")
        plain = (
            len(set(sides)) == 1 and list(told.get("strides", [1, 1])) == sides
            and told.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID", *same)
            and not any(told.get("pads", [0])) and set(told.get("dilations", [1])) == {1}
        )  # fmt: skip
        if not plain or (told.get("ceil_mode", 0) and uneven):
            raise refuse(
                self._where,
                f"{node_name(step.node)}: windows must be square, next to each other, and whole",
            )
        layer.pool(int(sides[0]))
        layer.steps.append(step)
        self._enter(layer)
