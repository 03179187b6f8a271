"""Every verb that writes follows links, keeps pipes, and never writes over what it reads."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.export import container
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict

from .conftest import Cli

#: Command lines by name; IN, DATA and OUT stand for paths. `export` with --to c is apart, below.
WRITERS = {
    "export to mbit": ("export", "IN", "--to", "mbit", "-o", "OUT"),
    "export to onnx": ("export", "IN", "--to", "onnx", "-o", "OUT"),
    "export to tflite": ("export", "IN", "--to", "tflite", "-o", "OUT"),
    "export to safetensors": ("export", "IN", "--to", "safetensors", "-o", "OUT"),
    "import": ("import", "ONNX", "-o", "OUT"),
    "import and learn": ("import", "ONNX", "--learn", "DATA", "-o", "OUT"),
    "predict": ("predict", "IN", "DATA", "--labels-out", "OUT"),
    "bench": (
        *("bench", "IN", "--data", "DATA", "--num-runs", "3", "--max-secs", "0.1", "--alone"),
        *("--plot", "OUT"),
    ),
}
READ = ("IN", "ONNX", "DATA")


@dataclass(frozen=True)
class Desk:
    """A folder with one file of each kind that verbs read."""

    cli: Cli
    folder: Path

    def path(self, word: str) -> Path:
        names = {"IN": "in.mbit", "ONNX": "in.onnx", "DATA": "data.npz"}
        return self.folder / names[word]

    def line(self, name: str, out: Path) -> list[str | Path]:
        words = WRITERS[name]
        return [
            out if word == "OUT" else self.path(word) if word in READ else word for word in words
        ]

    def read_by(self, name: str) -> list[Path]:
        return [self.path(word) for word in WRITERS[name] if word in READ]


@pytest.fixture
def desk(cli: Cli, tmp_path: Path, model_file: Path, data_file: Path) -> Desk:
    shutil.copy(model_file, tmp_path / "in.mbit")
    shutil.copy(data_file, tmp_path / "data.npz")
    assert cli("export", tmp_path / "in.mbit", "-o", tmp_path / "in.onnx").code == 0
    return Desk(cli, tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_no_verb_writes_over_what_it_reads(desk: Desk, name: str) -> None:
    (desk.folder / "sub").mkdir()
    for read in desk.read_by(name):
        before = read.read_bytes()
        symbolic, hard = desk.folder / f"s-{read.name}", desk.folder / f"h-{read.name}"
        symbolic.symlink_to(read.name)
        hard.hardlink_to(read)
        for out in (read, desk.folder / "sub" / ".." / read.name, symbolic, hard):
            desk.cli(*desk.line(name, out)).refused(2, "E-TARGET")
            assert read.read_bytes() == before
        # It is read by one name and written by another.
        line = [symbolic if word == read else word for word in desk.line(name, hard)]
        desk.cli(*line).refused(2, "E-TARGET")
        assert read.read_bytes() == before


@pytest.mark.parametrize("name", WRITERS)
def test_every_verb_follows_a_link(desk: Desk, name: str) -> None:
    real, link = desk.folder / "real", desk.folder / "link"
    real.write_bytes(b"old")
    real.chmod(0o604)
    link.symlink_to("real")
    assert desk.cli(*desk.line(name, link)).code == 0
    assert link.is_symlink()
    assert real.read_bytes() != b"old"
    assert stat.S_IMODE(real.stat().st_mode) == 0o604


@pytest.mark.parametrize("name", WRITERS)
def test_every_verb_writes_into_a_pipe(desk: Desk, name: str) -> None:
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert desk.cli(*desk.line(name, pipe)).code == 0
    reader.join(timeout=20)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert got
    assert got[0]


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_written_is_refused(desk: Desk, name: str) -> None:
    desk.cli(*desk.line(name, desk.folder)).refused(2, "E-TARGET")
    desk.cli(*desk.line(name, desk.folder / "no" / "file")).refused(1, "E-WRITE")
    desk.cli(*desk.line(name, Path("/dev/full"))).refused(1, "E-WRITE")


def test_a_run_and_a_state_are_kept_from_what_is_made_of_them(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path
) -> None:
    run, state = tmp_path / "run", tmp_path / "state"
    tiny = {
        "data": {"name": "digits", "stream": "single", "train_samples": 60},
        "network": {"hidden": [8]},
    }
    train(recipe_from_dict({"name": "tiny", **tiny, "train": {"epochs": 1}}), run)
    assert cli("learn", model_file, data_file, "--state", state).code == 0
    newest = max(state.glob("*.mbs"))
    for source, kept in ((run, run / "model.safetensors"), (run, run / "recipe.toml")):
        before = kept.read_bytes()
        cli("export", source, "--to", "safetensors", "-o", kept).refused(2, "E-TARGET")
        assert kept.read_bytes() == before
    for _ in range(2):  # a model beside the run that it is made of may be replaced
        assert cli("export", run, "-o", run / "net.mbit").code == 0
        assert cli("compare", run, "-o", run).code == 0
    for given in (state, newest):
        before = newest.read_bytes()
        line = ("export", model_file, "--state", given, "--to", "mbit", "-o", newest)
        cli(*line).refused(2, "E-TARGET")
        cli("predict", model_file, data_file, "--state", state, "--labels-out", newest).refused(
            2, "E-TARGET"
        )
        assert newest.read_bytes() == before


def test_c_sources_follow_links_and_leave_the_model(cli: Cli, tmp_path: Path) -> None:
    model = tmp_path / "net.c"  # a .mbit file by a name that its own C source would take
    container.save(random_model((12, 9, 3)), model)
    before = model.read_bytes()
    cli("export", model, "--to", "c", "-o", tmp_path).refused(2, "E-TARGET")
    assert model.read_bytes() == before
    shutil.copy(model, tmp_path / "fine.mbit")
    assert cli("export", tmp_path / "fine.mbit", "--to", "c", "-o", tmp_path).code == 0
    first = (tmp_path / "fine.h").read_text().splitlines()[0]
    (tmp_path / "real.h").write_text(first)
    (tmp_path / "fine.h").unlink()
    (tmp_path / "fine.h").symlink_to("real.h")
    assert cli("export", tmp_path / "fine.mbit", "--to", "c", "-o", tmp_path).code == 0
    assert (tmp_path / "fine.h").is_symlink()
    assert "mb_" in (tmp_path / "real.h").read_text()
    cli("export", model, "--to", "c", "-o", tmp_path / "real.h").refused(1, "E-WRITE")


def test_a_refused_target_costs_no_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is predicted before it is known that the labels can be kept."""

    def never(*_: object, **__: object) -> np.ndarray:
        raise AssertionError("predicted")

    monkeypatch.setattr("metabit.edge_runtime.engine.Engine.predict", never)
    for out, code in ((desk.folder / "in.mbit", 2), (desk.folder / "no" / "file", 1)):
        assert desk.cli(*desk.line("predict", out)).code == code
