"""Data sets by name: bundled, fetched, or made of other data.

Every set is a `DataSet` of 8-bit integers. NumPy only.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from metabit.errors import InputError, nearest
from metabit.trainer.data import bundled, cifar, idx_sets, made_sets
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.download import ReportBytes


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return (*bundled.LOADERS, *idx_sets.SETS, *cifar.SETS, *made_sets.SETS)


def _is_bundled(name: str) -> bool:
    """Whether `name` comes with metabit; InputError if there is no such set."""
    if name not in names():
        raise InputError(f'no data set "{name}": {nearest(name, names())}', code="E-DATA-NAME")
    return name in bundled.LOADERS


def _reader(name: str) -> ModuleType:
    """The module that finds and reads a set that is not bundled, and fetches or makes it."""
    if name in made_sets.SETS:
        return made_sets
    return cifar if name in cifar.SETS else idx_sets


def search_path(name: str) -> tuple[Path, ...]:
    """Folders in which `name` is looked for, in this order.

    They are $METABIT_DATA alone where it is set, and otherwise the user cache and
    /usr/share/datasets. Raises InputError for an unknown name.
    """
    if _is_bundled(name):
        return (bundled.FOLDER,)
    if name in made_sets.SETS:
        return made_sets.search_path(name)
    return idx_sets.search_path(name)


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
    if fetch and name not in made_sets.SETS and reader.find(name) is None:
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
            f"{how_to_get(name)}; or set METABIT_DATA to the folder that holds {name}/",
            code="E-DATA-MISSING",
        )
    return found


def how_to_get(name: str) -> str:
    """The command that brings a set to this machine, for people."""
    if name not in made_sets.SETS:
        return f"`metabit data fetch {name}` gets it"
    return f"`metabit data make {name} SOURCE` makes it of {made_sets.SETS[name].of}"


def fetch(name: str, base_url: str | None = None, report: ReportBytes | None = None) -> Path:
    """Download a set into $METABIT_DATA or the user cache and verify it; bundled sets are there.

    Args:
        name: one of `names()`.
        base_url: another address to fetch from, ending in a slash.
        report: is told about the progress of each file.

    Returns:
        the folder that holds it; for a bundled set the file.

    Raises:
        InputError: no such name, or a set that is made of other data (E-DATA-MADE).
        StorageError: no connection, or the folder cannot be written.
        CorruptError: a file has another checksum.
    """
    if _is_bundled(name):
        return bundled.path_of(name)
    if name in made_sets.SETS:
        raise InputError(
            f'data set "{name}" cannot be downloaded: {how_to_get(name)}', code="E-DATA-MADE"
        )
    folder: Path = _reader(name).fetch(name, base_url, report)
    return folder


def make(name: str, source: Path) -> Path:
    """Make a set of other data, into the folder where others are downloaded to; returns its file.

    Raises:
        InputError: no such name, no set that is made, or SOURCE is not what it is made of.
        FormatError, CorruptError, StorageError: a file is damaged or cannot be written.
    """
    _is_bundled(name)
    if name not in made_sets.SETS:
        known = ", ".join(made_sets.SETS)
        raise InputError(
            f'data set "{name}" is not made of other data; {known} are', code="E-DATA-MADE"
        )
    return made_sets.make(name, source)
