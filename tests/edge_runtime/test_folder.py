"""Learnt state in a folder: the old or the new, whatever happens in between."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.errors import CorruptError, FormatError, InputError, MismatchError, StorageError
from metabit.export.container import dumps

MODEL = random_model((30, 20, 4))
DATA = dumps(MODEL)
X = np.random.default_rng(0).integers(0, 256, (400, 30)).astype(np.uint8)
Y = np.random.default_rng(1).integers(0, 4, 400)


def taught(folder: Path, n: int, keep: int = 3) -> Engine:
    """An engine that learnt n more samples, committing after each, and let the folder go."""
    with Engine(DATA, learn="all", state=folder, keep=keep) as engine:
        start = engine.status().n_steps
        for i in range(start, start + n):
            engine.partial_fit(X[i : i + 1], Y[i : i + 1])
            engine.commit()
    return engine


def kept(folder: Path) -> int:
    """Samples that the state in the folder has learnt."""
    return Engine(DATA, learn="all", state=folder, read_only=True).status().n_steps


def names(folder: Path) -> list[str]:
    """Of the states in the folder, and of what else is there but the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != "state.lock")


def test_a_committed_state_is_there_after_a_restart(tmp_path: Path) -> None:
    first = taught(tmp_path / "state", 5)
    second = Engine(DATA, learn="all", state=tmp_path / "state")
    assert second.save_state() == first.save_state()
    assert second.status().n_steps == 5


def test_only_the_last_states_are_kept(tmp_path: Path) -> None:
    taught(tmp_path, 7, keep=2)
    assert names(tmp_path) == ["state-0000000006.mbs", "state-0000000007.mbs"]


def test_a_damaged_newest_state_falls_back_to_the_one_before(tmp_path: Path) -> None:
    taught(tmp_path, 3)
    newest = tmp_path / "state-0000000003.mbs"
    newest.write_bytes(newest.read_bytes()[:100])
    with pytest.warns(RuntimeWarning, match="1 damaged"):
        engine = Engine(DATA, learn="all", state=tmp_path)
    assert engine.status().n_steps == 2
    engine.close()
    for name in names(tmp_path):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CorruptError):
        Engine(DATA, learn="all", state=tmp_path)


def test_a_state_of_another_model_is_refused_not_skipped(tmp_path: Path) -> None:
    taught(tmp_path, 1)
    with pytest.raises(MismatchError):
        Engine(dumps(random_model((30, 20, 4), seed=8)), learn="all", state=tmp_path)
    with pytest.raises(MismatchError):
        Engine(DATA, learn="head", state=tmp_path)


def test_files_that_are_not_states_are_left_alone(tmp_path: Path) -> None:
    for name in ("state-1.mbs", "state-00000000xx.mbs", "notes.txt", "state-0000000001.mbs.bak"):
        (tmp_path / name).write_text("mine")
    taught(tmp_path, 5, keep=1)
    assert len(names(tmp_path)) == 5
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_an_error_and_nothing_changes(tmp_path: Path) -> None:
    engine = taught(tmp_path / "state", 1)
    before = engine.save_state()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Engine(DATA, learn="all", state=tmp_path / "file")
    with pytest.raises(StorageError, match="No such file"):
        Engine(DATA, learn="all", state=tmp_path / "no" / "parent")
    assert engine.save_state() == before


def test_a_read_only_folder_keeps_the_old_state(tmp_path: Path) -> None:
    taught(tmp_path / "state", 2)
    (tmp_path / "state").chmod(0o500)
    probe = tmp_path / "state" / "probe"
    try:
        probe.touch()
    except PermissionError:
        with pytest.raises(StorageError, match="ermission"):
            taught(tmp_path / "state", 1)
    else:  # root writes anywhere: use a file system that is read-only for everyone
        probe.unlink()
        with pytest.raises(StorageError):
            Engine(DATA, learn="all", state="/proc/metabit")
    finally:
        (tmp_path / "state").chmod(0o700)
    assert kept(tmp_path / "state") == 2


def test_committing_without_a_folder_or_without_learning_is_refused() -> None:
    with pytest.raises(InputError, match="needs a folder"):
        Engine(DATA, learn="all").commit()
    with pytest.raises(InputError, match="needs an engine that learns"):
        Engine(DATA, state="somewhere")


TEACHER = """
import sys
import numpy as np
from metabit.edge_runtime.engine import Engine
x, y, data, folder = sys.argv[1:]
x, y = np.load(x), np.load(y)
engine = Engine(data, learn="all", state=folder)
for i in range(engine.status().n_steps, 400):
    engine.partial_fit(x[i : i + 1], y[i : i + 1])
    engine.commit()
    print(i + 1, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_had_acknowledged(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "m.mbit").write_bytes(DATA)
    paths = [str(tmp_path / name) for name in ("x.npy", "y.npy", "m.mbit", "state")]
    rng = np.random.default_rng(2)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", TEACHER, *paths], stdout=subprocess.PIPE, text=True
        ) as teacher:
            assert teacher.stdout is not None
            first = teacher.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            teacher.send_signal(signal.SIGKILL)
            acknowledged = [first, *teacher.stdout.readlines()]
        numbers = [int(line) for line in acknowledged if line.strip()]
        after = Engine(DATA, learn="all", state=tmp_path / "state", read_only=True)
        n_steps = after.status().n_steps
        if numbers:
            assert numbers[-1] <= n_steps <= numbers[-1] + 1
        expected = Engine(DATA, learn="all").partial_fit(X[:n_steps], Y[:n_steps])
        assert after.save_state() == expected.save_state()


def test_a_newer_engine_of_this_process_takes_the_folder_over(tmp_path: Path) -> None:
    first = Engine(DATA, learn="all", state=tmp_path).partial_fit(X[:3], Y[:3])
    first.commit()
    second = Engine(DATA, learn="all", state=tmp_path)
    with pytest.raises(StorageError, match="newer engine") as refused:
        first.partial_fit(X[3:5], Y[3:5]).commit()
    assert refused.value.code == "E-BUSY"
    second.partial_fit(X[:4], Y[:4]).commit()
    assert kept(tmp_path) == 7
    second.close()
    with pytest.raises(InputError, match="needs a folder"):
        second.commit()


@pytest.mark.parametrize("closes", [True, False], ids=["close", "newer engine"])
def test_no_commit_of_another_thread_meets_a_closed_folder(tmp_path: Path, closes: bool) -> None:
    """It is through, or refused: a closed descriptor's number may be another file's."""
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    found = set()
    try:
        for turn in range(60):
            folder = tmp_path / str(turn)
            engine = Engine(DATA, learn="all", state=folder).partial_fit(X[:2], Y[:2])
            begin, newer = threading.Barrier(2), []

            def commit(engine: Engine = engine, begin: threading.Barrier = begin) -> None:
                begin.wait()
                for _ in range(5):
                    try:
                        engine.commit()
                    except (InputError, StorageError) as error:
                        found.add(error.code)

            thread = threading.Thread(target=commit)
            thread.start()
            begin.wait()
            if closes:
                engine.close()
            else:
                newer.append(Engine(DATA, learn="all", state=folder))
            thread.join()
            # An engine may take over a folder that nothing was committed to yet.
            assert names(folder) == [] or kept(folder) == 2
    finally:
        sys.setswitchinterval(switches)
    assert found == {"E-NO-FOLDER" if closes else "E-BUSY"}


def test_another_process_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "m.mbit").write_bytes(DATA)
    hold = "import sys; from metabit.edge_runtime.engine import Engine; "
    hold += "e = Engine(sys.argv[1], learn='all', state=sys.argv[2]); print('open', flush=True); "
    hold += "sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "m.mbit"), str(tmp_path / "state")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StorageError, match=f"process {other.pid} keeps states there"):
            Engine(DATA, learn="all", state=tmp_path / "state")
        other.kill()
    taught(tmp_path / "state", 1)


def test_a_reader_takes_no_lock_and_cannot_commit(tmp_path: Path) -> None:
    taught(tmp_path, 1)
    with (
        Engine(DATA, learn="all", state=tmp_path) as writer,
        Engine(DATA, learn="all", state=tmp_path, read_only=True) as reader,
    ):
        assert reader.save_state() == writer.save_state()
        with pytest.raises(StorageError, match="read_only"):
            reader.commit()
    missing = Engine(DATA, learn="all", state=tmp_path / "none", read_only=True)
    assert missing.status().n_steps == 0
    assert not (tmp_path / "none").exists()


def test_a_forked_process_may_not_commit(tmp_path: Path) -> None:
    with Engine(DATA, learn="all", state=tmp_path) as engine:
        engine.partial_fit(X[:2], Y[:2])
        child = os.fork()
        if child == 0:
            try:
                engine.commit()
                os._exit(0)
            except StorageError as error:
                os._exit(7 if error.code == "E-BUSY" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        engine.commit()
    assert kept(tmp_path) == 2


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    folder, precious = tmp_path / "state", tmp_path / "precious"
    taught(folder, 1)
    precious.write_text("precious")
    for name in ("state-0000000003.mbs", "state-9-9.tmp"):
        (folder / name).symlink_to(precious)
    with pytest.warns(RuntimeWarning, match="1 damaged"):
        taught(folder, 2)
    (folder / "state.lock").unlink()
    (folder / "state.lock").symlink_to(precious)
    with pytest.raises(StorageError):
        taught(folder, 1)
    assert precious.read_text() == "precious"


def test_one_flipped_bit_anywhere_is_damage_and_nothing_else(tmp_path: Path) -> None:
    taught(tmp_path, 2)
    newest = tmp_path / "state-0000000002.mbs"
    whole = newest.read_bytes()
    for at in range(0, 8 * len(whole), 229):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        newest.write_bytes(damaged)
        with pytest.warns(RuntimeWarning, match="1 damaged state file"):
            assert kept(tmp_path) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda image: b"",
        lambda image: image[:30],
        lambda image: image[:-1],
        lambda image: image + b"\0",
        lambda image: image[:64] + image,
        lambda image: b"PK" + image,
    ],
)
def test_an_image_that_is_not_whole_is_refused_and_changes_nothing(
    change: Callable[[bytes], bytes],
) -> None:
    engine = Engine(DATA, learn="all").partial_fit(X[:9], Y[:9])
    before = engine.save_state()
    image = Engine(DATA, learn="all").save_state()
    with pytest.raises((CorruptError, FormatError)):
        engine.load_state(change(image))
    assert engine.save_state() == before


BANKS = dumps(random_model((30, 20, 4), n_banks=3))


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (BANKS, {"learn": "all", "bank": 1}, "bank 2, here: bank 1"),
        (BANKS, {"learn": "head", "bank": 2}, "2 layer(s) that learn, here: 1 layer(s)"),
        (BANKS, {"learn": "all", "bank": 2, "bits": 4}, "8 bits per hidden weight, here: 4"),
        (DATA, {"learn": "all"}, "model file"),
    ],
)
def test_a_foreign_state_says_what_differs(
    tmp_path: Path, data: bytes, options: dict[str, Any], says: str
) -> None:
    with Engine(BANKS, learn="all", bank=2, state=tmp_path) as engine:
        engine.partial_fit(X[:1], Y[:1]).commit()
        image = engine.save_state()
    with pytest.raises(MismatchError, match=re.escape(says)):
        Engine(data, **options).load_state(image)
    with pytest.raises(MismatchError, match=re.escape(says)):
        Engine(data, state=tmp_path, **options)


def test_numbers_that_run_out_are_said(tmp_path: Path) -> None:
    taught(tmp_path, 1)
    (tmp_path / "state-0000000001.mbs").rename(tmp_path / "state-9999999999.mbs")
    with pytest.raises(StorageError, match="too large"):
        taught(tmp_path, 1)
    assert kept(tmp_path) == 1
