"""What is large, known before it is read: the memory of a table, the files of a folder."""

from __future__ import annotations

from pathlib import Path

from metabit.errors import InputError
from metabit.trainer.data.own import folders
from metabit.unpacking import MOST_UNPACKED_BYTES, free_bytes

_TEXTS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")

PER_BYTE = 5
"""Bytes of memory per byte of text: the text, its cells and their numbers, measured on INSECTS."""
WORTH_SAYING_BYTES = 64 * 2**20
WORTH_SAYING_FILES = 5000


def check_memory(where: str, text_bytes: int) -> None:
    """Refuse a table that is too large to be read whole.

    Raises:
        InputError: it is longer than is read, or this machine has too little memory free
            (E-DATA-READ).
    """
    hint = "thin it out, leave columns out, or save its numbers with numpy.save"
    if text_bytes > MOST_UNPACKED_BYTES:
        raise InputError(
            f"{where}: {_mib(text_bytes)} of text; tables of up to "
            f"{_mib(MOST_UNPACKED_BYTES)} are read: {hint}",
            code="E-DATA-READ",
        )
    free = free_bytes()
    if free is not None and text_bytes * PER_BYTE > free:
        raise InputError(
            f"{where}: to read {_mib(text_bytes)} of text takes about "
            f"{_mib(text_bytes * PER_BYTE)} of memory, and {_mib(free)} are free: "
            f"{hint}",
            code="E-DATA-READ",
        )


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.1f} MiB"


def said_before(path: str | None) -> str:
    """What a person should know before a large table or many files are read; empty for others.

    Errors as of `folders.files_in`.
    """
    file = Path(path or "")
    if path is not None and file.exists() and folders.is_folder(file):
        n_files = len(folders.names_in(file))
        return f"reading {n_files:,} files of {file.name}" if n_files >= WORTH_SAYING_FILES else ""
    if not file.is_file() or not file.name.lower().endswith(_TEXTS):
        return ""
    text_bytes = _text_bytes(file)
    if text_bytes < WORTH_SAYING_BYTES:
        return ""
    return (
        f"{file.name}: {_mib(text_bytes)} of text; reading it takes about "
        f"{_mib(text_bytes * PER_BYTE)} of memory"
    )


def _text_bytes(file: Path) -> int:
    """Bytes of text in a file; a file of gzip says at its end how many it unpacks to."""
    if file.suffix.lower() != ".gz":
        return file.stat().st_size
    with file.open("rb") as packed:
        packed.seek(-min(4, file.stat().st_size), 2)
        return int.from_bytes(packed.read(4), "little")
