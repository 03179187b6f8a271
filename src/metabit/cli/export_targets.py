"""What `metabit export --to` can write: one function a target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..edge_runtime.plan import plan
from ..edge_runtime.sizes import format_kib
from ..errors import InputError
from ..export import c_source, container
from ..export.files import write_whole
from ..export.spec import Model
from .common import Answer, Output
from .inspect import sizes_table

#: (out, model, source, target) -> answer.
Write = Callable[[Output, Model, Path, Path], Answer]


def _mbit(out: Output, model: Model, _source: Path, target: Path) -> Answer:
    container.save(model, target)
    data = container.read_bytes(target)
    container.loads(data, str(target))  # what was written can be read
    sizes = container.sizes(model, data)
    out.line(f"{target}: {format_kib(len(data))}, {model.n_weights:,} binary weights")
    out.show(sizes_table(vars(sizes)))
    out.line(f"next: metabit verify {target}", "dim")
    return {"file": target, "sizes": vars(sizes)}


def _c(out: Output, model: Model, source: Path, target: Path) -> Answer:
    blob = container.dumps(model)
    arenas = c_source.ArenaBytes(plan(blob, learn="none").arena_bytes)
    if model.learn is not None:
        head, everything = (plan(blob, learn=learn).arena_bytes for learn in ("head", "all"))
        arenas = c_source.ArenaBytes(arenas.predict, head, everything)
    name = c_source.file_stem(source)
    files = c_source.c_files(model, blob, name, arenas, source.name)
    _make_folder(target)
    for file, content in files.items():
        write_whole(target / file, content)
    out.line(
        f"{target / name}.h and {name}.c: {format_kib(len(blob))} of flash, "
        f"{format_kib(arenas.predict)} of RAM to predict"
    )
    out.line(f"next: add both to your project, beside the C core ({name}.h says how)", "dim")
    return {
        "folder": target, "files": sorted(files), "name": name, "model_bytes": len(blob),
        "arena_bytes": vars(arenas),
    }  # fmt: skip


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror}", code="E-WRITE"
        ) from error


TARGETS: dict[str, Write] = {"mbit": _mbit, "c": _c}
