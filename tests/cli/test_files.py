"""Files appear whole or not at all, and what leads elsewhere is not replaced."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metabit import InputError, StorageError
from metabit.files import check_target, lock, make_folder, reading, write_whole
from metabit.plain_file import plain_bytes


def write_a_byte(path: Path) -> None:
    write_whole(path, b"x")


#: The check before the work, and the write itself, refuse alike.
ATTEMPTS: tuple[Callable[[Path], None], ...] = (check_target, write_a_byte)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    return path


def test_a_new_file_has_the_permissions_that_any_program_would_give(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert write_whole(tmp_path / "new", b"bytes") == 5
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"bytes"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_replaced_file_keeps_its_permissions(old: Path) -> None:
    for mode in (0o600, 0o755):
        old.chmod(mode)
        write_whole(old, b"new")
        assert stat.S_IMODE(old.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_root_replaces_still_belongs_to_its_owner(old: Path) -> None:
    os.chown(old, 1234, 4321)
    write_whole(old, b"new")
    assert (old.stat().st_uid, old.stat().st_gid) == (1234, 4321)


@pytest.mark.parametrize("call", ["os.fsync", "os.fchmod", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    old: Path, call: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(call, fail)
    with pytest.raises((StorageError, KeyboardInterrupt)):
        write_whole(old, b"new")
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_file_and_folder_are_synced_before_and_after_the_name_changes(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, bytes]] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), old.read_bytes()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(old, b"new")
    assert seen == [(False, b"old"), (True, b"new")]


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_followed(tmp_path: Path, old: Path, there: bool) -> None:
    if not there:
        old.unlink()
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link"
    link.symlink_to("../old")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"
    assert list((tmp_path / "folder").iterdir()) == [link]


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("to", ["link", "no/such/folder"])
def test_a_link_that_leads_nowhere_is_an_error_and_stays(
    tmp_path: Path, to: str, attempt: Callable[[Path], None]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(to)
    with pytest.raises(StorageError, match="cannot write"):
        attempt(link)
    assert link.is_symlink()


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe, data = tmp_path / "pipe", bytes(range(256)) * 1024  # more than a pipe holds
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, data)
    reader.join(timeout=20)
    assert got == [data]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for target in (Path("/dev/null"), link):
        assert write_whole(target, b"gone") == 4
        assert stat.S_ISCHR(target.stat().st_mode)


def test_a_full_device_is_an_error_that_names_it() -> None:
    with pytest.raises(StorageError, match=r"cannot write /dev/full: No space left"):
        write_whole("/dev/full", b"x")


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_folder_that_is_not_there_is_a_storage_error(
    tmp_path: Path, attempt: Callable[[Path], None]
) -> None:
    with pytest.raises(StorageError, match="cannot write") as caught:
        attempt(tmp_path / "no" / "file")
    assert caught.value.code == "E-WRITE"


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_folder_is_no_file_to_write(tmp_path: Path, attempt: Callable[[Path], None]) -> None:
    with pytest.raises(InputError, match="is a folder") as caught:
        attempt(tmp_path)
    assert caught.value.code == "E-TARGET"


def names_of(path: Path) -> Iterator[Path]:
    """Names that all lead to the file `path`."""
    folder = path.parent
    (folder / "sub").mkdir()
    (folder / "symbolic").symlink_to(path.name)
    (folder / "hard").hardlink_to(path)
    (folder / "around").symlink_to(folder)
    yield from (path, folder / "sub" / ".." / path.name, folder / "symbolic", folder / "hard")
    yield folder / "around" / path.name
    yield Path(os.path.relpath(path))


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_file_that_is_read_is_never_written_over(
    old: Path, attempt: Callable[[Path], None]
) -> None:
    for name in names_of(old):
        for read, written in ((old, name), (name, old)):
            with reading([read]), pytest.raises(InputError, match="is read by") as caught:
                attempt(written)
            assert caught.value.code == "E-TARGET"
            assert old.read_bytes() == b"old"


def test_what_is_read_is_kept_until_it_is_read_no_more(old: Path) -> None:
    with reading([old]):
        with reading([old.parent / "other"]), pytest.raises(InputError):
            write_whole(old, b"new")
        with pytest.raises(InputError):
            write_whole(old, b"new")
    write_whole(old, b"new")
    assert old.read_bytes() == b"new"


def test_other_files_can_be_written_while_one_is_read(tmp_path: Path, old: Path) -> None:
    with reading([old, Path("/dev/null"), tmp_path / "not there"]):
        assert write_whole(tmp_path / "new", b"new") == 3
        assert write_whole("/dev/null", b"") == 0


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path, old: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(StorageError, match="cannot make the folder"):
        make_folder(old / "folder")


def test_files_are_written_whole_on_windows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    for name in ("O_DIRECTORY", "fchmod", "fchown"):  # Python has none of them there
        monkeypatch.delattr(os, name)
    (tmp_path / "a").write_bytes(b"old")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_locked_file_is_not_locked_twice(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as first, (tmp_path / "a").open("w") as second:
        assert lock(first)
        assert not lock(second)
    with (tmp_path / "a").open("w") as third:
        assert lock(third)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written over"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    status = os.fstat
    calls: list[int] = []

    def changing(descriptor: int) -> os.stat_result:
        """Somebody writes after the first look."""
        found = status(descriptor)
        if not calls:
            calls.append(descriptor)
            path.write_bytes({"grows": bytes(2000), "shrinks": b""}.get(change, bytes(1000)))
            os.utime(path, ns=(0, 0))
        return found

    monkeypatch.setattr("metabit.plain_file.os.fstat", changing)
    with pytest.raises(OSError, match="while it was read"):
        plain_bytes(path)
    monkeypatch.undo()
    assert len(plain_bytes(path)) == path.stat().st_size
