"""From a packed model to the bytes of a .tflite file, with what belongs to it as metadata."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import tflite
from numpy.typing import NDArray

import metabit
from metabit.errors import InputError
from metabit.export import container
from metabit.export.fold import inverse_std
from metabit.export.limits import check_limits
from metabit.export.spec import Layer, Model, Norm
from metabit.export.tflite.graph import Graph, Tensor, dumps
from metabit.export.tflite.layers import Activation, add_hidden, add_input

FORMAT = "metabit/tflite/1"
"""Of the metadata."""


def to_tflite(
    model: Model, *, name: str = "metabit", bank: int = 0, source: bytes | None = None
) -> bytes:
    """A packed model as a .tflite file.

    It takes the samples that the engine takes, (n, *input_shape) of its 8-bit type, and gives the
    logits, (n, n_outputs) float32, with the bits of the engine's own, and labels, (n,) int32.
    Hidden layers are int8. The output layer sums signs, and normalises the sums, in float32, where
    the sums are exact and the rest is rounded as everywhere.

    Args:
        model: from `metabit.export.container.load`.
        name: of the graph.
        bank: normalisation bank.
        source: the .mbit file it was read from; what `container.dumps` writes if None. Its SHA-256
            goes into the metadata.

    Raises:
        InputError: there is no such bank, or the model breaks a limit of the .mbit format.
    """
    check_limits(model)
    if not 0 <= bank < model.n_banks:
        raise InputError(
            f"bank {bank} does not exist, the model has {model.n_banks} (from 0)", code="E-BANK"
        )
    spec, graph = model.input, Graph()
    scale = float(np.float32(spec.scale))
    x = graph.tensor(Tensor("input", (-1, *spec.shape), spec.dtype, scale, spec.zero_point))
    y = Activation(x, spec.shape, scale, spec.zero_point, is_input=True)
    hidden = model.layers[:-1]
    if hidden:
        y = add_input(graph, y, "input_int8")
    bits: dict[str, str] = {}
    for layer in hidden:
        y = add_hidden(graph, y, layer, layer.thresholds[bank])
        bits[layer.name] = graph.tensors[y.tensor].name
    output = model.layers[-1]
    logits = _add_output(graph, y, output, output.norms[bank], model.eps)
    axis = graph.constant("classes", np.array(1, np.int32))
    label = graph.add(
        "ARG_MAX",
        [logits, axis],
        Tensor("label", (-1,), "int32"),
        OutputType=tflite.TensorType.INT32,
    )
    blob = container.dumps(model) if source is None else source
    return dumps(
        graph, [x], [logits, label],
        name=name,
        description=f"A binary network of metabit {metabit.__version__}, exact in int8",
        metadata={"metabit": _metadata(model, blob, bank, bits)},
    )  # fmt: skip


def _metadata(model: Model, blob: bytes, bank: int, bits: dict[str, str]) -> bytes:
    """Where the file comes from, and which tensors hold the bits of which layer."""
    facts = {
        "format": FORMAT,
        "version": metabit.__version__,
        "mbit_sha256": hashlib.sha256(blob).hexdigest(),
        "bank": bank,
        "bits": bits,
        "meta": dict(model.meta),
    }
    return json.dumps(facts, sort_keys=True, allow_nan=False).encode()


def _add_output(graph: Graph, x: Activation, layer: Layer, norm: Norm, eps: float) -> int:
    """((sum - mean) * inv_std) * gamma + beta, one float32 operator each; sums stay below 2**24."""
    y = _floats(graph, x)
    shape = (-1, layer.n_out)
    weights = graph.constant(f"{layer.name}/weights", layer.weights.astype(np.float32))
    y = graph.add(
        "FULLY_CONNECTED", [y, weights, -1], Tensor(f"{layer.name}/sums", shape, "float32")
    )
    steps: list[tuple[str, str, NDArray[np.float32], str]] = [
        ("SUB", "mean", norm.mean, f"{layer.name}/centred"),
        ("MUL", "inverse_deviation", inverse_std(norm.var, eps), f"{layer.name}/normalised"),
        ("MUL", "gamma", norm.gamma, f"{layer.name}/scaled"),
        ("ADD", "beta", norm.beta, "logits"),
    ]
    for kind, constant, value, name in steps:
        operand = graph.constant(f"{layer.name}/{constant}", value.astype(np.float32))
        y = graph.add(kind, [y, operand], Tensor(name, shape, "float32"))
    return y


def _floats(graph: Graph, x: Activation) -> int:
    """The integers as floats: signs, or, in a network of one layer, input less zero point."""
    if not x.is_input:
        return graph.add("DEQUANTIZE", [x.tensor], Tensor("signs", (-1, *x.shape), "float32"))
    y = graph.add("CAST", [x.tensor], Tensor("values", (-1, *x.shape), "float32"))
    if x.zero_point == 0:
        return y
    zero = graph.constant("zero_point", np.array([x.zero_point], np.float32))
    return graph.add("SUB", [y, zero], Tensor("centred", (-1, *x.shape), "float32"))
