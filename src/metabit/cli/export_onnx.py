"""`metabit export --to onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..edge_runtime.sizes import format_kib
from ..export.bits import words
from ..export.spec import Model
from ..export.whole_file import write_whole
from .common import Answer, Output, need_extra


def write_onnx(out: Output, model: Model, target: Path, options: dict[str, Any]) -> Answer:
    """Write a model as ONNX in the style asked for, checked by ONNX's own checker."""
    need_extra("export", "onnx")

    from ..export.onnx.write import to_onnx

    style, bank = options["style"], options["bank"]
    proto = to_onnx(model, style, input_kind=options["input_kind"], bank=bank)
    data = proto.SerializeToString(deterministic=True)
    write_whole(target, data)
    weight_bytes = sum(4 * words(layer.n_in) * layer.n_out for layer in model.layers)
    opset = next(entry.version for entry in proto.opset_import if not entry.domain)
    out.line(
        f"{target}: {format_kib(len(data))} of ONNX, opset {opset}, style {style}; the weights of "
        f"the .mbit file are {format_kib(weight_bytes)}"
    )
    for kind, values in (("input", proto.graph.input), ("output", proto.graph.output)):
        for value in values:
            dims = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            out.line(f"  {kind} {value.name}: {' × '.join(map(str, dims)) or 'one number'}")
    return {
        "style": style,
        "opset": opset,
        "file_bytes": len(data),
        "weight_bytes": weight_bytes,
        "bank": bank,
    }
