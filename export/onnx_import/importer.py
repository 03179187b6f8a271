"""A checked ONNX file into a packed model, with a report that says what became of every layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from metabit.export.limits import check_limits
from metabit.export.onnx_import.builder import Builder, Built
from metabit.export.onnx_import.errors import refuse
from metabit.export.onnx_import.per_input import PerInput
from metabit.export.onnx_import.samples import Quantization
from metabit.export.onnx_import.steps import path_of
from metabit.export.shapes import layer_of
from metabit.export.spec import MAX_BANKS, InputSpec, Layer, Model
from metabit.export.windows import OF_THE_GRAPH

MIN_EPS = 1e-8


@dataclass(frozen=True)
class LayerReport:
    """What became of a layer.

    Attributes:
        name: of the layer.
        nodes: operators that it was, in order.
        became: what it is now, for people.
        packed_bytes: of its weights.
        n_macs: multiplications by a weight.
        note: where it differs from the graph; empty where it does not.
    """

    name: str
    nodes: tuple[str, ...]
    became: str
    packed_bytes: int
    n_macs: int
    note: str


@dataclass(frozen=True)
class Imported:
    """A network that was made elsewhere.

    Attributes:
        model: for inference: there are no hidden weights to learn from.
        layers: what became of each layer.
        channels_first: the graph wants maps channel first; the model row, column, channel.
        per_input: what the front end of the model does, which the graph has in front of its first
            layer; None where the model has none.
        before: names of what the operations in front of the first layer give in the graph.
        n_zeros: hidden channels for which one sum gives 0 in the graph, and +1 in the model.
    """

    model: Model
    layers: tuple[LayerReport, ...]
    channels_first: bool
    per_input: PerInput | None = None
    before: tuple[str, ...] = ()
    n_zeros: int = 0


def from_onnx(
    proto: onnx.ModelProto, where: str, samples: Quantization | None = None, *,
    keep_zeros: bool = False,
) -> Imported:  # fmt: skip
    """Import a network.

    Args:
        proto: from `metabit.export.onnx.read.load`.
        where: name of the file, for messages.
        samples: how 8-bit samples stand for the floats that the graph takes; for files of metabit
            and for integer inputs it is not needed.
        keep_zeros: where a sign gives 0 for one sum, as ONNX's does, 0 is a third value, and the
            channels of the layer have two bits each; otherwise +1.

    Raises:
        FormatError: it is no chain of binary layers; says which node, and what is supported.
        InputError: it breaks a limit of the .mbit format.
    """
    told = _metadata(proto)
    banks = _n_banks(proto, told, where)
    eps = _number(told, "metabit.eps")
    if eps is not None and not MIN_EPS <= eps <= 1:
        raise refuse(where, f"its metadata tell an eps of {eps}")
    quantization = samples or _quantization(told)
    built = [_built(proto, bank, quantization, eps, where, keep_zeros) for bank in range(banks)]
    first = built[0]
    layers = tuple(_layer(built, index, where) for index in range(len(first.layers)))
    spec = InputSpec(
        first.quantization.dtype, first.input_shape, float(np.float32(first.quantization.scale)),
        first.quantization.zero_point,
    )  # fmt: skip
    meta: dict[str, object] = {
        key.removeprefix("metabit."): _value(text)
        for key, text in told.items()
        if key in ("metabit.method", "metabit.m", "metabit.class_names", "metabit.data")
    }
    meta["layer_names"] = [layer.name for layer in layers]
    meta["imported_from"] = proto.producer_name or "ONNX"
    per_input, front_end = first.per_input, None
    if per_input is not None:
        front_end = per_input.front_end(spec.shape, where)
        meta[OF_THE_GRAPH] = True
    model = Model(
        spec, layers, float(np.float32(first.output.eps)), None, None, meta, front_end=front_end
    )
    check_limits(model)
    reports = tuple(_report(first, index, layer) for index, layer in enumerate(layers))
    n_zeros = sum(sum(bank.zeros) for bank in built)
    return Imported(model, reports, first.channels_first, per_input, first.before, n_zeros)


def _built(
    proto: onnx.ModelProto, bank: int, told: Quantization | None, eps: float | None, where: str,
    keep_zeros: bool,
) -> Built:  # fmt: skip
    try:
        # Numbers of the file may be anything; what comes out of them is checked.
        with np.errstate(all="ignore"):
            return Builder(path_of(proto, bank, where), told, eps, where, keep_zeros).build()
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        # The checker does not see everything: attributes of another type, operands that do not fit.
        raise refuse(where, f"its nodes contradict each other ({error})") from error


def _layer(built: list[Built], index: int, where: str) -> Layer:
    """A layer with the thresholds, or the output's normalisation, of all banks.

    Raises:
        FormatError: banks want different weights of it.
    """
    linear = built[0].layers[index]
    if any(not np.array_equal(bank.layers[index].signs, linear.signs) for bank in built[1:]):
        raise refuse(where, f"the weights of {linear.name} differ between banks")
    last = index + 1 == len(built[0].layers)
    thresholds = () if last else tuple(bank.thresholds[index] for bank in built)
    norms = tuple(bank.output.norm for bank in built) if last else ()
    return layer_of(linear.shape, linear.name, linear.signs, thresholds, norms)


def _report(built: Built, index: int, layer: Layer) -> LayerReport:
    linear = built.layers[index]
    shape = " × ".join(map(str, layer.out_shape))
    if linear.window is None:
        became = f"dense, {layer.n_in} → {layer.n_out}"
    else:
        w = linear.window
        pool = f", pool {w.pool}" if w.pool > 1 else ""
        became = f"conv {w.kernel_size}×{w.kernel_size}, padding {w.padding}{pool} → {shape}"
    if linear.stands_for is not None:
        n_channels, most = len(linear.stands_for.middle), linear.stands_for.most_steps
        became += f": {n_channels} channels of up to {most + 1} values, a bit for each step"
    if index + 1 == len(built.layers):
        note = built.output.note
    else:
        n_zero = built.zeros[index]
        note = f"a sum gives 0 in {n_zero} channels of the graph; +1 here" if n_zero else ""
    nodes = tuple(step.operator for step in linear.steps)
    packed = 4 * -(-layer.n_in // 32) * layer.n_out
    return LayerReport(linear.name, nodes, became, packed, layer.n_macs, note)


def _metadata(proto: onnx.ModelProto) -> dict[str, str]:
    found = {entry.key: entry.value for entry in proto.metadata_props}
    return found if "metabit.style" in found else {}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(told: Mapping[str, str], key: str) -> float | None:
    value = _value(told.get(key, ""))
    return float(value) if isinstance(value, int | float) and abs(value) < 1e30 else None


def _quantization(told: Mapping[str, str]) -> Quantization | None:
    if not told:
        return None
    scale, zero = _number(told, "metabit.input_scale"), _number(told, "metabit.input_zero_point")
    dtype = told.get("metabit.input_dtype")
    if scale is None or zero is None or dtype not in ("uint8", "int8"):
        return None
    return Quantization("int8" if dtype == "int8" else "uint8", scale, int(zero))


def _n_banks(proto: onnx.ModelProto, told: Mapping[str, str], where: str) -> int:
    if "bank" not in {value.name for value in proto.graph.input}:
        return 1
    found = _number(told, "metabit.n_banks")
    if found is None or not 1 <= found <= MAX_BANKS or found != np.trunc(found):
        raise refuse(where, "it has an input `bank`, and its metadata do not tell how many")
    return int(found)
