"""Networks of `rival_networks` as TFLite files: float, and statically quantized to int8."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from metabit.edge_runtime.bench.rival_networks import Int8Layer

#: Activations from 0 to 255 are stored as int8, less 128.
ZERO_POINT = -128
TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}


def float_model(layers: Sequence[Int8Layer]) -> bytes:
    """Float32 from input (1, n_inputs) or (1, rows, columns, channels) to the last sums."""
    return _model(layers, quantized=False)


def int8_model(layers: Sequence[Int8Layer]) -> bytes:
    """int8 from the same input to the last sums."""
    return _model(layers, quantized=True)


def _model(layers: Sequence[Int8Layer], quantized: bool) -> bytes:
    graph = _Graph(quantized)
    x = graph.activation("input", (1, *layers[0].in_shape), layers[0].in_scale)
    for index, layer in enumerate(layers):
        window = layer.shape.window
        rows: np.ndarray[Any, Any] = layer.weights if quantized else layer.float_weights
        scale = layer.weight_scale if quantized else 0.0
        bias_values = layer.bias if quantized else layer.float_bias
        bias = graph.constant(f"b{index}", bias_values, scale * layer.in_scale)
        if window is None:
            if graph.n_dimensions(x) > 2:
                x = graph.flattened(x)
            w = graph.constant(f"w{index}", rows, scale)
            y = graph.outputs(index, layer, (1, layer.shape.n_out))
            graph.dense(x, w, bias, y, relu=not layer.last)
        else:
            k = window.kernel_size
            w = graph.constant(f"w{index}", rows.reshape(layer.shape.n_out, k, k, -1), scale)
            y = graph.outputs(index, layer, (1, *window.sum_sides, layer.shape.n_out))
            graph.conv(x, w, bias, y, layer)
            if window.pool > 1:
                pooled = graph.outputs(index, layer, (1, *window.out_sides, layer.shape.n_out))
                graph.pool(y, pooled, window.pool)
                y = pooled
        x = y
    return graph.finish()


class _Graph:
    """One subgraph whose first tensor is the input and whose last result is the output."""

    def __init__(self, quantized: bool) -> None:
        self._quantized = quantized
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]  # the first one is empty: tensors without data
        self._model.operatorCodes = []
        self._codes: dict[int, int] = {}
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []

    def n_dimensions(self, tensor: int) -> int:
        return len(self._graph.tensors[tensor].shape)

    def activation(self, name: str, shape: Sequence[int], scale: float, zero: int = -128) -> int:
        if self._quantized:
            return self._tensor(name, shape, np.int8, scale, zero)
        return self._tensor(name, shape, np.float32)

    def outputs(self, index: int, layer: Int8Layer, shape: Sequence[int]) -> int:
        # The last sums have both signs: their range is centred.
        scale, zero = (2 * layer.out_scale, 0) if layer.last else (layer.out_scale, ZERO_POINT)
        return self.activation(f"y{index}", shape, scale, zero)

    def constant(self, name: str, value: np.ndarray[Any, Any], scale: float = 0.0) -> int:
        index = self._tensor(name, value.shape, value.dtype.type, scale)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), dtype=np.uint8)
        self._graph.tensors[index].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return index

    def dense(self, x: int, weights: int, bias: int, y: int, relu: bool) -> None:
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = _activation(relu)
        self._operator("FULLY_CONNECTED", [x, weights, bias], y, "FullyConnectedOptions", options)

    def conv(self, x: int, weights: int, bias: int, y: int, layer: Int8Layer) -> None:
        window = layer.shape.window
        assert window is not None
        options = schema.Conv2DOptionsT()
        kinds = schema.Padding
        options.padding = kinds.SAME if window.padding == "one" else kinds.VALID
        options.strideH = options.strideW = window.stride
        options.fusedActivationFunction = _activation(not layer.last)
        self._operator("CONV_2D", [x, weights, bias], y, "Conv2DOptions", options)

    def pool(self, x: int, y: int, side: int) -> None:
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.filterHeight = options.filterWidth = side
        self._operator("MAX_POOL_2D", [x], y, "Pool2DOptions", options)

    def flattened(self, x: int) -> int:
        tensor = self._graph.tensors[x]
        shape = (1, math.prod(tensor.shape))
        to = self.constant(f"shape{x}", np.array(shape, dtype=np.int32))
        y = self._tensor(f"flat{x}", shape, np.int8 if self._quantized else np.float32)
        self._graph.tensors[y].quantization = tensor.quantization
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        self._operator("RESHAPE", [x, to], y, "ReshapeOptions", options)
        return y

    def finish(self) -> bytes:
        self._graph.inputs = [0]
        self._graph.outputs = self._graph.operators[-1].outputs
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _tensor(
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

    def _operator(self, kind: str, inputs: list[int], y: int, options: str, value: object) -> None:
        builtin = getattr(schema.BuiltinOperator, kind)
        if builtin not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = builtin
            self._codes[builtin] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self._codes[builtin], inputs, [y]
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        made.builtinOptions = value
        self._graph.operators.append(made)


def _activation(relu: bool) -> int:
    kinds = schema.ActivationFunctionType
    return int(kinds.RELU if relu else kinds.NONE)
