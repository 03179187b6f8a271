"""Reading TFLite files that anybody may have made: nothing is believed before it is checked.

An interpreter trusts its file and may crash on a damaged one. So a file becomes a `Graph` here,
field by field, and what an interpreter gets is that graph, written anew.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from metabit.errors import CorruptError, FormatError, InputError
from metabit.export.tflite.check import check
from metabit.export.tflite.graph import OPERATORS, TYPES, Graph, Operator, Tensor
from metabit.plain_file import plain_bytes

MAX_FILE_BYTES = 1 << 30
MAX_TENSORS = 10_000
MAX_ELEMENTS = 1 << 26
"""Of one tensor, with one sample."""

_OPTIONS = {
    "FullyConnectedOptions": ("FusedActivationFunction", "WeightsFormat", "KeepNumDims"),
    "Conv2DOptions": (
        "Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor",
        "FusedActivationFunction",
    ),
    "Pool2DOptions": (
        "Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction",
    ),
    "MulOptions": ("FusedActivationFunction",),
    "AddOptions": ("FusedActivationFunction",),
    "SubOptions": ("FusedActivationFunction",),
    "ArgMaxOptions": ("OutputType",),
}  # fmt: skip
_DTYPES = {getattr(tflite.TensorType, name): dtype for dtype, name in TYPES.items()}


def _names_of(kinds: type) -> dict[int, str]:
    return {number: name for name, number in vars(kinds).items() if not name.startswith("_")}


@dataclass(frozen=True)
class File:
    """What a file holds, checked.

    Attributes:
        graph: its operators.
        inputs, outputs: numbers of tensors.
        facts: metabit's metadata; empty in files of others.
    """

    graph: Graph
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    facts: dict[str, Any]


def load(path: Path) -> File:
    """A TFLite file, checked.

    Raises:
        InputError: it cannot be read.
        CorruptError: it is no TFLite file, a damaged one, or contradicts itself.
        FormatError: it has an operator or a type that is not known here, or is too large.
    """
    where = str(path)
    try:
        return loads(plain_bytes(path, MAX_FILE_BYTES), where)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})", code="E-READ") from error


def loads(data: bytes, where: str) -> File:
    """The same from bytes.

    Raises:
        CorruptError: not a TFLite file, or a damaged one (E-TFLITE).
    """
    if data[4:8] != b"TFL3":
        raise CorruptError(f"{where}: not a TFLite file", code="E-TFLITE")
    try:
        return _Reader(data, where).run()
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError) as error:
        # What the schema's readers raise when an offset leads nowhere.
        raise CorruptError(f"{where}: damaged ({error})", code="E-TFLITE") from error


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        self.where = where
        self.model = tflite.Model.GetRootAs(data)

    def run(self) -> File:
        model = self.model
        if model.SubgraphsLength() != 1:
            raise self.refuse(f"{model.SubgraphsLength()} subgraphs; one is known")
        subgraph = model.Subgraphs(0)
        self.bound("tensors", subgraph.TensorsLength())
        self.bound("operators", subgraph.OperatorsLength())
        graph = Graph()
        for i in range(subgraph.TensorsLength()):
            graph.tensor(self.tensor(subgraph.Tensors(i)))
        for i in range(subgraph.OperatorsLength()):
            graph.operators.append(self.operator(subgraph.Operators(i), graph))
        inputs = self.numbers(subgraph.InputsLength(), subgraph.InputsAsNumpy())
        outputs = self.numbers(subgraph.OutputsLength(), subgraph.OutputsAsNumpy())
        check(graph, inputs, outputs, self.where)
        return File(graph, inputs, outputs, self.facts())

    # ---- tensors ----

    def tensor(self, tensor: tflite.Tensor) -> Tensor:
        name = _text(tensor.Name())
        dtype = _DTYPES.get(tensor.Type())
        if dtype is None:
            kind = _names_of(tflite.TensorType).get(tensor.Type(), str(tensor.Type()))
            raise self.refuse(f"tensor {name}: type {kind}; known are {', '.join(TYPES)}")
        shape = self.numbers(tensor.ShapeLength(), tensor.ShapeAsNumpy())
        data = self.data(tensor.Buffer())
        scale, zero_point = self.quantization(tensor, name)
        if not len(data):
            free = tensor.ShapeSignatureLength() == 0 or tensor.ShapeSignature(0) == -1
            if not shape or (free and shape[0] != 1):
                raise self.corrupt(f"tensor {name} has the shape {list(shape)}: no single sample")
            self.elements(name, shape[1:])
            return Tensor(name, (-1, *shape[1:]), dtype, scale, zero_point)
        self.elements(name, shape)
        value = np.frombuffer(data.tobytes(), np.dtype(dtype).newbyteorder("<"))
        if value.size != math.prod(shape):
            raise self.corrupt(f"tensor {name}: {value.size} values in the shape {list(shape)}")
        native = value.astype(dtype).reshape(shape)
        return Tensor(name, shape, dtype, scale, zero_point, native)

    def quantization(self, tensor: tflite.Tensor, name: str) -> tuple[float | None, int]:
        given = tensor.Quantization()
        if given is None or given.ScaleLength() == 0:
            return None, 0
        if given.ScaleLength() != 1:
            raise self.refuse(f"tensor {name}: {given.ScaleLength()} scales; one a tensor is known")
        zero_point = int(given.ZeroPoint(0)) if given.ZeroPointLength() else 0
        scale = float(given.Scale(0))
        if not (math.isfinite(scale) and scale > 0) or not -128 <= zero_point <= 255:
            raise self.corrupt(f"tensor {name}: scale {scale}, zero point {zero_point}")
        return scale, zero_point

    def data(self, number: int) -> np.ndarray:
        if not 0 <= number < self.model.BuffersLength():
            raise self.corrupt(f"buffer {number} of {self.model.BuffersLength()}")
        buffer = self.model.Buffers(number)
        if buffer.Offset() or buffer.Size():
            raise self.refuse("constants after the end of the flatbuffer")
        if buffer.DataLength() == 0:
            return np.zeros(0, np.uint8)
        found: np.ndarray = buffer.DataAsNumpy()
        return found

    def elements(self, name: str, shape: tuple[int, ...]) -> None:
        if any(side < 1 for side in shape) or math.prod(shape) > MAX_ELEMENTS:
            raise self.corrupt(f"tensor {name} has the shape {list(shape)}")

    # ---- operators ----

    def operator(self, operator: tflite.Operator, graph: Graph) -> Operator:
        if operator.OpcodeIndex() >= self.model.OperatorCodesLength():
            raise self.corrupt(f"operator code {operator.OpcodeIndex()}")
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = _names_of(tflite.BuiltinOperator).get(number, str(number))
        outputs = self.numbers(operator.OutputsLength(), operator.OutputsAsNumpy())
        if kind not in OPERATORS:
            custom = _text(code.CustomCode()) if kind == "CUSTOM" else ""
            made = [graph.tensors[n].name for n in outputs if 0 <= n < len(graph.tensors)]
            raise FormatError(
                f"{self.where}: operator {kind} {custom}".rstrip() + f" (makes {made}) is not "
                f"supported; known are {', '.join(sorted(OPERATORS))}",
                code="E-TFLITE-OPERATOR",
            )
        inputs = self.numbers(operator.InputsLength(), operator.InputsAsNumpy())
        table, *_ = OPERATORS[kind]
        options = {}
        if operator.BuiltinOptionsType() == getattr(tflite.BuiltinOptions, table):
            union, given = operator.BuiltinOptions(), getattr(tflite, table)()
            if union is None:
                raise self.corrupt(f"operator {kind} has a kind of options and no options")
            given.Init(union.Bytes, union.Pos)
            options = {name: int(getattr(given, name)()) for name in _OPTIONS.get(table, ())}
        return Operator(kind, inputs, outputs, options)

    # ---- the rest ----

    def facts(self) -> dict[str, Any]:
        self.bound("metadata entries", self.model.MetadataLength())
        for i in range(self.model.MetadataLength()):
            entry = self.model.Metadata(i)
            if _text(entry.Name()) == "metabit":
                facts = json.loads(self.data(entry.Buffer()).tobytes().decode())
                if not isinstance(facts, dict):
                    raise self.corrupt("its metadata are no JSON object")
                return facts
        return {}

    def numbers(self, length: int, values: Any) -> tuple[int, ...]:
        self.bound("numbers in a vector", length)
        return tuple(int(n) for n in values) if length else ()

    def bound(self, what: str, n: int) -> None:
        if n > MAX_TENSORS:
            raise self.refuse(f"{n} {what}; {MAX_TENSORS} at most")

    def refuse(self, why: str) -> FormatError:
        return FormatError(f"{self.where}: {why}", code="E-TFLITE")

    def corrupt(self, why: str) -> CorruptError:
        return CorruptError(f"{self.where}: {why}", code="E-TFLITE")


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
