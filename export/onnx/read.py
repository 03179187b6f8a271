"""Reading ONNX files that anybody may have made: nothing is believed before it is checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from metabit.errors import CorruptError, FormatError, InputError
from metabit.export.onnx import multi_threshold
from metabit.export.onnx.constants import (
    MAX_ELEMENTS,
    STANDARD,
    constant_nodes,
    fold_foreign,
    with_known_shapes,
)
from metabit.export.onnx.qonnx import OPERATOR, bipolar_function
from metabit.export.onnx.quant import explain_quants, is_quant
from metabit.plain_file import plain_bytes

MAX_FILE_BYTES = 1 << 30
BIPOLAR = {"qonnx.custom_op.general", "onnx.brevitas"}
"""Domains of BipolarQuant."""
_KNOWN = """
    Add ArgMax AveragePool BatchNormalization BitShift BitwiseAnd Cast Ceil Clip Concat
    Constant Conv DequantizeLinear Div Dropout Elu Equal Flatten Floor Gather Gemm GlobalAveragePool
    Greater GreaterOrEqual HardSigmoid Identity LeakyRelu Less LessOrEqual LogSoftmax MatMul Max
    MaxPool Min Mul Neg Not PRelu Pad QuantizeLinear Relu Reshape Round Shape Sigmoid Sign Slice
    Softmax Softsign Squeeze Sub Tanh TopK Transpose Unsqueeze Where Xor
"""
OPERATORS = frozenset(_KNOWN.split())
"""Of the files that can be run to be compared: none that loops, branches or makes large tensors.
Nodes that hang on constants alone may have any operator: they are worked out once."""


def load(path: Path) -> onnx.ModelProto:
    """An ONNX file with all its tensors, checked.

    Raises:
        InputError: it cannot be read.
        CorruptError: it is no ONNX file, a damaged one, or says of tensors what is not so.
        FormatError: it has an operator that is not known, wants files of other folders, or is
            larger than what metabit reads.
    """
    where = str(path)
    try:
        proto = onnx.load_model_from_string(plain_bytes(path, MAX_FILE_BYTES))
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})", code="E-READ") from error
    except DecodeError as error:
        raise _corrupt(where, "not an ONNX file, or a damaged one") from error
    if not proto.graph.node:
        raise _corrupt(where, "not an ONNX file, or one without a graph")
    _check_operators(proto, where)  # before files are looked for
    _load_external(proto, path)
    return check(proto, where)


def _check_operators(proto: onnx.ModelProto, where: str) -> None:
    told = [function for function in proto.functions if not multi_threshold.explains(function)]
    for function in told:
        if function.domain not in BIPOLAR or function.name != OPERATOR:
            raise FormatError(
                f"{where}: defines an operator {function.domain}::{function.name}; only "
                f"{OPERATOR} can be defined",
                code="E-ONNX-OPERATOR",
            )
    constant = constant_nodes(proto.graph)
    nodes = [node for index, node in enumerate(proto.graph.node) if index not in constant]
    nodes += [node for function in told for node in function.node]
    for node in nodes:
        graphs = any(a.HasField("g") or a.graphs for a in node.attribute)
        standard = node.domain in STANDARD and node.op_type in OPERATORS and not graphs
        if not standard and not _explains_itself(node):
            name = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
            raise FormatError(
                f"{where}: node {node.name or node.output[:1]}: operator {name} is not supported; "
                f"known are {', '.join(sorted(OPERATORS))}, and {OPERATOR}, "
                f"{multi_threshold.OPERATOR} and Quant of QONNX",
                code="E-ONNX-OPERATOR",
            )


def _explains_itself(node: onnx.NodeProto) -> bool:
    """Whether a node is of QONNX, and metabit puts standard operators in its place."""
    bipolar = node.domain in BIPOLAR and node.op_type == OPERATOR
    multi = node.domain in multi_threshold.DOMAINS and node.op_type == multi_threshold.OPERATOR
    return bipolar or multi or is_quant(node) or multi_threshold.is_explained(node)


def _explain_bipolar(proto: onnx.ModelProto) -> None:
    """Add BipolarQuant as a function where a file uses it without explaining it, as QONNX does."""
    explained = {(function.domain, function.name) for function in proto.functions}
    used = {node.domain for node in proto.graph.node if node.op_type == OPERATOR}
    opset = max((entry.version for entry in proto.opset_import if not entry.domain), default=18)
    for domain in sorted(used):
        if domain and (domain, OPERATOR) not in explained:
            proto.functions.append(bipolar_function(domain, opset))
        if domain not in {entry.domain for entry in proto.opset_import}:
            proto.opset_import.add(domain=domain, version=1)


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from proto.graph.initializer
    nodes = [*proto.graph.node, *(node for function in proto.functions for node in function.node)]
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _load_external(proto: onnx.ModelProto, path: Path) -> None:
    """Tensors that lie in files beside the model; only in its folder or below."""
    folder, left = path.parent.resolve(), MAX_FILE_BYTES
    for tensor in _tensors(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        told = {entry.key: entry.value for entry in tensor.external_data}
        file = _file_in(folder, told.get("location", ""))
        if file is None:
            raise FormatError(
                f"{path}: tensor {tensor.name} wants the file {told.get('location')!r}; only files "
                "in the model's folder are read",
                code="E-ONNX-EXTERNAL",
            )
        n_bytes = _bytes_of(tensor, told, str(path))
        left -= n_bytes
        if left < 0:
            raise FormatError(
                f"{path}: its tensors take more than {MAX_FILE_BYTES >> 20} MiB", code="E-ONNX"
            )
        try:
            with file.open("rb") as stream:
                stream.seek(int(told.get("offset", "0")))
                tensor.raw_data = stream.read(n_bytes)
        except (ValueError, OSError) as error:
            raise _corrupt(str(path), f"tensor {tensor.name}: {error}") from error
        if len(tensor.raw_data) != n_bytes:
            raise _corrupt(str(path), f"tensor {tensor.name}: {file} ends before it does")
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _file_in(folder: Path, location: str) -> Path | None:
    """A file in a folder or below; None where it is elsewhere, or not there."""
    try:
        file = (folder / location).resolve()
        return file if location and file.is_relative_to(folder) and file.is_file() else None
    except (ValueError, OSError):  # a name that no file can have
        return None


def _bytes_of(tensor: onnx.TensorProto, told: dict[str, str], where: str) -> int:
    """What a tensor needs of its file, by its shape; a length that is told must say the same."""
    try:
        item_bytes = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError as error:
        raise _corrupt(where, f"tensor {tensor.name} is of an unknown type") from error
    n_bytes = math.prod(tensor.dims) * item_bytes
    n_told = told.get("length", str(n_bytes))
    packed = str(-(-n_bytes // 2)), str(-(-n_bytes // 4))  # types of 4 and 2 bits
    if min(tensor.dims, default=1) < 0 or n_told not in (str(n_bytes), *packed):
        raise _corrupt(where, f"tensor {tensor.name} says {n_told} bytes, and has {n_bytes}")
    return int(n_told)


def check(proto: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model with shapes inferred, each with one sample in the batch within bounds.

    Args:
        proto: with all its tensors.
        where: its name, for messages.

    Raises:
        CorruptError, FormatError: see `load`.
    """
    _check_operators(proto, where)
    _explain_bipolar(proto)
    try:
        for tensor in _tensors(proto):
            onnx.numpy_helper.to_array(tensor)  # it has the bytes that its shape needs
        explain_quants(proto, where)
        multi_threshold.explain_multi_thresholds(proto, where)
        fold_foreign(proto, OPERATORS, where)
        onnx.checker.check_model(proto, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)
    except FormatError:
        raise
    except Exception as error:  # protobuf's, the checker's, and the errors of its C++ side
        raise _corrupt(where, f"ONNX's checker refuses it: {_one_line(error)}") from error
    graph = inferred.graph
    names = [name for node in graph.node for name in (node.name, *node.input, *node.output)]
    names += [value.name for value in (*graph.input, *graph.output)]
    names += [d.dim_param for v in graph.output for d in v.type.tensor_type.shape.dim]
    if any(isinstance(name, bytes) for name in names):  # protobuf's way to say so
        raise _corrupt(where, "a name that is no text")
    largest_tensor(proto, where)
    return inferred


def largest_tensor(proto: onnx.ModelProto, where: str) -> int:
    """Elements of the largest tensor, with one sample in a batch that is free.

    A node may make a large batch of a small one. So shapes are inferred for one sample, and every
    side is known then.

    Raises:
        CorruptError: a tensor is too large, or nobody can tell how large it is.
    """
    single = onnx.ModelProto()
    single.CopyFrom(proto)
    del single.graph.value_info[:]
    for value in single.graph.output:
        value.type.tensor_type.ClearField("shape")
    for value in single.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
    try:
        single = with_known_shapes(single, where)
        graph = onnx.shape_inference.infer_shapes(single, strict_mode=True, data_prop=True).graph
    except FormatError:
        raise
    except Exception as error:  # its exceptions have no common base
        raise _corrupt(where, f"ONNX cannot tell its shapes: {_one_line(error)}") from error
    largest = 0
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        sides = [dim.dim_value for dim in dims]
        if any(side < 0 for side in sides) or math.prod(sides) > MAX_ELEMENTS:
            raise _corrupt(where, f"tensor {value.name} has the shape {sides}")
        known = value.type.tensor_type.HasField("shape")
        if not known or not all(dim.HasField("dim_value") for dim in dims):
            raise _corrupt(where, f"tensor {value.name} has a shape that depends on the samples")
        largest = max(largest, math.prod(sides))
    return largest


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _corrupt(where: str, what: str) -> CorruptError:
    return CorruptError(f"{where}: {what}", code="E-ONNX")
