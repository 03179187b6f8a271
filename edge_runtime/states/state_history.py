"""The states of a folder, one after another: looked at, taken back, named and removed.

A commit is a file `state-NNNNNNNNNN.mbs`; the newest whole one is what an engine loads. A state
that was given a name is also a file `kept-NAME.mbs`, which no commit removes. The date of a state
is the modification time of its file, by the clock of whoever wrote it: the C core has none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metabit.edge_runtime.states.state_folder import StateFolder
from metabit.errors import CorruptError, FormatError, InputError, StorageError
from metabit.export.states.facts import StateFacts, facts_of
from metabit.export.states.files import kept_bytes, no_states
from metabit.files import sync_folder, write_whole
from metabit.plain_file import MOST_BYTES

_STATE, _KEPT = re.compile(r"state-(\d{10})\.mbs"), re.compile(r"kept-(.+)\.mbs")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
_LAST_NUMBER = 9_999_999_999


@dataclass(frozen=True)
class KeptState:
    """One state of a folder.

    Attributes:
        path: its file.
        number: of its commit; None for a named one whose commit has been removed since.
        names: that it was given.
        date: when its file was written, in seconds since 1970.
        image: its bytes.
        facts: what it says of itself; None where it is damaged.
        damage: what is wrong with it; empty where nothing is.
    """

    path: Path
    number: int | None
    names: tuple[str, ...]
    date: float
    image: bytes
    facts: StateFacts | None
    damage: str = ""

    def __str__(self) -> str:
        return f"state {self.number}" if self.number is not None else f'state "{self.names[0]}"'


def history(folder: Path) -> tuple[KeptState, ...]:
    """All states of a folder, damaged ones too: commits, the newest first, then named ones.

    Raises:
        StorageError: the folder is not there (E-STATE-NONE), or cannot be read, or its
            states are larger than memory should be (E-STORAGE).
        InputError: it holds no state (E-STATE-EMPTY).
    """
    if not folder.is_dir():
        raise no_states(folder)
    try:
        files = sorted(folder.iterdir(), reverse=True)
        commits = [(int(m[1]), f) for f in files if (m := _STATE.fullmatch(f.name))]
        named = [(m[1], f) for f in files if (m := _KEPT.fullmatch(f.name))]
        _check_size(folder, [file for _, file in commits + named])
        states = [_read(file, number, ()) for number, file in commits if number > 0]
        for name, file in sorted(named):
            _add_named(states, name, file)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", code="E-STORAGE") from error
    if not states:
        raise InputError(f"{folder}: holds no state-NNNNNNNNNN.mbs file", code="E-STATE-EMPTY")
    return tuple(states)


def _check_size(folder: Path, files: list[Path]) -> None:
    """Refuse states that would fill the memory together. A file that would alone is damaged."""
    sizes = [file.lstat().st_size for file in files]
    n_bytes = sum(size for size in sizes if size <= MOST_BYTES)
    if n_bytes > MOST_BYTES:
        raise StorageError(
            f"{folder}: its states have {n_bytes >> 20:,} MiB together, and {MOST_BYTES >> 20:,} "
            "are read at most; move the oldest to another folder",
            code="E-STORAGE",
        )


def _read(file: Path, number: int | None, names: tuple[str, ...]) -> KeptState:
    date, image = file.lstat().st_mtime, b""
    try:
        image = kept_bytes(file)
        return KeptState(file, number, names, date, image, facts_of(image, str(file)))
    except (FormatError, CorruptError) as error:
        return KeptState(file, number, names, date, image, None, str(error))


def _add_named(states: list[KeptState], name: str, file: Path) -> None:
    """Put a name beside the commits that hold the same, or its file at the end."""
    kept, found = _read(file, None, (name,)), False
    for index, state in enumerate(states):
        if state.image == kept.image:
            states[index] = KeptState(
                state.path, state.number, (*state.names, name), state.date, state.image,
                state.facts, state.damage,
            )  # fmt: skip
            found = True
    if not found:
        states.append(kept)


def newest_of(states: tuple[KeptState, ...], folder: Path) -> KeptState:
    """The state that an engine loads.

    Raises:
        CorruptError: all commits are damaged, or there are named states only.
    """
    for state in states:
        if state.number is not None and state.facts is not None:
            return state
    raise CorruptError(
        f"{folder}: no commit there is whole; `metabit state undo {folder} NAME` takes a named "
        "state, if there is one",
        code="E-STATE-CRC",
    )


def state_called(states: tuple[KeptState, ...], which: str, folder: Path) -> KeptState:
    """A state by its number or by a name that it was given.

    Raises:
        InputError: there is none (E-STATE-WHICH).
        CorruptError, FormatError: it is damaged.
    """
    for state in states:
        if which in state.names or (which.isdecimal() and state.number == int(which)):
            facts_of(state.image, str(state.path))
            return state
    known = [str(s.number) for s in states if s.number is not None]
    known += [name for s in states for name in s.names]
    raise InputError(
        f"{folder}: no state is called {which}; there are {', '.join(dict.fromkeys(known))}",
        code="E-STATE-WHICH",
    )


def undo(folder: Path, which: str | None = None) -> tuple[KeptState, KeptState, int]:
    """Make an older state the newest again: a commit of its own, so that it can be taken back too.

    Args:
        folder: of the states; no engine may keep states there meanwhile.
        which: number or name of a state; None for the one before the newest. After an undo, that
            is the one before the state that was gone back to.

    Returns:
        the state that was the newest (the target itself where no commit is whole), the state that
        is taken again, and the number of the new commit.

    Raises:
        InputError: there is no such state (E-STATE-WHICH), or none before (E-STATE-UNDO).
        StorageError: an engine keeps states there (E-BUSY), or it cannot be written.
    """
    with _locked(folder):
        states = history(folder)
        target = _before(states, folder) if which is None else state_called(states, which, folder)
        sound = [s for s in states if s.number is not None and s.facts is not None]
        numbers = [s.number for s in states if s.number is not None]
        number = max(numbers, default=0) + 1
        if number > _LAST_NUMBER:
            raise StorageError(f"{folder}: holds the largest number there is", code="E-STORAGE")
        _write(folder / f"state-{number:010d}.mbs", target.image)
        return sound[0] if sound else target, target, number


def _before(states: tuple[KeptState, ...], folder: Path) -> KeptState:
    """The state before the newest: an undo made a copy, and what is before is before the first."""
    newest = newest_of(states, folder)
    sound = [s for s in states if s.number is not None and s.facts is not None]
    first = max(i for i, s in enumerate(sound) if s.image == newest.image)
    if first + 1 == len(sound):
        names = dict.fromkeys(name for state in states for name in state.names)
        raise InputError(
            f"{folder}: no state before state {newest.number} is there any more"
            + (f"; those with a name are {', '.join(names)}" if names else "")
            + "; a new folder starts from the model file",
            code="E-STATE-UNDO",
        )
    return sound[first + 1]


def keep_as(folder: Path, name: str, which: str | None = None) -> KeptState:
    """Give a state a name, under which it stays until `forget`; returns it.

    Args:
        folder: of the states; no engine may keep states there meanwhile.
        name: begins with a letter; letters, digits, dots, hyphens and underscores, 40 at most.
        which: number or name of the state; None for the newest.

    Raises:
        InputError: the name cannot be used or is taken (E-STATE-NAME), or no such state.
        StorageError: an engine keeps states there (E-BUSY), or it cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f'"{name}" cannot name a state: begin with a letter; letters, digits, dots, hyphens '
            "and underscores follow, 40 in all",
            code="E-STATE-NAME",
        )
    with _locked(folder):
        states = history(folder)
        if any(name in state.names for state in states):
            raise InputError(
                f'{folder}: a state is called "{name}" already; `metabit state forget {folder} '
                f"{name}` takes the name from it",
                code="E-STATE-NAME",
            )
        state = newest_of(states, folder) if which is None else state_called(states, which, folder)
        file = folder / f"kept-{name}.mbs"
        _write(file, state.image)
        os.utime(file, (state.date, state.date))
        return state


def forget(folder: Path, name: str) -> None:
    """Take a name from a state; where its commit has been removed, the state goes with it.

    Raises:
        InputError: no state has that name (E-STATE-WHICH).
        StorageError: an engine keeps states there (E-BUSY), or it cannot be written.
    """
    with _locked(folder):
        states = history(folder)
        if not any(name in state.names for state in states):
            state_called(states, name if not name.isdecimal() else f'"{name}"', folder)
        _remove(folder, [folder / f"kept-{name}.mbs"])


def prune(folder: Path, keep: int) -> tuple[KeptState, ...]:
    """Remove all commits but the newest whole ones, and damaged ones; names stay.

    Args:
        folder: of the states; no engine may keep states there meanwhile.
        keep: how many stay, 1 or more.

    Returns:
        what was removed, the oldest last.

    Raises:
        CorruptError: no commit is whole, so nothing is removed.
        StorageError: an engine keeps states there (E-BUSY), or it cannot be written.
    """
    with _locked(folder):
        states = history(folder)
        newest_of(states, folder)
        commits = [s for s in states if s.number is not None]
        stay = [s for s in commits if s.facts is not None][:keep]
        gone = [s for s in commits if s not in stay and _is_file(s.path)]
        _remove(folder, [state.path for state in reversed(gone)])
        return tuple(gone)


def _is_file(path: Path) -> bool:
    """Whether a name can be removed as a file: a folder with the name of a state is not ours."""
    return path.is_symlink() or not path.is_dir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Inside of this `with`, nobody else writes in the folder."""
    history(folder)  # a folder without states is not made into one
    lock = StateFolder(folder, writes=True)
    try:
        for left in folder.glob(".metabit-*.tmp"):  # of a command that was killed
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.close()


def _write(file: Path, image: bytes) -> None:
    """A file that is there whole or not at all, and was read back."""
    write_whole(file, image)
    if kept_bytes(file) != image:
        raise StorageError(f"{file}: reads back other bytes than were written", code="E-STORAGE")


def _remove(folder: Path, files: list[Path]) -> None:
    try:
        for file in files:
            file.unlink()
        sync_folder(folder)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", code="E-STORAGE") from error
