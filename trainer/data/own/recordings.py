"""Files of a folder or zip as rows in order: WAV files, and CSV files of a time series each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.own import folders, text_table
from metabit.trainer.data.own.frames import Frames, indexed
from metabit.trainer.data.own.roles import check_inputs
from metabit.trainer.data.own.split import held_by_name
from metabit.trainer.data.own.what import OwnData


@dataclass(frozen=True, eq=False)
class Recording:
    """The rows of one file.

    Attributes:
        values: shape (n, n_channels).
        channels: their names.
        rate: rows per second; None where the file does not say it.
        time: of each row in seconds, shape (n,); None where it is not known.
        first_line: line of the first row in the file.
    """

    values: NDArray[np.float64]
    channels: tuple[str, ...]
    rate: float | None
    time: NDArray[np.float64] | None
    first_line: int = 1


def read_recording(data: OwnData, file: folders.Found) -> Recording:
    """The rows of one file.

    Raises:
        InputError, FormatError: it is not what its name says, or is neither WAV nor CSV
            (E-DATA-FORMAT); it is empty (E-DATA-EMPTY); a column is missing (E-DATA-COLUMN), or a
            cell is no number (E-DATA-CELL).
    """
    if _is_sound(file):
        values, rate = folders.sound(file)
        if len(values) == 0:
            raise InputError(f"{data.path}: {file.name}: no sound in it", code="E-DATA-EMPTY")
        channels = tuple(f"channel {c + 1}" for c in range(values.shape[1]))
        return Recording(values, channels, float(rate), None)
    if not file.name.lower().endswith(folders.TABLES):
        raise folders.neither(data.path, file)
    table = text_table.table_of(file.data, file.name)
    time = None if data.time is None else table.column(data.time, "time")
    channels = tuple(c for c in table.frame.columns if c != time)
    if data.channels is not None:
        channels = tuple(table.column(name, "channels") for name in data.channels)
    seconds = None if time is None else table.seconds(time)
    values = table.numbers(list(channels))
    return Recording(values, channels, data.sample_rate, seconds, table.first_line)


def rows_of_files(
    data: OwnData, found: list[folders.Found]
) -> tuple[Frames, NDArray[np.bool_] | None, float | None]:
    """Rows of recordings, which of them are held out by their folder, and their rate.

    Raises:
        InputError: recordings differ in rate or channels (E-DATA-RATE), or a column of times would
            be an input (E-DATA-COLUMN); errors of `read_recording`.
    """
    made = [read_recording(data, file) for file in found]
    _check_alike(data, found, made)
    if data.channels is None:
        check_inputs(data.path, made[0].channels, [each.values for each in made])
    parts = [
        _with_silence(each.values, data.window or 1) if _is_sound(file) else each.values
        for each, file in zip(made, found, strict=True)
    ]
    lengths = [len(part) for part in parts]
    y, names = indexed([file.label for file in found])
    # Where names say no groups, each recording is one: its windows are never on both sides.
    has_groups = any(file.group for file in found)
    group = indexed([file.group if has_groups else file.name for file in found], in_order=True)
    times = [each.time for each in made if each.time is not None]
    frames = Frames(
        np.concatenate(parts),
        made[0].channels,
        np.repeat(y, lengths),
        names,
        np.repeat(group[0], lengths),
        group[1],
        np.concatenate(times) if times else None,
        np.repeat(np.arange(len(parts)), lengths),
        data.path,
        tuple((file.name, each.first_line) for file, each in zip(found, made, strict=True)),
    )
    held = held_by_name(data, found)
    return frames, None if held is None else np.repeat(held, lengths), made[0].rate


def _with_silence(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """A sound, with silence after it if it is shorter than a window."""
    return np.pad(values, ((0, max(0, window - len(values))), (0, 0)))


def _is_sound(file: folders.Found) -> bool:
    return file.name.lower().endswith(folders.SOUNDS)


def _check_alike(data: OwnData, found: list[folders.Found], made: list[Recording]) -> None:
    kinds: dict[tuple[float | None, tuple[str, ...]], str] = {}
    for file, each in zip(found, made, strict=True):
        kinds.setdefault((each.rate, each.channels), file.name)
    if len(kinds) > 1:
        told = "; ".join(
            f"{name}: {f'{rate:g} Hz, ' if rate else ''}{', '.join(channels)}"
            for (rate, channels), name in list(kinds.items())[:3]
        )
        raise InputError(
            f"{data.path}: recordings differ ({told}); bring them to one rate and to the same "
            "channels first",
            code="E-DATA-RATE",
        )
