"""A packed model as an ONNX graph: its input, its layers, its logits and labels.

Sums are integers below 2**24 and so exact in float32, in any order; thresholds compare integers.
The output's normalisation takes one node for each float operation, so that nothing is fused: the
logits have the bits of the C core's, and a score is these bits as an integer (docs/FORMAT.md).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

from metabit.export.fold import inverse_std
from metabit.export.onnx.graph import Graph
from metabit.export.onnx.layers import layer_sums
from metabit.export.onnx.style import Fold, Style
from metabit.export.spec import InputSpec, Layer, Model

InputKind = Literal["integer", "float"]

INPUT, BANK, LOGITS, LABEL = "input", "bank", "logits", "label"
BATCH = "batch"

_TYPES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}


def build(model: Model, style: Style, input_kind: InputKind) -> onnx.ModelProto:
    """The graph, with a free batch size.

    Args:
        model: a packed model; with several banks the graph has a second input, ``bank``, an int64
            scalar.
        style: how weights and bits are written.
        input_kind: ``"integer"`` for samples in the model's 8-bit type, ``"float"`` for float32
            samples that the graph quantizes itself.

    Returns:
        a model with the outputs ``logits``, float32 (batch, n_outputs), and ``label``, int64
        (batch,): the index of the largest logit, the lowest on ties.
    """
    several = model.n_banks > 1
    graph = Graph(BANK if several else None)
    values = _input(graph, model.input, input_kind)
    before: InputSpec | Layer = model.input
    for layer in model.layers[:-1]:
        sums = layer_sums(graph, style, layer, values, before)
        fold = Fold.of(layer.thresholds, spatial=len(layer.out_shape) - 1)
        values, before = style.signs(graph, layer.name, sums, fold), layer
    output = model.layers[-1]
    logits = _logits(graph, output, layer_sums(graph, style, output, values, before), model.eps)
    graph.node("ArgMax", [logits], LABEL, axis=1, keepdims=0, select_last_index=0)

    kind = TensorProto.FLOAT if input_kind == "float" else _TYPES[model.input.dtype]
    inputs = [helper.make_tensor_value_info(INPUT, kind, [BATCH, *model.input.shape])]
    if several:
        inputs.append(helper.make_tensor_value_info(BANK, TensorProto.INT64, []))
    outputs = [
        helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, [BATCH, model.n_outputs]),
        helper.make_tensor_value_info(LABEL, TensorProto.INT64, [BATCH]),
    ]
    made = helper.make_graph(graph.nodes, "metabit", inputs, outputs, graph.constants)
    made.quantization_annotation.extend(graph.annotations)
    functions = style.functions()
    opsets = [helper.make_opsetid("", style.opset)]
    opsets += [helper.make_opsetid(function.domain, 1) for function in functions]
    return helper.make_model(
        made, opset_imports=opsets, functions=functions, ir_version=style.ir_version,
        producer_name="metabit",
    )  # fmt: skip


def _input(graph: Graph, spec: InputSpec, kind: InputKind) -> str:
    """What the first layer sees: x - zero_point, float32."""
    if kind == "float":
        return _quantized(graph, spec)
    values = graph.node("Cast", [INPUT], "input/float", to=TensorProto.FLOAT)
    if spec.zero_point == 0:
        return values
    zero = graph.constant("input/zero_point", spec.zero_point, "float32")
    return graph.node("Sub", [values, zero], "input/centred")


def _quantized(graph: Graph, spec: InputSpec) -> str:
    """Float samples to integers as the engine does it, in float64: round(x / scale), saturated."""
    info = np.iinfo(spec.dtype)
    wide = graph.node("Cast", [INPUT], "input/float64", to=TensorProto.DOUBLE)
    scale = graph.constant("input/scale", spec.scale, "float64")
    levels = graph.node("Div", [wide, scale], "input/levels")
    rounded = graph.node("Round", [levels], "input/rounded")
    low = graph.constant("input/lowest", info.min - spec.zero_point, "float64")
    high = graph.constant("input/highest", info.max - spec.zero_point, "float64")
    clipped = graph.node("Clip", [rounded, low, high], "input/saturated")
    return graph.node("Cast", [clipped], "input/float", to=TensorProto.FLOAT)


def _logits(graph: Graph, layer: Layer, sums: str, eps: float) -> str:
    """((sums - mean) * inv_std) * gamma + beta."""
    name = layer.name
    columns = {
        "mean": [norm.mean for norm in layer.norms],
        "inv_std": [inverse_std(norm.var, eps) for norm in layer.norms],
        "gamma": [norm.gamma for norm in layer.norms],
        "beta": [norm.beta for norm in layer.norms],
    }
    mean, inv_std, gamma, beta = (
        graph.channels(f"{name}/{key}", np.stack(rows), "float32") for key, rows in columns.items()
    )
    centred = graph.node("Sub", [sums, mean], f"{name}/centred")
    scaled = graph.node("Mul", [centred, inv_std], f"{name}/normalised")
    stretched = graph.node("Mul", [scaled, gamma], f"{name}/scaled")
    return graph.node("Add", [stretched, beta], LOGITS)
