"""Folders and zips of WAV, CSV, PNG and JPEG files, whose names say what they hold."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, FormatError, InputError, MetabitError, reason
from metabit.extras import need
from metabit.unpacking import DAMAGE, MOST_UNPACKED_BYTES, check_entry

PICTURES = (".png", ".jpg", ".jpeg")
SOUNDS = (".wav",)
TABLES = (".csv", ".tsv")
MOST_PIXELS = 2**24

_DEFAULT_PATTERN, _DEFAULT_WITH_SPLIT = "{label}/{}", "{split}/{label}/{}"
_TRAINED_ON = ("train", "training")
HELD_OUT = ("test", "testing", "validation", "val", "valid")

SAY_THE_PATTERN = (
    "if the names of the files tell classes apart, say how: --pattern, or pattern in [data] of a "
    'recipe, such as "{label}_{group}_{}.wav"'
)
"""For a folder that holds one class as far as names of folders say."""


@dataclass(frozen=True)
class Found:
    """One file of a folder or zip.

    Attributes:
        name: its path in there, with slashes.
        label, group, split: what its name says; "" where it says nothing.
        data: its bytes.
    """

    name: str
    label: str
    group: str
    split: str
    data: bytes


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, or a zip of files that is no .npz."""
    return path.is_dir() or path.suffix.lower() == ".zip"


def files_in(path: Path, pattern: str | None) -> Iterator[Found]:
    """Every file with a known suffix, in the order of their names.

    Args:
        path: a folder or a .zip.
        pattern: see `OwnData`.

    Raises:
        InputError: there is none (E-DATA-EMPTY), a name does not say what it holds
            (E-DATA-PATTERN), or a file cannot be read (E-DATA-READ).
        FormatError, CorruptError: not a zip, or a damaged one (E-DATA-FORMAT).
    """
    pattern = pattern or usual_pattern(path)
    for file in _named(path, [pattern]):
        if not file.label:
            raise InputError(
                f"{path}: {file.name} does not fit the pattern {pattern!r}; set "
                '[data] pattern, such as "{label}/{}" or "{label}_{group}_{}.wav"',
                code="E-DATA-PATTERN",
            )
        yield file


def new_files_in(path: Path, pattern: str | None) -> Iterator[Found]:
    """Every file as of `files_in`, for a model that is trained: no name has to say anything.

    A folder of the split may be left out, and files of which no class is known have none.

    Raises:
        InputError: some names say a class and others do not (E-DATA-PATTERN); errors of `files_in`.
    """
    pattern = pattern or usual_pattern(path)
    first: Found | None = None
    for file in _named(path, [pattern, pattern.replace("{split}/", "")]):
        first = first or file
        if bool(file.label) != bool(first.label):
            one, other = (first, file) if first.label else (file, first)
            raise InputError(
                f"{path}: {one.name} says its class, {one.label}, and {other.name} does not: put "
                "them into two folders",
                code="E-DATA-PATTERN",
            )
        yield file


def _named(path: Path, patterns: list[str]) -> Iterator[Found]:
    """Every file, with what the first pattern that it fits says of it; nothing if it fits none."""
    expressions = [re.compile(_as_expression(pattern)) for pattern in patterns]
    n = 0
    for name, data in _in_zip(path) if path.is_file() else _in_folder(path):
        n += 1
        said = next(filter(None, (each.fullmatch(name) for each in expressions)), None)
        parts = {} if said is None else said.groupdict(default="")
        yield Found(
            name, parts.get("label", ""), parts.get("group", ""), parts.get("split", ""), data
        )
    if n == 0:
        raise InputError(
            f"{path}: no {', '.join((*SOUNDS, *PICTURES, *TABLES))} files", code="E-DATA-EMPTY"
        )


def neither(path: str, file: Found) -> FormatError:
    """The error for a file of another kind than the first one of its folder."""
    return FormatError(
        f"{path}: {file.name}: a folder holds either pictures, or recordings as WAV or CSV files",
        code="E-DATA-FORMAT",
    )


def usual_pattern(path: Path) -> str:
    """The pattern where nobody gives one: the folder of a file is its class.

    Where the folders above the classes are called train and test, they are the split.
    Errors as of `files_in`.
    """
    above = set()
    for name in names_in(path):
        parts = PurePosixPath(name).parts
        above.add(parts[-3].lower() if len(parts) > 2 else "")
    has_both = not above.isdisjoint(_TRAINED_ON) and not above.isdisjoint(HELD_OUT)
    is_split = has_both and above <= {*_TRAINED_ON, *HELD_OUT}
    return _DEFAULT_WITH_SPLIT if is_split else _DEFAULT_PATTERN


def _as_expression(pattern: str) -> str:
    """A pattern as a regular expression for whole names, below any folders."""
    parts = re.split(r"(\{\w*\})", pattern)
    words = {"{label}": "(?P<label>[^/]+?)", "{group}": "(?P<group>[^/]+?)"}
    words |= {"{split}": "(?P<split>[^/]+?)", "{}": "[^/]*?"}
    unknown = [part for part in parts if part.startswith("{") and part not in words]
    if unknown or "{label}" not in parts or len(set(parts) & {"{label}"}) != 1:
        raise InputError(
            f'[data] pattern = "{pattern}": it needs {{label}} once, and may have {{group}}, '
            "{split} and {}",
            code="E-DATA-PATTERN",
        )
    inner = "".join(words.get(part, re.escape(part)) for part in parts)
    return rf"(?:.*/)?{inner}(?:\.[A-Za-z]+)?"


def _is_known(name: str) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
    return not hidden and name.lower().endswith((*SOUNDS, *PICTURES, *TABLES))


def names_in(path: Path) -> list[str]:
    """Names of all files with a known suffix, in their order.

    Raises:
        InputError: a folder cannot be looked into (E-DATA-READ).
    """
    if path.is_dir():
        walk = os.walk(path, onerror=_unreadable)
        files = (Path(folder, name) for folder, _, names in walk for name in names)
        found = ((file.relative_to(path).as_posix(), file) for file in files)
        return sorted(name for name, file in found if _is_known(name) and file.is_file())
    with _opened_zip(path) as archive:
        return [entry.filename for entry in _entries(archive)]


def _unreadable(error: OSError) -> NoReturn:
    raise InputError(
        f"{error.filename}: cannot be looked into ({error.strerror})", code="E-DATA-READ"
    ) from error


def _in_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for name in names_in(path):
        try:
            yield name, (path / name).read_bytes()
        except OSError as error:
            raise InputError(
                f"{path / name}: cannot be read ({error.strerror})", code="E-DATA-READ"
            ) from error


def _in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    left = MOST_UNPACKED_BYTES
    with _opened_zip(path) as archive:
        for entry in _entries(archive):
            left -= entry.file_size
            if left < 0:
                raise InputError(
                    f"{path}: up to {entry.filename} it says to hold more than "
                    f"{MOST_UNPACKED_BYTES:,} bytes, which is what is unpacked at most; "
                    "unpack it into a folder",
                    code="E-DATA-READ",
                )
            check_entry(archive, entry)
            yield entry.filename, archive.read(entry)


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Its files with a known suffix, in the order of their names."""
    known = [e for e in archive.infolist() if _is_known(e.filename) and not e.is_dir()]
    return sorted(known, key=lambda entry: entry.filename)


@contextlib.contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip; what goes wrong while it is read is said as `files_in` says it."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            yield archive
    except MetabitError:
        raise
    except DAMAGE as error:
        raise CorruptError(
            f"{path}: not a zip, or a damaged one ({error})", code="E-DATA-FORMAT"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})", code="E-DATA-READ") from error


def _because(error: BaseException) -> str:
    """What a reader of files said, where that tells people something."""
    said = str(error)
    return f" ({said})" if said and " object at 0x" not in said else ""


def sound(found: Found) -> tuple[NDArray[np.float64], int]:
    """Counts of a WAV file, shape (n_frames, n_channels), in 16 bits, and its frames per second.

    Raises:
        FormatError: not a WAV file of integers (E-DATA-FORMAT).
    """
    try:
        with wave.open(io.BytesIO(found.data)) as file:
            n_channels, n_bytes, rate = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
            )
            raw = file.readframes(file.getnframes())
    except (wave.Error, *DAMAGE) as error:
        raise FormatError(
            f"{found.name}: not a WAV file of integers{_because(error)}", code="E-DATA-FORMAT"
        ) from error
    if n_bytes == 1:
        counts = (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) * 256
    else:  # the upper two bytes of each value, the lowest byte first
        bytes_ = np.frombuffer(raw, np.uint8)[: len(raw) // n_bytes * n_bytes]
        counts = bytes_.reshape(-1, n_bytes)[:, -2:].copy().view("<i2")[:, 0].astype(np.float64)
    return counts[: len(counts) // n_channels * n_channels].reshape(-1, n_channels), rate


def picture(found: Found) -> NDArray[np.uint8]:
    """Pixels of a picture: (rows, columns) where it is grey, otherwise (3, rows, columns).

    Raises:
        FormatError: not a picture, or one of more than 2**24 pixels (E-DATA-FORMAT).
    """
    need("read pictures")
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # said below
            opened = Image.open(io.BytesIO(found.data))
        with opened as image:
            if image.width * image.height > MOST_PIXELS:
                raise FormatError(
                    f"{found.name}: {image.width} x {image.height} pixels; up to {MOST_PIXELS:,} "
                    "are read",
                    code="E-DATA-FORMAT",
                )
            grey = image.mode in ("1", "L", "LA", "I;16")
            pixels = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    except MetabitError:
        raise
    except (Image.DecompressionBombError, OSError, *DAMAGE) as error:
        raise FormatError(
            f"{found.name}: not a picture{_because(error)}", code="E-DATA-FORMAT"
        ) from error
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
