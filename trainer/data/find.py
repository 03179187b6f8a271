"""Data sets by name: digits and HAPT are bundled, the others are found or fetched.

Every set is a `DataSet` of 8-bit integers. NumPy only.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from metabit.errors import InputError, nearest
from metabit.trainer.data import bundled, cifar, idx_sets
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.download import ReportBytes

__all__ = ["DataSet", "Split", "fetch", "find", "load", "names", "search_path", "where"]


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return (*bundled.LOADERS, *idx_sets.SETS, *cifar.SETS)


def _is_bundled(name: str) -> bool:
    """Whether `name` comes with metabit; InputError if there is no such set."""
    if name not in names():
        raise InputError(f'no data set "{name}": {nearest(name, names())}', code="E-DATA-NAME")
    return name in bundled.LOADERS


def _reader(name: str) -> ModuleType:
    """The module that finds, fetches and reads a set that is not bundled."""
    return cifar if name in cifar.SETS else idx_sets


def search_path(name: str) -> tuple[Path, ...]:
    """Folders in which `name` is looked for, in this order.

    They are $METABIT_DATA alone where it is set, and otherwise the user cache and
    /usr/share/datasets. Raises InputError for an unknown name.
    """
    return (bundled.FOLDER,) if _is_bundled(name) else idx_sets.search_path(name)


def find(name: str) -> Path | None:
    """The file (bundled sets) or the folder that holds `name`, or None.

    Raises:
        InputError: no such name.
    """
    if _is_bundled(name):
        return bundled.path_of(name)
    found: Path | None = _reader(name).find(name)
    return found


def load(name: str, fetch: bool = False) -> DataSet:
    """A data set by name.

    Args:
        name: one of `names()`.
        fetch: download it if it is not on this machine.

    Raises:
        InputError: no such name, or the set is not on this machine and `fetch` is False.
        FormatError, CorruptError: a file is not what it should be.
        StorageError: a file cannot be read, or fetched.
    """
    if _is_bundled(name):
        return bundled.load(name)
    reader = _reader(name)
    if fetch and reader.find(name) is None:
        reader.fetch(name)
    loaded: DataSet = reader.load(name, where(name))
    return loaded


def where(name: str) -> Path:
    """The file or the folder that holds `name`; see `find`.

    Raises:
        InputError: no such name (E-DATA-NAME), or the set is not on this machine (E-DATA-MISSING).
    """
    found = find(name)
    if found is None:
        looked = ", ".join(str(path) for path in search_path(name))
        raise InputError(
            f'data set "{name}" is not on this machine (looked in {looked}). '
            f"`metabit data fetch {name}` gets it; or set METABIT_DATA to the folder that holds "
            f"{name}/",
            code="E-DATA-MISSING",
        )
    return found


def fetch(name: str, base_url: str | None = None, report: ReportBytes | None = None) -> Path:
    """Download a set into $METABIT_DATA or the user cache and verify it; bundled sets are there.

    Args:
        name: one of `names()`.
        base_url: another address to fetch from, ending in a slash.
        report: is told about the progress of each file.

    Returns:
        the folder that holds it; for a bundled set the file.

    Raises:
        InputError: no such name.
        StorageError: no connection, or the folder cannot be written.
        CorruptError: a file has another checksum.
    """
    if _is_bundled(name):
        return bundled.path_of(name)
    folder: Path = _reader(name).fetch(name, base_url, report)
    return folder
