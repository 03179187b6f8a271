"""A TFLite graph in memory, and its bytes: the one place that writes flatbuffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

_FILE_ID = b"TFL3"
_SCHEMA_VERSION = 3
_ALIGNMENT = 16  # of constants, as the schema asks for
TYPES = {"int8": "INT8", "uint8": "UINT8", "int32": "INT32", "float32": "FLOAT32"}

#: Operator: (name of its table of options, version where tensors are 8-bit, version elsewhere), as
#: TensorFlow's own converter numbers them.
OPERATORS = {
    "FULLY_CONNECTED": ("FullyConnectedOptions", 4, 1),
    "CONV_2D": ("Conv2DOptions", 3, 1),
    "MAX_POOL_2D": ("Pool2DOptions", 2, 1),
    "MUL": ("MulOptions", 2, 1),
    "ADD": ("AddOptions", 2, 1),
    "SUB": ("SubOptions", 2, 1),
    "PADV2": ("PadV2Options", 2, 1),
    "RESHAPE": ("ReshapeOptions", 1, 1),
    "QUANTIZE": ("QuantizeOptions", 1, 1),
    "DEQUANTIZE": ("DequantizeOptions", 2, 1),
    "CAST": ("CastOptions", 1, 1),
    "ARG_MAX": ("ArgMaxOptions", 2, 1),
}


@dataclass(frozen=True)
class Tensor:
    """A constant, or what an operator makes.

    Attributes:
        name: for people.
        shape: -1 in front for the number of samples.
        dtype: "int8", "uint8", "int32" or "float32".
        scale, zero_point: the real value is (integer - zero_point) * scale; no scale for floats.
        value: of a constant.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0
    value: NDArray[Any] | None = None


@dataclass(frozen=True)
class Operator:
    """A builtin operator.

    Attributes:
        kind: its name in the schema, such as "FULLY_CONNECTED".
        inputs, outputs: numbers of tensors.
        options: fields of its table of options, in the schema's spelling.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int]


@dataclass
class Graph:
    """Tensors and operators in the order in which they run."""

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(self, tensor: Tensor) -> int:
        """Add a tensor; returns its number."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name: str, value: NDArray[Any], scale: float | None = None) -> int:
        """Add a constant of the array's type; returns its number."""
        return self.tensor(Tensor(name, value.shape, value.dtype.name, scale, 0, value))

    def add(self, kind: str, inputs: Sequence[int], output: Tensor, **options: int) -> int:
        """Add an operator with one output; returns that tensor's number."""
        number = self.tensor(output)
        self.operators.append(Operator(kind, tuple(inputs), (number,), options))
        return number


def dumps(
    graph: Graph,
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    name: str,
    description: str,
    metadata: Mapping[str, bytes],
) -> bytes:
    """The bytes of a .tflite file.

    Args:
        graph: what it computes.
        inputs, outputs: numbers of tensors. Its signature "serving_default" has their names.
        name: of the graph.
        description: one line for people.
        metadata: bytes by name that travel along.
    """
    return _Writer(graph, description, metadata).run(inputs, outputs, name)


class _Writer:
    """Builds the file from its leaves to its root, as flatbuffers wants it."""

    def __init__(self, graph: Graph, description: str, metadata: Mapping[str, bytes]) -> None:
        self.graph, self.description, self.metadata = graph, description, metadata
        self.builder = flatbuffers.Builder(1 << 16)
        self.buffers: list[bytes] = [b""]  # buffer 0 is empty: tensors without a value share it
        self.codes: list[tuple[str, int]] = []

    def run(self, inputs: Sequence[int], outputs: Sequence[int], name: str) -> bytes:
        builder = self.builder
        tensors = [self._tensor(tensor) for tensor in self.graph.tensors]
        operators = [self._operator(operator) for operator in self.graph.operators]
        subgraph = self._table(
            "SubGraph",
            Tensors=self._vector(tensors),
            Inputs=self._ints(inputs),
            Outputs=self._ints(outputs),
            Operators=self._vector(operators),
            Name=self._text(name),
        )
        entries = [self._metadata(key, value) for key, value in self.metadata.items()]
        model = self._table(
            "Model",
            OperatorCodes=self._vector([self._code(*code) for code in self.codes]),
            Subgraphs=self._vector([subgraph]),
            Description=self._text(self.description),
            Metadata=self._vector(entries),
            Buffers=self._vector([self._buffer(data) for data in self.buffers]),
            SignatureDefs=self._vector([self._signature(inputs, outputs)]),
            Version=_SCHEMA_VERSION,
        )
        builder.Finish(model, _FILE_ID)
        return bytes(builder.Output())

    # ---- tables ----

    def _tensor(self, tensor: Tensor) -> int:
        buffer = 0
        if tensor.value is not None:
            little = tensor.value.astype(tensor.value.dtype.newbyteorder("<"))
            buffer = self._store(little.tobytes())
        fields: dict[str, Any] = {
            "Shape": self._ints([abs(n) for n in tensor.shape]),
            "Type": getattr(tflite.TensorType, TYPES[tensor.dtype]),
            "Buffer": buffer,
            "Name": self._text(tensor.name),
        }
        if -1 in tensor.shape:
            fields["ShapeSignature"] = self._ints(tensor.shape)
        if tensor.scale is not None:
            fields["Quantization"] = self._table(
                "QuantizationParameters",
                Scale=self._array(np.array([tensor.scale], "<f4")),
                ZeroPoint=self._array(np.array([tensor.zero_point], "<i8")),
            )
        return self._table("Tensor", **fields)

    def _operator(self, operator: Operator) -> int:
        table, version_8_bit, version = OPERATORS[operator.kind]
        if self.graph.tensors[operator.inputs[0]].dtype in ("int8", "uint8"):
            version = version_8_bit
        code = (operator.kind, version)
        if code not in self.codes:
            self.codes.append(code)
        return self._table(
            "Operator",
            OpcodeIndex=self.codes.index(code),
            Inputs=self._ints(operator.inputs),
            Outputs=self._ints(operator.outputs),
            BuiltinOptionsType=getattr(tflite.BuiltinOptions, table),
            BuiltinOptions=self._table(table, **operator.options),
        )

    def _code(self, kind: str, version: int) -> int:
        number = getattr(tflite.BuiltinOperator, kind)
        return self._table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(number, 127),  # the field that older readers look at
            BuiltinCode=number,
            Version=version,
        )

    def _signature(self, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        def mapped(tensors: Sequence[int]) -> int:
            names = [self._text(self.graph.tensors[n].name) for n in tensors]
            maps = [
                self._table("TensorMap", Name=name, TensorIndex=n)
                for name, n in zip(names, tensors, strict=True)
            ]
            return self._vector(maps)

        return self._table(
            "SignatureDef",
            Inputs=mapped(inputs),
            Outputs=mapped(outputs),
            SignatureKey=self._text("serving_default"),
        )

    def _metadata(self, name: str, data: bytes) -> int:
        text = self._text(name)
        return self._table("Metadata", Name=text, Buffer=self._store(data))

    def _buffer(self, data: bytes) -> int:
        fields = {"Data": self._aligned(data)} if data else {}
        return self._table("Buffer", **fields)

    def _store(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    # ---- flatbuffers ----

    def _table(self, name: str, **fields: Any) -> int:
        """A table with these fields. Whatever they refer to has been written before."""

        def call(function: str) -> Callable[..., Any]:
            found: Callable[..., Any] = getattr(tflite, name + function)
            return found

        call("Start")(self.builder)
        for key, value in fields.items():
            call(f"Add{key}")(self.builder, value)
        return int(call("End")(self.builder))

    def _vector(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _text(self, text: str) -> int:
        return int(self.builder.CreateString(text.encode(errors="replace")))

    def _ints(self, values: Sequence[int]) -> int:
        return self._array(np.array(values, "<i4"))

    def _array(self, values: NDArray[Any]) -> int:
        return int(self.builder.CreateNumpyVector(values))

    def _aligned(self, data: bytes) -> int:
        """A vector of bytes that starts at a multiple of 16 in the file."""
        builder = self.builder
        builder.StartVector(1, len(data), _ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        return int(builder.EndVector())
