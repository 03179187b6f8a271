"""What `metabit export --to` can write: one function a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from metabit.cli.common import Answer, Output
from metabit.cli.tables import sizes_table
from metabit.edge_runtime.c_library import library_files
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.sizes import format_kib
from metabit.export import c_source, container
from metabit.export.bits import words
from metabit.export.file_sizes import file_sizes
from metabit.export.spec import Model
from metabit.extras import need
from metabit.files import make_folder, write_whole

#: What only some targets read: --style and so on, by name.
TargetOptions = Mapping[str, Any]
#: (out, model, source, target, options) -> answer.
Write = Callable[[Output, Model, Path, Path, TargetOptions], Answer]


def _mbit(
    out: Output, model: Model, _source: Path, target: Path, _options: TargetOptions
) -> Answer:
    data = container.dumps(model)
    container.loads(data, str(target))  # what is written can be read
    write_whole(target, data)
    sizes = file_sizes(model, data)
    out.line(f"{target}: {format_kib(len(data))}, {model.n_weights:,} binary weights")
    out.show(sizes_table(vars(sizes)))
    out.line(f"next: metabit verify {target}", "dim")
    return {"file": target, "sizes": vars(sizes)}


def _c(out: Output, model: Model, source: Path, target: Path, options: TargetOptions) -> Answer:
    blob = container.dumps(model)
    best, most = plan(blob, learn="auto", contexts=0), plan(blob, learn="auto")
    arenas = c_source.ArenaBytes(
        plan(blob, learn="none").arena_bytes, best.arena_bytes, best.reason,
        most.arena_bytes if most.contexts else None,
    )  # fmt: skip
    if model.learn is not None:
        head, everything = (plan(blob, learn=learn).arena_bytes for learn in ("head", "all"))
        arenas = replace(arenas, learn_head=head, learn_all=everything)
    if model.head is not None:
        arenas = replace(
            arenas,
            learn_counting=plan(blob, learn="counting").arena_bytes,
            learn_counting_small=plan(blob, learn="counting-small").arena_bytes,
        )
    arenas = replace(arenas, learn_tracking=plan(blob, learn="tracking").arena_bytes)
    name = c_source.file_stem(source)
    c_source.check_place(target, name, source.name)
    files = c_source.c_files(model, blob, name, arenas, source.name)
    _write_files(target, files)
    if options["core"]:
        _write_files(target / "metabit", library_files())
    out.line(
        f"{target / name}.h and {name}.c: {format_kib(len(blob))} of flash, "
        f"{format_kib(arenas.predict)} of RAM to predict"
    )
    core = (
        f"the library {target / 'metabit'}" if options["core"] else "the C core (--core writes it)"
    )
    out.line(f"next: add both to your project, and {core}; {name}.h says how", "dim")
    return {
        "folder": target, "files": sorted(files), "name": name, "model_bytes": len(blob),
        "arena_bytes": vars(arenas),
    }  # fmt: skip


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by their paths in the folder."""
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_whole(folder / name, content)


def _onnx(out: Output, model: Model, _source: Path, target: Path, options: TargetOptions) -> Answer:
    need("export --to onnx")

    from metabit.export.onnx.write import to_onnx

    style, bank = options["style"], options["bank"]
    proto = to_onnx(model, style, input_kind=options["input_kind"], bank=bank)
    n_bytes = write_whole(target, proto.SerializeToString(deterministic=True))
    weight_bytes = sum(4 * words(layer.n_in) * layer.n_out for layer in model.layers)
    opset = next(entry.version for entry in proto.opset_import if not entry.domain)
    out.line(
        f"{target}: {format_kib(n_bytes)} of ONNX, opset {opset}, style {style}; the weights of "
        f"the .mbit file are {format_kib(weight_bytes)}"
    )
    for kind, values in (("input", proto.graph.input), ("output", proto.graph.output)):
        for value in values:
            dims = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            out.line(f"  {kind} {value.name}: {' × '.join(map(str, dims)) or 'one number'}")
    return {
        "file": target, "style": style, "opset": opset, "bank": bank, "file_bytes": n_bytes,
        "weight_bytes": weight_bytes,
    }  # fmt: skip


def _tflite(
    out: Output, model: Model, source: Path, target: Path, options: TargetOptions
) -> Answer:
    need("export --to tflite")

    from metabit.export.tflite.write import to_tflite

    bank = options["bank"] or 0
    n_bytes = write_whole(target, to_tflite(model, name=source.stem, bank=bank))
    of_banks = f", bank {bank} of {model.n_banks}" if model.n_banks > 1 else ""
    out.line(
        f"{target}: {format_kib(n_bytes)} of TFLite{of_banks}: hidden layers int8, logits float32 "
        "with the bits of the engine's own"
    )
    return {"file": target, "bank": bank, "file_bytes": n_bytes}


def _safetensors(
    out: Output, model: Model, _source: Path, target: Path, _options: TargetOptions
) -> Answer:
    need("export --to safetensors")

    from metabit.export.tensors import dumps

    n_bytes = write_whole(target, dumps(model))
    hidden = "hidden weights included" if model.learn is not None else "without hidden weights"
    out.line(f"{target}: {format_kib(n_bytes)} of safetensors, {hidden}")
    return {"file": target, "file_bytes": n_bytes}


TARGETS: dict[str, Write] = {
    "mbit": _mbit, "c": _c, "onnx": _onnx, "tflite": _tflite, "safetensors": _safetensors,
}  # fmt: skip

#: Targets that hold the head of a model; the others hold its network alone.
CARRIES_HEAD = ("mbit", "c")
