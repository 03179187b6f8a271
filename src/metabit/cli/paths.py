"""Arguments that are paths: what a verb reads is kept from what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

#: What a run or an engine keeps in its folder. Exported files may lie beside it.
KEPT_SUFFIXES = frozenset({".safetensors", ".toml", ".json", ".mbs"})


class ReadPath(click.Path):
    """A file or a folder that the verb reads: it is never written over."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class ReadName(click.Path):
    """As `ReadPath`, but a string: it may be the name of a data set, or - for standard input."""


class WriteFile(click.Path):
    """A file that the verb writes: a place that cannot be written is refused before the work."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


def paths_read(context: click.Context) -> Iterator[Path]:
    """Every file that the arguments of a command name to be read."""
    for path in _values(context, (ReadPath, ReadName)):
        if path.is_dir():
            yield from (file for file in path.iterdir() if file.suffix in KEPT_SUFFIXES)
        else:
            yield path


def files_written(context: click.Context) -> Iterator[Path]:
    """Every file that the arguments of a command name to be written."""
    return _values(context, (WriteFile,))


def _values(context: click.Context, types: tuple[type, ...]) -> Iterator[Path]:
    for parameter in context.command.params:
        given = context.params.get(parameter.name or "")
        if isinstance(parameter.type, types) and given is not None:
            yield from map(Path, given if isinstance(given, tuple) else (given,))
