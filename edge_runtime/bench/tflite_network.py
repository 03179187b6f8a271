"""Networks of `rival_networks` as TFLite files: float, and statically quantized to int8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from metabit.edge_runtime.bench.rival_networks import Int8Dense

#: Activations from 0 to 255 are stored as int8, less 128.
ZERO_POINT = -128
TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}


def float_model(layers: Sequence[Int8Dense]) -> bytes:
    """Float32 from input (1, n_inputs) to logits."""
    graph = _Graph()
    x = graph.tensor("input", (1, layers[0].weights.shape[1]), np.float32)
    for index, layer in enumerate(layers):
        w = graph.constant(f"w{index}", layer.float_weights)
        b = graph.constant(f"b{index}", layer.float_bias)
        y = graph.tensor(f"y{index}", (1, len(layer.bias)), np.float32)
        graph.dense(x, w, b, y, relu=index + 1 < len(layers))
        x = y
    return graph.finish()


def int8_model(layers: Sequence[Int8Dense]) -> bytes:
    """int8 from input (1, n_inputs) to logits."""
    graph = _Graph()
    n_in = layers[0].weights.shape[1]
    x = graph.tensor("input", (1, n_in), np.int8, layers[0].in_scale, ZERO_POINT)
    for index, layer in enumerate(layers):
        last = index + 1 == len(layers)
        w = graph.constant(f"w{index}", layer.weights, layer.weight_scale)
        b = graph.constant(f"b{index}", layer.bias, layer.in_scale * layer.weight_scale)
        # The logits have both signs: their range is centred.
        scale, zero = (2 * layer.out_scale, 0) if last else (layer.out_scale, ZERO_POINT)
        y = graph.tensor(f"y{index}", (1, len(layer.bias)), np.int8, scale, zero)
        graph.dense(x, w, b, y, relu=not last)
        x = y
    return graph.finish()


class _Graph:
    """One subgraph whose first tensor is the input and whose last result is the output."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]  # the first one is empty: tensors without data
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
        self._model.operatorCodes = [code]

    def tensor(
        self, name: str, shape: Sequence[int], dtype: type, scale: float = 0.0, zero: int = 0
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type = name.encode(), list(shape), TYPES[np.dtype(dtype)]
        if scale:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.array([scale], dtype=np.float32)
            made.quantization.zeroPoint = np.array([zero], dtype=np.int64)
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, value: np.ndarray[Any, Any], scale: float = 0.0) -> int:
        index = self.tensor(name, value.shape, value.dtype.type, scale)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), dtype=np.uint8)
        self._graph.tensors[index].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return index

    def dense(self, x: int, weights: int, bias: int, y: int, relu: bool) -> None:
        options = schema.FullyConnectedOptionsT()
        kinds = schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = [x, weights, bias], [y]
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def finish(self) -> bytes:
        self._graph.inputs = [0]
        self._graph.outputs = self._graph.operators[-1].outputs
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
