"""Rows in order, cut into recordings and windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

RUN = 8
"""So many steps of another length in a row are another rate."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Rows of numbers in their order.

    Attributes:
        values: shape (n, n_channels), float64; NaN where a value is missing.
        channels: names of the columns.
        label: class of each row, shape (n,), index into `class_names`.
        class_names: sorted.
        group: group of each row, shape (n,), index into `group_names`; None where there are none.
        group_names: in the order in which they first come.
        time: of each row in seconds, shape (n,); None where it is not known.
        recording: number of the file that a row comes from, shape (n,).
        where: for messages.
        files: name of the file of each recording, and the line of its first row; empty for rows
            that do not come from lines of text.
    """

    values: NDArray[np.float64]
    channels: tuple[str, ...]
    label: NDArray[np.int64]
    class_names: tuple[str, ...]
    group: NDArray[np.int64] | None
    group_names: tuple[str, ...]
    time: NDArray[np.float64] | None
    recording: NDArray[np.int64]
    where: str
    files: tuple[tuple[str, int], ...] = ()

    def place(self, row: int) -> str:
        """File and line of a row, for messages."""
        if not self.files:
            return f"{self.where}: row {row + 1}"
        number = int(self.recording[row])
        name, first_line = self.files[number]
        return f"{name}: line {row - int(np.argmax(self.recording == number)) + first_line}"

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> Frames:
        """The rows with these indices, or where this mask is true."""
        return replace(
            self,
            values=self.values[which],
            label=self.label[which],
            group=None if self.group is None else self.group[which],
            time=None if self.time is None else self.time[which],
            recording=self.recording[which],
        )


def indexed(words: list[str], in_order: bool = False) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Index of each word, and the different words: sorted, numbers by size, or as they come."""
    different = list(dict.fromkeys(words))
    if not in_order:
        different.sort(key=_by_size)
    number = {word: i for i, word in enumerate(different)}
    return np.array([number[word] for word in words], dtype=np.int64), tuple(different)


def _by_size(word: str) -> tuple[int, float, str]:
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word


def without_missing(frames: Frames, missing: str) -> Frames:
    """Rows without missing values.

    Args:
        frames: rows.
        missing: "refuse", "drop" the rows, or "hold" the value before, within a recording.

    Raises:
        InputError: a value is missing and is to be refused, or none comes before it
            (E-DATA-MISSING-VALUE); or no rows are left (E-DATA-EMPTY).
    """
    gaps = ~np.isfinite(frames.values)
    if not gaps.any():
        return frames
    if missing == "refuse":
        row, column = np.argwhere(gaps)[0]
        raise InputError(
            f'{frames.place(row)}, column "{frames.channels[column]}": no value, and '
            f"{int(gaps.any(axis=1).sum())} rows have gaps; --missing drop leaves such rows out, "
            "and hold takes the value before (missing in [data] of a recipe)",
            code="E-DATA-MISSING-VALUE",
        )
    if missing == "drop":
        gone: NDArray[np.bool_] = np.asarray(gaps.any(axis=1))
        kept = ~gone
        if not kept.any():
            raise InputError(
                f"{frames.where}: a value is missing in every row", code="E-DATA-EMPTY"
            )
        # A row that is gone ends a recording: what comes after it is not its neighbour.
        return replace(frames, recording=_ends_at(frames.recording, gone)).take(kept)
    return replace(frames, values=_held(frames, gaps))


def _ends_at(recording: NDArray[np.int64], gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    parts = recording + np.cumsum(gone) * (int(recording.max()) + 1)
    return np.unique(parts, return_inverse=True)[1].astype(np.int64)


def _held(frames: Frames, gaps: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows = np.arange(len(gaps))[:, np.newaxis]
    last = np.maximum.accumulate(np.where(gaps, -1, rows), axis=0)
    columns = np.arange(gaps.shape[1])[np.newaxis]
    first = np.flatnonzero(_new_recording(frames, None))
    starts = first[np.searchsorted(first, np.arange(len(gaps)), side="right") - 1]
    if (last < starts[:, np.newaxis]).any():
        row, column = np.argwhere(last < starts[:, np.newaxis])[0]
        raise InputError(
            f'{frames.place(row)}, column "{frames.channels[column]}": no value, and '
            'none before it in this recording; use missing = "drop"',
            code="E-DATA-MISSING-VALUE",
        )
    held: NDArray[np.float64] = frames.values[last, columns]
    return held


def check_rate(frames: Frames) -> None:
    """Refuse rows that begin to come at another rate: a window would hold another stretch of time.

    Single long steps are gaps, which end a recording.

    Raises:
        InputError: the first such row is named (E-DATA-RATE).
    """
    if frames.time is None or len(frames.time) <= RUN:
        return
    steps = np.diff(frames.time)
    usual = float(np.median(steps))
    other = (steps > 0) & ((steps > 1.5 * usual) | (steps < usual / 1.5))
    alike = np.isclose(steps[1:], steps[:-1], rtol=0.1) & other[1:] & other[:-1]
    runs = np.convolve(alike, np.ones(RUN), mode="valid") == RUN
    if runs.any():
        row = int(np.argmax(runs))
        raise InputError(
            f"{frames.place(row)}: from here on a row comes every {steps[row]:g} s, and elsewhere "
            f"every {usual:g} s; bring recordings to one rate first",
            code="E-DATA-RATE",
        )


def _new_recording(frames: Frames, longest_step: float | None) -> NDArray[np.bool_]:
    """Whether a recording begins at each row: another file or group, or a gap in time."""
    new = np.ones(len(frames.values), dtype=bool)
    new[1:] = frames.recording[1:] != frames.recording[:-1]
    if frames.group is not None:
        new[1:] |= frames.group[1:] != frames.group[:-1]
    if frames.time is not None and longest_step is not None:
        steps = np.diff(frames.time)
        new[1:] |= (steps <= 0) | (steps > longest_step)
    return new


def stretches_in(frames: Frames) -> NDArray[np.int64]:
    """Where stretches of rows of one class in one recording begin, and the number of all rows."""
    new = _new_recording(frames, _longest_step(frames))
    new[1:] |= frames.label[1:] != frames.label[:-1]
    return np.append(np.flatnonzero(new), len(new))


def _longest_step(frames: Frames) -> float | None:
    """Seconds between rows of one recording at most; None where their times are not known."""
    return None if frames.time is None else 1.5 * float(np.median(np.diff(frames.time)))


@dataclass(frozen=True, eq=False)
class WindowStarts:
    """Windows of frames.

    Attributes:
        starts: index of the first row of each, shape (n,).
        length: rows per window.
        n_mixed: windows that were left out because their rows are of several classes.
    """

    starts: NDArray[np.int64]
    length: int
    n_mixed: int


def windows_in(frames: Frames, length: int, hop: int) -> WindowStarts:
    """Every whole window that lies in one recording, and whose rows are all of one class.

    Raises:
        InputError: there is none (E-DATA-WINDOW).
    """
    new = _new_recording(frames, _longest_step(frames))
    begins = np.append(np.flatnonzero(new), len(frames.values))
    changes = np.cumsum(np.diff(frames.label, prepend=frames.label[:1]) != 0)
    found, n_mixed, most = [], 0, 0
    for start, end in pairwise(begins.tolist()):
        most = max(most, end - start)
        starts = np.arange(start, end - length + 1, hop)
        same = changes[starts] == changes[starts + length - 1]
        found.append(starts[same])
        n_mixed += int((~same).sum())
    starts = np.concatenate(found)
    if len(starts) == 0:
        raise InputError(
            f"{frames.where}: no window of {length} rows of one class: the longest of "
            f"{len(begins) - 1} recordings has {most} rows",
            code="E-DATA-WINDOW",
        )
    return WindowStarts(starts.astype(np.int64), length, n_mixed)
