"""A command reads its model once: what it says is about one and the same file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli

VERBS = {
    "inspect": ("inspect", "IN"),
    "plan": ("plan", "IN"),
    "plan beyond its budget": ("plan", "IN", "--ram", "1KiB"),
    "predict": ("predict", "IN", "DATA"),
    "predict with what was learnt": ("predict", "IN", "DATA", "--state", "STATE"),
    "learn": ("learn", "IN", "DATA"),
    "verify": ("verify", "IN"),
    "bench": ("bench", "IN", "--num-runs", "3", "--max-secs", "0.1", "--alone", "--data", "DATA"),
    "profile": ("profile", "IN", "--board", "nrf52840"),
    "simulate": ("simulate", "IN", "--board", "nrf52840", "--samples", "2", "--learn", "all"),
    "export": ("export", "IN", "-o", "OUT.mbit"),
    "export with what was learnt": ("export", "IN", "-o", "OUT.onnx", "--state", "STATE"),
    "export to c": ("export", "IN", "-o", "OUT", "--to", "c"),
}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, model_file: Path, data_file: Path) -> Path:
    from metabit.cli import run

    folder = tmp_path_factory.mktemp("learnt") / "state"
    assert run(["learn", str(model_file), str(data_file), "--state", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", VERBS)
def test_a_command_reads_its_model_once(
    cli: Cli,
    name: str,
    model_file: Path,
    data_file: Path,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {"IN": model_file, "DATA": data_file, "STATE": state}
    line = [places.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in VERBS[name]]
    opened: list[Path] = []
    opening, opening_file = Path.open, os.open

    def watched(path: Path, *args: object, **more: object) -> object:
        opened.append(path)
        return opening(path, *args, **more)  # type: ignore[call-overload]

    def watched_file(path: str | Path, *args: Any, **more: Any) -> int:
        opened.append(Path(path))
        return opening_file(path, *args, **more)

    monkeypatch.setattr(Path, "open", watched)  # read_bytes goes through it
    monkeypatch.setattr(os, "open", watched_file)  # plain_bytes goes through it
    assert cli(*line).code in (0, 3)
    assert opened.count(model_file) == 1
