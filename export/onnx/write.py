"""From a packed model to an ONNX file, checked, with what belongs to it as metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import onnx

import metabit
from metabit.errors import InputError
from metabit.export import container
from metabit.export.onnx.int2 import Int2
from metabit.export.onnx.network import InputKind, build
from metabit.export.onnx.packed import Packed
from metabit.export.onnx.plain import Plain
from metabit.export.onnx.qonnx import Qonnx
from metabit.export.onnx.style import Style
from metabit.export.spec import Model

STYLES: dict[str, Style] = {style.name: style for style in (Packed(), Int2(), Plain(), Qonnx())}


def to_onnx(
    model: Model, style: str = "packed", *, input_kind: InputKind = "integer",
    bank: int | None = None, source: bytes | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """A packed model as an ONNX model, checked by ONNX's own checker.

    Args:
        model: from `metabit.export.container.load`.
        style: ``"packed"``, ``"int2"``, ``"float"`` or ``"qonnx"``.
        input_kind: what the graph takes: see `metabit.export.onnx.network.build`.
        bank: keep only this normalisation bank; None keeps all, and the graph chooses by an input.
        source: the .mbit file it was read from; what `container.dumps` writes if None. Its SHA-256
            goes into the metadata.

    Raises:
        InputError: the model has no such bank.
    """
    blob = container.dumps(model) if source is None else source
    kept = model if bank is None else one_bank(model, bank)
    proto = build(kept, STYLES[style], input_kind)
    onnx.helper.set_model_props(proto, _metadata(model, blob, style, bank))
    proto.producer_version = metabit.__version__
    proto.graph.doc_string = (
        "A binary network of metabit. Every logit has the bits of metabit's own engine."
    )
    onnx.checker.check_model(proto, full_check=True)
    # Viewers and flows to FPGAs want the shape of every tensor in the file.
    return onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)


def one_bank(model: Model, bank: int) -> Model:
    """The model with one of its normalisation banks.

    Raises:
        InputError: there is no such bank.
    """
    if not 0 <= bank < model.n_banks:
        raise InputError(
            f"bank {bank}: this model has the banks 0 to {model.n_banks - 1}", code="E-BANK"
        )
    layers = tuple(
        replace(la, thresholds=la.thresholds[bank : bank + 1], norms=la.norms[bank : bank + 1])
        for la in model.layers
    )
    return replace(model, layers=layers)


def _metadata(model: Model, blob: bytes, style: str, bank: int | None) -> dict[str, str]:
    """What a person or a program wants to know about the file: name to text."""
    known = {f"metabit.{key}": value for key, value in model.meta.items() if key != "layer_names"}
    known |= {
        "metabit.mbit_sha256": hashlib.sha256(blob).hexdigest(),
        "metabit.style": style,
        "metabit.input_dtype": model.input.dtype,
        "metabit.input_scale": model.input.scale,
        "metabit.input_zero_point": model.input.zero_point,
        "metabit.n_banks": model.n_banks,
        "metabit.eps": model.eps,
    }
    if bank is not None:
        known["metabit.bank"] = bank
    return {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in known.items()
    }
