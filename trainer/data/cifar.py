"""CIFAR-10 in its binary version: finds, reads and fetches it. NumPy only.

The archive holds six files of 10,000 records, five to train on and one to test with. A record is
the label in a byte, and then 32 rows of 32 pixels for red, for green and for blue.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path

import numpy as np

from metabit.errors import CorruptError, InputError, reason
from metabit.trainer.data import idx_sets
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.download import Contents, ReportBytes, download, is_verified

URL = "https://www.cs.toronto.edu/~kriz/"
ARCHIVE = "cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
"""Checksum of the archive as it is downloaded."""
ARCHIVE_BYTES = 170_052_171

SETS = ("cifar-10",)
FOLDER = "cifar-10-batches-bin"
"""What the archive unpacks to; it is read where it lies in place of the archive."""

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
SHAPE = (3, 32, 32)
CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_RECORD_BYTES = 1 + 3 * 32 * 32


def find(name: str) -> Path | None:
    """The first folder that holds the archive or its six files, or None."""
    for folder in idx_sets.search_path(name):
        unpacked = folder / FOLDER
        files = all((unpacked / file).is_file() for file in (*TRAIN, TEST))
        if files or (folder / ARCHIVE).is_file():
            return folder
    return None


def fetch(name: str, base_url: str | None = None, report: ReportBytes | None = None) -> Path:
    """Download the archive and verify it; an archive that is there and good is kept.

    Args:
        name: "cifar-10".
        base_url: another place to fetch from, ending in a slash.
        report: told about the progress.

    Returns:
        the folder that holds it.

    Raises:
        StorageError: no connection, or the folder cannot be written.
        CorruptError: what arrived does not match its checksum.
    """
    folder = idx_sets.fetch_folder() / name
    contents = Contents(ARCHIVE_BYTES, SHA256, unpacked=False)
    if not is_verified(folder / ARCHIVE, contents):
        download(f"{base_url or URL}{ARCHIVE}", folder / ARCHIVE, contents, report)
    return folder


def load(name: str, folder: Path) -> DataSet:
    """Read the set from a folder that `find` gave.

    Raises:
        InputError: a file is missing, or cannot be read.
        CorruptError: a file is damaged, or is not records of CIFAR-10.
    """
    files = _files(folder)
    missing = [file for file in (*TRAIN, TEST) if file not in files]
    if missing:
        raise InputError(f"{folder}: lacks {', '.join(missing)}", code="E-DATA-MISSING")
    parts = [_records(folder / file, files[file]) for file in TRAIN]
    x, y = (np.concatenate(arrays) for arrays in zip(*((p.x, p.y) for p in parts), strict=True))
    return DataSet(
        name=name,
        train=Split(x, y),
        test=_records(folder / TEST, files[TEST]),
        n_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
        dtype="uint8",
        scale=1 / 255,
        zero_point=0,
        citation=(
            "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, technical "
            "report, University of Toronto"
        ),
        source=str(folder),
    )


def _files(folder: Path) -> dict[str, bytes]:
    """The contents of the six files by name, from the unpacked folder or else the archive."""
    try:
        if (folder / FOLDER).is_dir():
            there = [folder / FOLDER / file for file in (*TRAIN, TEST)]
            return {path.name: path.read_bytes() for path in there if path.is_file()}
        found = {}
        with tarfile.open(folder / ARCHIVE, "r:gz") as archive:
            for entry in archive:
                name = Path(entry.name).name
                content = archive.extractfile(entry)
                if name in (*TRAIN, TEST) and content is not None:
                    found[name] = content.read()
        return found
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptError(
            f"{folder / ARCHIVE}: damaged ({error}); `metabit data fetch cifar-10` gets it again",
            code="E-DATA-FORMAT",
        ) from error
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be read ({reason(error)})", code="E-DATA-READ"
        ) from error


def _records(path: Path, content: bytes) -> Split:
    if not content or len(content) % _RECORD_BYTES:
        raise CorruptError(
            f"{path}: {len(content):,} bytes are no records of {_RECORD_BYTES:,} bytes",
            code="E-DATA-FORMAT",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD_BYTES)
    y = records[:, 0].copy()
    if y.max() >= len(CLASS_NAMES):
        raise CorruptError(f"{path}: label {y.max()} is not one of 0 to 9", code="E-DATA-FORMAT")
    return Split(np.ascontiguousarray(records[:, 1:]).reshape(-1, *SHAPE), y)
