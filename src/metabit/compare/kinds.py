"""From a path to the artefact that is there: one line a kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metabit.compare.artefact import Artefact
from metabit.compare.onnx_file import open_onnx
from metabit.compare.packed import open_c, open_mbit, open_safetensors, open_state
from metabit.compare.tflite_file import open_tflite
from metabit.errors import InputError

#: (path, the .mbit file that a learnt state belongs to) -> artefact, by the suffix of the file.
KINDS: dict[str, Callable[[Path, Path | None], Artefact]] = {
    ".mbit": open_mbit,
    ".mbs": open_state,
    ".c": open_c,
    ".onnx": open_onnx,
    ".tflite": open_tflite,
    ".safetensors": open_safetensors,
}


def open_artefact(path: Path, base: Path | None = None) -> Artefact:
    """Open one form of a model.

    Args:
        path: a file of a kind in `KINDS`, or the state folder of an engine.
        base: the .mbit file that a learnt state belongs to.

    Raises:
        InputError: there is nothing, or nothing that is known.
        FormatError, CorruptError: the file is rejected.
    """
    if path.is_dir():
        return open_state(path, base)
    if not path.is_file():
        raise InputError(f"{path}: no such file", code="E-READ")
    if path.suffix.lower() not in KINDS:
        raise InputError(
            f"{path}: cannot be compared; known are a state folder and {', '.join(KINDS)}",
            code="E-ARTEFACT",
        )
    return KINDS[path.suffix.lower()](path, base)
