"""Each verb meets a file or a folder that may not be read, and one with a strange name."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from metabit.export import container

from .conftest import Cli

#: Of Linux: with these two, root may read whatever it wants.
CAPGET, CAPSET = {"x86_64": (125, 126)}.get(platform.machine(), (90, 91))
READS_ALL = (1 << 1) | (1 << 2)
#: What a verb reads stands in braces; other words are as they are, but for M, D and OUT.
VERBS: dict[str, str] = {
    "inspect": "inspect {m.mbit}",
    "inspect states": "inspect {kept}",
    "inspect a state": "inspect {kept/state-0000000001.mbs}",
    "predict": "predict {m.mbit} D",
    "predict npz": "predict M {d.npz}",
    "predict npy": "predict M {d.npy}",
    "predict csv": "predict M {d.csv}",
    "predict with a state": "predict M D --state {kept}",
    "learn": "learn {m.mbit} D",
    "learn with a state": "learn M D --state {kept}",
    "learn from csv": "learn M {d.csv}",
    "plan": "plan {m.mbit}",
    "verify": "verify {m.mbit}",
    "verify ONNX": "verify M {m.onnx}",
    "verify TFLite": "verify M {m.tflite}",
    "verify safetensors": "verify M {m.safetensors}",
    "import": "import {m.onnx} -o OUT.mbit",
    "export": "export {m.mbit} -o OUT.onnx",
    "train": "train {r.toml} -o OUT",
    "report": "report {kept}",
    "state list": "state list {kept}",
    "state show": "state show {kept}",
    "state keep": "state keep {kept} name",
    "data inspect": "data inspect {rooms}",
    "data inspect csv": "data inspect {d.csv}",
    "fit": "fit {d.csv} -o OUT --label 13",
    "simulate": "simulate {m.mbit} --board nrf52840",
    "bench": "bench {m.mbit} --alone --num-runs 3 --max-secs 0.1",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, model_file: Path, data_file: Path) -> Path:
    """A folder with one of everything that verbs read, and one to write into."""
    from metabit.cli import run

    folder = tmp_path_factory.mktemp("desk")
    (folder / "out").mkdir()
    shutil.copy(model_file, folder / "m.mbit")
    shutil.copy(data_file, folder / "d.npz")
    with np.load(data_file) as arrays:
        x, y = arrays["x"], arrays["y"]
    np.save(folder / "d.npy", x)
    np.savetxt(folder / "d.csv", np.column_stack([x, y]), fmt="%d", delimiter=",")
    for name in ("still", "moving"):
        (folder / "rooms" / name).mkdir(parents=True)
        np.savetxt(folder / "rooms" / name / "1.csv", x, fmt="%d", delimiter=",")
    for suffix in ("onnx", "tflite", "safetensors"):
        assert run(["export", str(folder / "m.mbit"), "-o", str(folder / f"m.{suffix}")]) == 0
    kept = str(folder / "kept")
    assert run(["learn", str(folder / "m.mbit"), str(folder / "d.npz"), "--state", kept]) == 0
    (folder / "r.toml").write_text('[data]\nset = "digits"\n')
    return folder


def line(verb: str, desk: Path, at: Path | None = None) -> tuple[list[str], Path]:
    """The command line of a verb, which reads `at` instead of what it names; and what it names."""
    words, read = [], desk
    for word in VERBS[verb].split():
        if word.startswith("{"):
            read = desk / word.strip("{}")
            word = str(at or read)
        place = {"M": desk / "m.mbit", "D": desk / "d.npz"}.get(word)
        word = str(desk / "out" / word.lower()) if word.startswith("OUT") else word
        words.append(str(place or word))
    return words, read


def set_reads_all(allowed: bool) -> None:
    """Whether root may read what it has no right to. See capabilities(7)."""
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(CAPGET, header, data) == 0
    effective = data[0]
    data[0] = effective | (data[1] & READS_ALL) if allowed else effective & ~READS_ALL
    assert libc.syscall(CAPSET, header, data) == 0


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Inside, this process may not read `path`, root neither."""
    before = path.stat().st_mode
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        set_reads_all(False)
    try:
        assert not os.access(path, os.R_OK, effective_ids=True)
        yield
    finally:
        if is_root:
            set_reads_all(True)
        path.chmod(before)


@pytest.mark.parametrize("verb", VERBS)
def test_what_may_not_be_read_is_said_to_be_so(verb: str, desk: Path, cli: Cli) -> None:
    """Never that it is damaged, empty or not there; and nothing is written."""
    words, read = line(verb, desk)
    with without_rights(read):
        done = cli(*words)
    assert done.code in (1, 2), done.stderr
    assert "error[E-" in done.stderr
    assert "Permission denied" in done.stderr, done.stderr
    assert "E-INTERNAL" not in done.stderr
    assert "[Errno" not in done.stderr
    assert not any((desk / "out").iterdir())


FORGED = "next: metabit forged"
NAMES = {
    "two lines": f"a\n{FORGED}",
    "a line first": f"\n{FORGED}",
    "controls": "\x1b[2J\x1b]0;x\x07",
    "markup": "[bold]x",
    "not UTF-8": os.fsdecode(b"\xff\xfe"),
}
#: Train and fit would take too long, and say names as others do.
QUICK = [verb for verb in VERBS if verb not in ("train", "fit", "state keep")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verb", QUICK)
def test_a_strange_name_is_shown_in_one_line_without_controls(
    verb: str, name: str, desk: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, so that what the name begins with may begin a line."""
    _, read = line(verb, desk)
    strange = read.with_name(NAMES[name] + read.suffix)
    (shutil.copytree if read.is_dir() else shutil.copy)(read, strange)
    monkeypatch.chdir(strange.parent)
    words, _ = line(verb, desk, Path(strange.name))
    try:
        done = cli(*words)
        in_json = cli(*words, "--json")
    finally:
        (shutil.rmtree if strange.is_dir() else os.remove)(strange)
        for written in (desk / "out").iterdir():
            written.unlink()
    shown = done.stdout + done.stderr + in_json.stderr
    assert done.code == 0, done.stderr
    assert in_json.answer["ok"]
    assert not [row for row in shown.splitlines() if row.startswith(FORGED)]
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_class_that_somebody_named_in_two_lines_forges_no_row(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    path = tmp_path / "named.mbit"
    names = [f"class\n{FORGED}{i}" for i in range(4)]
    container.save(replace(container.load(model_file), meta={"class_names": names}), path)
    for words in (("predict", path, data_file), ("inspect", path), ("learn", path, data_file)):
        done = cli(*words)
        assert done.code == 0
        assert not [row for row in done.stdout.splitlines() if row.startswith(FORGED)]
