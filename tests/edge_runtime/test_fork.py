"""A forked process gets engines that are whole, and leaves the state folder to its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.errors import StorageError
from metabit.export.container import dumps

DATA = dumps(random_model((300, 200, 4)))
X = np.random.default_rng(0).integers(0, 256, (400, 300)).astype(np.uint8)
Y = np.random.default_rng(1).integers(0, 4, 400)


def in_child(work: Callable[[], bool]) -> int:
    """The exit code of a forked process: 0 where `work` was true, 1 where not, -14 if it hung."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(30)
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("threads", [1, 3])
def test_a_child_learns_and_predicts_as_its_parent_would(threads: int, tmp_path: Path) -> None:
    with Engine(DATA, learn="all", threads=threads, state=tmp_path) as engine:
        engine.partial_fit(X[:20], Y[:20])
        twin = Engine(DATA, learn="all").partial_fit(X[:40], Y[:40])
        expected, labels = twin.save_state(), twin.predict(X)

        def work() -> bool:
            engine.partial_fit(X[20:40], Y[20:40])
            return engine.save_state() == expected and bool((engine.predict(X) == labels).all())

        assert in_child(work) == 0
        assert engine.status().n_steps == 20


def test_a_fork_waits_for_a_call_of_another_thread(tmp_path: Path) -> None:
    """Otherwise the child would have half a step, and a lock that nobody opens."""
    engine = Engine(DATA, learn="all")
    ended = threading.Event()

    def learn() -> None:
        while not ended.is_set():
            engine.partial_fit(X, Y)

    thread = threading.Thread(target=learn)
    thread.start()
    try:
        for _ in range(5):
            assert in_child(lambda: engine.status().n_steps % len(X) == 0) == 0
    finally:
        ended.set()
        thread.join()


def test_a_child_keeps_nothing_and_neither_holds_nor_opens_the_lock(tmp_path: Path) -> None:
    ready, wait = os.pipe(), os.pipe()
    with Engine(DATA, learn="all", state=tmp_path) as engine:
        engine.partial_fit(X[:2], Y[:2])
        child = os.fork()
        if child == 0:
            try:
                engine.commit()
            except StorageError as error:
                os.write(ready[1], error.code.encode())
            engine.close()
            os.read(wait[0], 1)
            os._exit(0)
        assert os.read(ready[0], 9) == b"E-BUSY"

        def refused() -> bool:
            with pytest.raises(StorageError, match=f"process {parent} keeps"):
                Engine(DATA, learn="all", state=tmp_path)
            return True

        parent = os.getpid()
        assert in_child(refused) == 0
        engine.commit()
    assert in_child(lambda: bool(Engine(DATA, learn="all", state=tmp_path))) == 0
    os.write(wait[1], b"x")
    os.waitpid(child, 0)


def test_a_killed_writer_leaves_no_lock_though_its_child_lives(tmp_path: Path) -> None:
    ready, wait = os.pipe(), os.pipe()
    writer = os.fork()
    if writer == 0:
        engine = Engine(DATA, learn="all", state=tmp_path)
        if os.fork() == 0:
            os.write(ready[1], b"x")
            os.read(wait[0], 1)
            os._exit(0)
        time.sleep(60)
        os._exit(int(engine.n_outputs))
    os.read(ready[0], 1)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    with Engine(DATA, learn="all", state=tmp_path) as engine:
        engine.commit()
    os.write(wait[1], b"x")


def test_closing_lets_the_lock_go_though_a_child_of_c_has_the_descriptor(tmp_path: Path) -> None:
    """fork() of C tells Python nothing, so the child's copy stays open."""
    wait = os.pipe()
    engine = Engine(DATA, learn="all", state=tmp_path)
    child = ctypes.CDLL(None).fork()
    if child == 0:
        os.read(wait[0], 1)
        os._exit(0)
    engine.close()
    assert in_child(lambda: bool(Engine(DATA, learn="all", state=tmp_path))) == 0
    os.write(wait[1], b"x")
    os.waitpid(child, 0)
