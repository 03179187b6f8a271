"""Each verb that reads a file meets what is none, or does not fit: it ends and says why."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60
VERBS: dict[str, list[str]] = {
    "inspect": ["inspect", "AT"],
    "inspect a state": ["inspect", "AT.mbs"],
    "predict": ["predict", "AT", "DATA"],
    "predict data": ["predict", "MODEL", "AT.npy"],
    "learn": ["learn", "AT", "DATA"],
    "plan": ["plan", "AT"],
    "verify": ["verify", "MODEL", "AT.mbit"],
    "verify ONNX": ["verify", "MODEL", "AT.onnx"],
    "import": ["import", "AT.onnx", "-o", "OUT"],
    "import of no suffix": ["import", "AT", "-o", "OUT"],
    "export": ["export", "AT", "-o", "OUT.onnx"],
    "train": ["train", "AT.toml"],
    "report": ["report", "AT"],
}


def pipe(at: Path) -> None:
    os.mkfifo(at)


def endless(at: Path) -> None:
    at.symlink_to("/dev/zero")


def large(at: Path) -> None:
    with at.open("wb") as file:
        file.truncate(10 << 30)  # takes no room on the disk


def circle(at: Path) -> None:
    at.symlink_to(at.name)


def empty(at: Path) -> None:
    at.write_bytes(b"")


def folder(at: Path) -> None:
    at.mkdir()


THINGS = (pipe, endless, large, circle, empty, folder)


@pytest.fixture(autouse=True)
def _ends_in_time() -> Iterator[None]:
    def too_late(*_: object) -> None:
        raise TimeoutError(f"it still runs after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_file_is_refused(
    verb: str, thing: Callable[[Path], None], cli: Any, model_file: Path, tmp_path: Path,
    data_file: Path,
) -> None:  # fmt: skip
    words = []
    for word in VERBS[verb]:
        name, dot, suffix = word.partition(".")
        place = {"MODEL": model_file, "DATA": data_file, "OUT": tmp_path / f"out{dot}{suffix}"}
        if name == "AT":
            place["AT"] = tmp_path / f"strange{dot}{suffix}"
            thing(place["AT"])
        words.append(str(place.get(name, word)))
    done = cli(*words)
    assert done.code in (1, 2, 4), done.stderr
    assert "error[E-" in done.stderr
    assert "E-INTERNAL" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out*"))
