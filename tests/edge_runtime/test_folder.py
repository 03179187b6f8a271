"""Learnt state in a folder: the old or the new, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import random_model

from metabit.edge_runtime.engine import Engine
from metabit.errors import CorruptError, InputError, MismatchError, StorageError
from metabit.export.container import dumps

MODEL = random_model((30, 20, 4))
DATA = dumps(MODEL)
X = np.random.default_rng(0).integers(0, 256, (400, 30)).astype(np.uint8)
Y = np.random.default_rng(1).integers(0, 4, 400)


def taught(folder: Path, n: int, keep: int = 3) -> Engine:
    """An engine that learns n more samples, committing after each."""
    engine = Engine(DATA, learn="all", state=folder, keep=keep)
    start = engine.status().n_steps
    for i in range(start, start + n):
        engine.partial_fit(X[i : i + 1], Y[i : i + 1])
        engine.commit()
    return engine


def test_a_committed_state_is_there_after_a_restart(tmp_path: Path) -> None:
    first = taught(tmp_path / "state", 5)
    second = Engine(DATA, learn="all", state=tmp_path / "state")
    assert second.save_state() == first.save_state()
    assert second.status().n_steps == 5


def test_only_the_last_states_are_kept(tmp_path: Path) -> None:
    taught(tmp_path, 7, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "state-0000000006.mbs",
        "state-0000000007.mbs",
    ]


def test_a_damaged_newest_state_falls_back_to_the_one_before(tmp_path: Path) -> None:
    taught(tmp_path, 3)
    newest = tmp_path / "state-0000000003.mbs"
    newest.write_bytes(newest.read_bytes()[:100])
    with pytest.warns(RuntimeWarning, match="1 damaged"):
        engine = Engine(DATA, learn="all", state=tmp_path)
    assert engine.status().n_steps == 2
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
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
    assert len(list(tmp_path.iterdir())) == 5
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_an_error_and_nothing_changes(tmp_path: Path) -> None:
    engine = taught(tmp_path / "state", 1)
    before = engine.save_state()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Engine(DATA, learn="all", state=tmp_path / "file")
    missing = Engine(DATA, learn="all", state=tmp_path / "no" / "parent")
    with pytest.raises(StorageError, match="No such file"):
        missing.commit()
    assert engine.save_state() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_old_state(tmp_path: Path) -> None:
    engine = taught(tmp_path, 2)
    os.symlink("/dev/full", tmp_path / "state.tmp")
    engine.partial_fit(X[:1], Y[:1])
    with pytest.raises(StorageError, match="No space left"):
        engine.commit()
    assert Engine(DATA, learn="all", state=tmp_path).status().n_steps == 2
    engine.commit()
    assert Engine(DATA, learn="all", state=tmp_path).status().n_steps == 3


def test_a_read_only_folder_keeps_the_old_state(tmp_path: Path) -> None:
    engine = taught(tmp_path / "state", 2)
    (tmp_path / "state").chmod(0o500)
    probe = tmp_path / "state" / "probe"
    try:
        probe.touch()
    except PermissionError:
        with pytest.raises(StorageError, match="ermission"):
            engine.commit()
    else:  # root writes anywhere: use a file system that is read-only for everyone
        probe.unlink()
        elsewhere = Engine(DATA, learn="all", state="/proc/metabit")
        with pytest.raises(StorageError):
            elsewhere.commit()
    finally:
        (tmp_path / "state").chmod(0o700)
    assert Engine(DATA, learn="all", state=tmp_path / "state").status().n_steps == 2


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
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", TEACHER, *paths], stdout=subprocess.PIPE, text=True
        ) as teacher:
            assert teacher.stdout is not None
            first = teacher.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            teacher.send_signal(signal.SIGKILL)
            acknowledged = [first, *teacher.stdout.readlines()]
        numbers = [int(line) for line in acknowledged if line.strip()]
        after = Engine(DATA, learn="all", state=tmp_path / "state")
        n_steps = after.status().n_steps
        if numbers:
            assert numbers[-1] <= n_steps <= numbers[-1] + 1
        expected = Engine(DATA, learn="all").partial_fit(X[:n_steps], Y[:n_steps])
        assert after.save_state() == expected.save_state()
