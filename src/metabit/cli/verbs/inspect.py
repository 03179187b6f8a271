"""`metabit inspect`: what is in a .mbit file, or in a learnt state."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from metabit.cli.common import Answer, Output, verb
from metabit.cli.heads import facts, in_words, tracking_facts, tracking_in_words
from metabit.cli.options import FILE
from metabit.cli.state_view import show_file, show_states
from metabit.cli.tables import sizes_table, table, table_below
from metabit.edge_runtime.sizes import format_kib
from metabit.edge_runtime.states.state_history import history
from metabit.export import container
from metabit.export.bits import level_row_bytes, words
from metabit.export.blob import Blob
from metabit.export.file_sizes import file_sizes
from metabit.export.layout import Section, version_text
from metabit.export.spec import ConvLayer, Layer, Model
from metabit.export.states.files import state_bytes

STATE_SUFFIX = ".mbs"


@verb("inspect")
@FILE
def command(out: Output, file: Path) -> Answer:
    """Show the header, layers, sizes and sections of FILE, after checking all of it.

    FILE may also be a state file (.mbs), or the folder in which `metabit learn` keeps states.
    """
    if file.is_dir():
        return {"folder": file, "states": show_states(out, file, history(file))}
    if file.suffix.lower() == STATE_SUFFIX:
        return {"file": file, **show_file(out, file, state_bytes(file))}
    blob = Blob.of(file)
    data, model = blob.data, blob.model
    sections = container.sections(data, str(file))
    sizes = file_sizes(model, data)
    _print_header(out, file, model, data)
    _print_layers(out, model)
    _print_sections(out, sections, len(data))
    out.show(sizes_table(vars(sizes)))
    if model.meta:
        out.line("meta", "bold")
        for key, value in sorted(model.meta.items()):
            out.line(f"  {key}: {_short(value)}")
    return {
        "file": file,
        "format_version": version_text(data),
        "input": {
            "dtype": model.input.dtype,
            "shape": model.input.shape,
            "scale": model.input.scale,
            "zero_point": model.input.zero_point,
        },
        "n_outputs": model.n_outputs,
        "class_names": model.class_names,
        "n_banks": model.n_banks,
        "n_golden": 0 if model.golden is None else len(model.golden.inputs),
        "head": facts(model),
        "tracking_head": tracking_facts(model),
        "learns_as_told": None if model.told is None else asdict(model.told),
        "n_probes": 0 if model.probes is None else len(model.probes.labels),
        "layers": [_layer(model, index) for index in range(len(model.layers))],
        "sections": [vars(section) for section in sections],
        "sizes": vars(sizes),
        "meta": dict(model.meta),
    }


def _layer(model: Model, index: int) -> Answer:
    """Facts of one layer: shapes, bits and bytes."""
    layer, learn = model.layers[index], model.learn
    return {
        "name": layer.name,
        "type": "conv" if isinstance(layer, ConvLayer) else "dense",
        **(_window(layer) if isinstance(layer, ConvLayer) else {}),
        "n_in": layer.n_in,
        "n_out": layer.n_out,
        "out_shape": layer.out_shape,
        "n_macs": layer.n_macs,
        "n_weights": layer.n_in * layer.n_out,
        "weight_bytes": 4 * words(layer.n_in) * layer.n_out,
        "state_bits": 0 if learn is None else learn.bits,
        "state_bytes": 0
        if learn is None
        else level_row_bytes(layer.n_in, learn.bits) * layer.n_out,
        "m": None if learn is None else learn.m[index],
        "n_thresholds": sum(len(threshold.value) for threshold in layer.thresholds),
    }


def _window(layer: ConvLayer) -> Answer:
    """Where a convolution looks."""
    facts = vars(layer.window)
    return {name: facts[name] for name in ("in_shape", "kernel_size", "stride", "padding", "pool")}


def _print_header(out: Output, file: Path, model: Model, data: bytes) -> None:
    spec = model.input
    shape = "×".join(map(str, spec.shape))
    learns = f"{model.learn.bits}-bit hidden weights" if model.learn else "no: inference only"
    golden = 0 if model.golden is None else len(model.golden.inputs)
    rows = table(str(file), "", "")
    rows.show_header = False
    rows.add_row("file", f"{format_kib(len(data))}, format {version_text(data)}, intact")
    rows.add_row(
        "input", f"{spec.dtype} {shape}, scale {spec.scale:.6g}, zero point {spec.zero_point}"
    )
    names = ", ".join(map(model.class_name, range(len(model.class_names))))
    rows.add_row("classes", f"{model.n_outputs}{': ' if names else ''}{names}")
    rows.add_row("binary weights", f"{model.n_weights:,}")
    rows.add_row("banks", str(model.n_banks))
    rows.add_row("can learn", learns)
    rows.add_row("head", "none" if model.head is None else in_words(model))
    if model.tracker is not None:
        rows.add_row("tracking head", tracking_in_words(model.tracker))
    if model.told is not None:
        rows.add_row("learns as told", ", ".join(f"{k} {v}" for k, v in asdict(model.told).items()))
    rows.add_row("probes", str(0 if model.probes is None else len(model.probes.labels)))
    rows.add_row("golden samples", str(golden))
    out.show(rows)


def _print_layers(out: Output, model: Model) -> None:
    rows = table_below(
        "layers", "name", "type", ">in", ">out", ">weights", ">packed", ">state", ">m at end",
        "then",
    )  # fmt: skip
    for index, layer in enumerate(model.layers):
        facts = _layer(model, index)
        rows.add_row(
            layer.name, _kind(layer), f"{layer.n_in:,}", f"{layer.n_out:,}",
            f"{facts['n_weights']:,}", format_kib(facts["weight_bytes"]),
            format_kib(facts["state_bytes"]) if model.learn else "-",
            f"{facts['m']:.3g}" if model.learn else "-", _then(layer),
        )  # fmt: skip
    out.show(rows)


def _kind(layer: Layer) -> str:
    """A layer's type, for people."""
    if not isinstance(layer, ConvLayer):
        return "binary dense"
    window, (rows, columns, _) = layer.window, layer.out_shape
    stride = f", stride {window.stride}" if window.stride > 1 else ""
    pool = f", pool {window.pool}" if window.pool > 1 else ""
    side = window.kernel_size
    return f"binary conv {side}×{side}, {window.padding}{stride}{pool}, to {rows}×{columns}"


def _then(layer: Layer) -> str:
    """What follows a layer's sums, for people."""
    return "thresholds" if layer.thresholds else "scores"


def _print_sections(out: Output, sections: list[Section], n_bytes: int) -> None:
    rows = table_below("sections", "type", "", ">offset", ">length", ">share", "CRC-32")
    for section in sections:
        rows.add_row(
            section.type, "critical" if section.critical else "optional",
            f"{section.offset_bytes:,}", f"{section.length_bytes:,}",
            f"{section.length_bytes / n_bytes:.1%}", f"{section.crc32:08x}",
        )  # fmt: skip
    out.show(rows)


def _short(value: object, most: int = 90) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"
