"""Random binary networks as exporters write them to ONNX: opsets 7 to 23, dense and convolutional.

Every graph here is a chain of binary layers, so metabit must import it and keep its labels. Sums
never meet a threshold exactly: what is tested is how operators are read, not how they round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from helpers.onnx_writing import FLOAT, Writer
from metabit.export.onnx_import.samples import Quantization

N_CLASSES = 4


@dataclass(frozen=True)
class Case:
    """A random graph.

    Attributes:
        proto: the file.
        told: how 8-bit samples stand for floats; None where the graph takes integers.
        shape: of a sample of the graph.
        traits: the choices that were made, for messages.
    """

    proto: onnx.ModelProto
    told: Quantization | None
    shape: tuple[int, ...]
    traits: tuple[str, ...]


class RandomGraph(Writer):
    """One graph, from its input to its scores."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.is_conv, self.nhwc = bool(self.rng.random() < 0.5), False

    # ---- the network ----

    def build(self) -> Case:
        """The whole graph."""
        shape = self.input()
        n_in = int(np.prod(shape))
        maps = self.convolutions(shape) if self.is_conv else None
        if maps is None or not self.ends_in_a_map(maps):
            n_in = self.flatten(shape if maps is None else maps, n_in)
            for _ in range(int(self.rng.integers(0 if self.is_conv else 1, 3))):
                n_out = int(self.rng.integers(3, 24))
                self.dense(n_in, n_out)
                self.normalise(n_out, 2, n_in * (1 if self.hidden else self.largest))
                self.sign(n_out, 2)
                n_in = n_out
            self.dense(n_in, N_CLASSES)
        self.output_layer()
        kind, out_shape = self.end()
        return self.case(shape, kind, out_shape)

    def input(self) -> tuple[int, ...]:
        """What the graph reads, and what it does with that before the first layer."""
        self.hidden = False
        sides = tuple(int(n) for n in self.rng.integers(5, 9, 2))
        channels = int(self.rng.integers(1, 4))
        if self.is_conv:
            self.nhwc = self.pick("nchw", "nhwc") == "nhwc"
            shape = (*sides, channels) if self.nhwc else (channels, *sides)
        else:
            shape = tuple(int(n) for n in self.rng.integers(2, 5, self.rng.integers(1, 4)))
        self.input_shape = shape
        kind = self.pick("float", "uint8", "int8")
        self.kind = {"float": FLOAT, "uint8": TensorProto.UINT8, "int8": TensorProto.INT8}[kind]
        self.told, size = None, 1.0
        if kind == "float":
            self.told = [
                Quantization("uint8", 1 / 255, 0), Quantization("int8", 1.0, 0),
                Quantization("int8", 0.0625, 5),
            ][self.rng.integers(3)]  # fmt: skip
            size = self.told.scale
        else:
            self.step("Cast", to=FLOAT)
        self.largest = 255 * size
        self.before_the_first_layer()
        return shape

    def before_the_first_layer(self) -> None:
        """A shift and a scale of all values."""
        scale, shift = float(self.rng.choice([0.5, 2.0, 0.25])), float(self.rng.normal())
        way = self.pick("as it is", "sub div", "mul add", "computed", "mean per input")
        if way == "mean per input":
            by_channel = self.input_shape[2:] if self.nhwc else (self.input_shape[0], 1, 1)
            where = by_channel if self.is_conv else self.input_shape
            means = self.rng.uniform(0, self.largest / 2, where)
            self.step("Sub", self.constant(means))
            self.step("Div", self.constant(np.full(means.shape, 1 / scale)))
        elif way == "sub div":
            self.step("Sub", self.constant(shift * self.largest / 4))
            self.step("Div", self.constant(1 / scale))
        elif way == "mul add":
            self.step("Mul", self.constant([scale] if self.rng.random() < 0.5 else scale))
            self.step("Add", self.constant(shift))
        elif way != "as it is":
            self.step("Mul", self.node("Sqrt", self.constant(scale**2)))
        self.largest *= 1.0 if way == "as it is" else scale

    def flatten(self, shape: tuple[int, ...], _n_in: int) -> int:
        """To one row per sample, in one of the ways that exporters have."""
        n = int(np.prod(shape))
        if len(shape) == 1:
            return n
        if self.is_conv and self.nhwc and not self.turned:
            self.step("Transpose", perm=[0, 2, 3, 1])
        way = self.pick("Flatten", "Reshape", "Reshape 0", "view")
        if way == "Flatten":
            self.step("Flatten", axis=1)
        elif way == "Reshape":
            self.step("Reshape", self.constant([-1, n], "int64"))
        elif way == "Reshape 0":
            self.step("Reshape", self.constant([0, n], "int64"))
        else:
            size = self.node("Shape", self.at)
            first = self.node("Gather", size, self.constant(0, "int64"), axis=0)
            axes = [self.constant([0], "int64")] if self.opset >= 13 else []
            told: dict[str, Any] = {} if self.opset >= 13 else {"axes": [0]}
            one = self.node("Unsqueeze", first, *axes, **told)
            rest = self.constant([-1], "int64")
            self.step("Reshape", self.node("Concat", one, rest, axis=0))
        return n

    # ---- convolutions ----

    def convolutions(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One or two; returns the shape of a sample then, as it lies in the graph."""
        rows, columns, channels = shape if self.nhwc else (*shape[1:], shape[0])
        self.turned = self.nhwc
        for index in range(int(self.rng.integers(1, 3))):
            kernel = int(self.rng.choice([1, 2, 3]))
            stride = int(self.rng.choice([1, 1, 2]))
            if index and self.unit and self.pick("pad", "no pad") == "pad":
                self.pad(kernel)
                rows, columns = rows + kernel - 1, columns + kernel - 1
            if min(rows, columns) < kernel:
                break
            if self.turned:
                self.step("Transpose", perm=[0, 3, 1, 2])
                self.turned = False
            n_out = int(self.rng.integers(2, 9))
            largest = channels * kernel**2 * (1 if index else self.largest)
            self.conv(n_out, channels, kernel, stride)
            rows, columns = ((side - kernel) // stride + 1 for side in (rows, columns))
            channels = n_out
            rows, columns = self.to_bits(n_out, rows, columns, largest)
        return (rows, columns, channels) if self.turned else (channels, rows, columns)

    def conv(self, n_out: int, n_in: int, kernel: int, stride: int) -> None:
        """A Conv node, with a bias now and then."""
        self.fan_in = n_in * kernel**2
        name, self.size = self.weights(n_out, n_in, kernel, kernel)
        told: dict[str, Any] = {"kernel_shape": [kernel] * 2} if self.rng.random() < 0.7 else {}
        if stride > 1:
            told["strides"] = [stride] * 2
        more: list[dict[str, Any]] = [
            {}, {"pads": [0] * 4}, {"auto_pad": "VALID"}, {"dilations": [1, 1], "group": 1},
        ]  # fmt: skip
        told |= more[self.rng.integers(4)]
        bias = [self.constant(self.rng.normal(size=n_out) * 0.01)]
        self.step("Conv", name, *(bias if self.rng.random() < 0.4 else []), **told)

    def to_bits(self, n: int, rows: int, columns: int, largest: float) -> tuple[int, int]:
        """Normalisation, sign, and pooling somewhere; returns the sides of the maps."""
        where = "none"
        if min(rows, columns) >= 2:
            where = self.pick("none", "pool first", "pool before sign", "pool last")
        if where == "pool first":
            self.pool()
        self.normalise(n, 4, largest)
        if where == "pool before sign":
            self.pool()
        before = len(self.traits)
        self.sign(n, 4)
        self.unit = not {"BipolarQuant", "Quant of 1 bit"} & set(self.traits[before:])
        if where == "pool last":
            self.pool()
        if self.nhwc and self.rng.random() < 0.5:
            self.step("Transpose", perm=[0, 2, 3, 1])
            self.turned = True
        return (rows, columns) if where == "none" else (rows // 2, columns // 2)

    def pool(self) -> None:
        """Max-pooling of 2×2."""
        self.step("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def pad(self, kernel: int) -> None:
        """+1 around maps, as the network's own layout wants it."""
        low, high = (kernel - 1) // 2, kernel // 2
        before, after = ([0, n, n, 0] if self.turned else [0, 0, n, n] for n in (low, high))
        sides = before + after
        if self.opset < 11:
            self.step("Pad", pads=sides, value=1.0, mode="constant")
        else:
            self.step("Pad", self.constant(sides, "int64"), self.constant(1.0))

    def ends_in_a_map(self, maps: tuple[int, ...]) -> bool:
        """Whether a convolution that sees its whole map makes the scores."""
        rows, columns, channels = maps if self.turned else (*maps[1:], maps[0])
        if rows != columns or self.pick("dense end", "conv end") == "dense end":
            return False
        if self.turned:
            self.step("Transpose", perm=[0, 3, 1, 2])
            self.turned = False
        self.conv(N_CLASSES, channels, rows, 1)
        way = self.pick("Flatten", "Reshape", "Squeeze")
        if way == "Flatten":
            self.step("Flatten")
        elif way == "Reshape":
            self.step("Reshape", self.constant([-1, N_CLASSES], "int64"))
        else:
            self.moved("Squeeze", "axes", [2, 3])
        return True

    # ---- scores ----

    def output_layer(self) -> None:
        """A shift, a scale, both, a batch norm, or nothing but what breaks ties."""
        rng, n = self.rng, N_CLASSES
        spread = self.size * np.sqrt(self.fan_in) * (1 if self.hidden else self.largest / 2)
        shift = (rng.normal(size=n) + np.arange(n) * 0.0137) * spread / 4
        scale = rng.uniform(0.5, 2, n)
        way = self.pick("shift", "scale and shift", "batch norm")
        if way == "shift":
            self.step("Add", self.constant(shift))
        elif way == "scale and shift":
            self.step("Mul", self.constant(scale))
            self.step("Add", self.constant(shift))
        else:
            values = [self.constant(v) for v in (scale, shift, -shift, scale)]
            self.step("BatchNormalization", *values)

    def end(self) -> tuple[int, list[int | str]]:
        """What comes after the scores; returns type and shape of the output."""
        way = self.pick("", "Softmax", "LogSoftmax", "ArgMax", "ArgMax flat", "TopK", "Identity")
        if way in ("Softmax", "LogSoftmax"):
            self.step(way, axis=1)
        elif way == "Identity":
            self.step("Identity")
        elif way.startswith("ArgMax"):
            keep = way == "ArgMax"
            self.step("ArgMax", axis=1, keepdims=int(keep))
            return TensorProto.INT64, ["N", 1] if keep else ["N"]
        elif way == "TopK":
            k = int(self.rng.choice([1, 3]))
            values, indices = f"t{len(self.nodes)}v", f"t{len(self.nodes)}"
            inputs = [self.at, self.constant([k], "int64")] if self.opset >= 10 else [self.at]
            told: dict[str, Any] = {} if self.opset >= 10 else {"k": k}
            self.nodes.append(helper.make_node("TopK", inputs, [values, indices], axis=1, **told))
            self.at = indices
            return TensorProto.INT64, ["N", k]
        return FLOAT, ["N", N_CLASSES]

    def case(self, shape: tuple[int, ...], kind: int, out_shape: list[int | str]) -> Case:
        """The file."""
        used = {name for node in self.nodes for name in node.input}
        graph = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info("x", self.kind, ["N", *shape])],
            [helper.make_tensor_value_info(self.at, kind, out_shape)],
            [tensor for tensor in self.constants if tensor.name in used],
        )  # fmt: skip
        ids = [helper.make_opsetid(domain, version) for domain, version in self.domains.items()]
        ir_version = 8 if self.opset <= 18 else 10
        proto = helper.make_model(graph, opset_imports=ids, ir_version=ir_version)
        return Case(proto, self.told, shape, tuple(self.traits))


def random_case(seed: int) -> Case:
    """The graph of a seed: the same one every time."""
    return RandomGraph(seed).build()
