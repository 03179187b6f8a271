"""`metabit device` over a pseudo-terminal, with the C of a device at its other end."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.link_rig import Rig, compile_rig
from helpers.random_models import random_model

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.export import container
from metabit.export.windows import samples_of_raw
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.front_end import STATISTICS

from .conftest import Cli


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_rig(tmp_path_factory.mktemp("nrf52840"))


@contextmanager
def serial_port(
    library: ctypes.CDLL, model_file: Path, options: Options, goal: int = 0
) -> Iterator[str]:
    """The name of a serial port with a device that runs the model."""
    with wired(
        Rig(library, model_file.read_bytes(), options, goal=goal, buffer_bytes=2048)
    ) as name:
        yield name


@contextmanager
def wired(rig: Rig) -> Iterator[str]:
    """The name of a serial port with this device."""
    ours, theirs = os.openpty()

    def run() -> None:
        try:
            while data := os.read(ours, 4096):
                rig.deliver(data)
                os.write(ours, rig.read(1.0))
        except OSError:
            pass  # the test has closed the terminal

    device = threading.Thread(target=run, daemon=True)
    device.start()
    yield os.ttyname(theirs)
    os.close(theirs)
    device.join(5)
    os.close(ours)
    rig.close()


@pytest.fixture
def port(library: ctypes.CDLL, model_file: Path) -> Iterator[str]:
    with serial_port(library, model_file, Options(learn_layers=2)) as name:
        yield name


def test_a_device_is_taught_over_a_serial_port(
    cli: Cli, model_file: Path, data_file: Path, port: str, tmp_path: Path
) -> None:
    def device(action: str, *more: object) -> dict[str, Any]:
        done = cli("device", action, model_file, *more, "--port", port, "--json")
        assert done.code == 0, done.stderr
        return done.answer

    host = Engine(model_file, learn="all")
    arrays = np.load(data_file)
    assert device("self-test")["n_samples"] == 3
    predicted = device("predict", data_file, "--estimate")
    assert predicted["labels"] == host.predict(arrays["x"]).tolist()
    assert predicted["us_per_sample"] is not None
    low, typical, high = predicted["estimated_cycles"]
    assert low < typical < high
    assert predicted["cycles_ratio"] == predicted["cycles_per_sample"] / typical
    learnt = device("learn", data_file, "--commit-every", 25)
    hits = host.learn(arrays["x"], arrays["y"]) == arrays["y"]
    assert (learnt["n_samples"], learnt["prequential_accuracy"]) == (50, hits.mean())
    assert device("learn", data_file)["n_learnt_before"] == 50
    assert device("commit")["n_learnt"] == 50
    state = tmp_path / "learnt.mbs"
    device("state-out", "-o", state)
    assert state.read_bytes() == host.save_state()
    device("learn", data_file, "--again", 2)
    device("state-in", state)
    assert device("info")["device"]["is_unkept"] is False
    device("state-out", "-o", state)
    assert state.read_bytes() == host.save_state()


def test_an_emulated_board_is_taught_and_keeps_it_in_a_file(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    kept, state = tmp_path / "kept.bin", tmp_path / "learnt.mbs"
    words = ("--board", "nrf52840", "--kept", kept, "--learn", "all", "--json")
    done = cli("device", "learn", model_file, data_file, "--limit", 5, *words)
    assert (done.code, done.answer["is_kept"], done.answer["port"]) == (0, True, "nrf52840")
    assert cli("device", "state-out", model_file, "-o", state, *words).code == 0
    host, arrays = Engine(model_file, learn="all"), np.load(data_file)
    host.learn(arrays["x"][:5], arrays["y"][:5])
    assert state.read_bytes() == host.save_state()


def test_an_emulated_board_makes_samples_of_frames_itself(cli: Cli, tmp_path: Path) -> None:
    does = Operations(2, 16, 8, STATISTICS, (), "none")
    rng = np.random.default_rng(4)
    windows = rng.normal(0, 900, (12, 2, 16)).astype(np.int16)
    front_end = fit(windows.transpose(0, 2, 1).astype(np.int32), does)
    model = replace(random_model((does.n_inputs, 8, 3), dtype="int8"), front_end=front_end)
    file, data = tmp_path / "senses.mbit", tmp_path / "windows.npz"
    file.write_bytes(container.dumps(model))
    np.savez(data, x=windows, y=np.arange(12) % 3)
    host = Engine(file, learn="all")
    x = samples_of_raw(windows, front_end, "windows")
    words = ("--board", "nrf52840", "--kept", tmp_path / "kept.bin", "--learn", "all", "--json")
    done = cli("device", "predict", file, data, "--limit", 5, *words)
    assert (done.code, done.answer["front_end_on"]) == (0, "device")
    assert done.answer["labels"] == host.predict(x[:5]).tolist()
    done = cli("device", "learn", file, data, *words)
    assert (done.code, done.answer["front_end_on"]) == (0, "device")
    host.learn(x, np.arange(12, dtype=np.int32) % 3)
    assert cli("device", "state-out", file, "-o", tmp_path / "s.mbs", *words).code == 0
    assert (tmp_path / "s.mbs").read_bytes() == host.save_state()


def test_a_self_test_of_a_file_without_golden_samples_says_that_nothing_was_compared(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bare.mbit"
    container.save(replace(container.load(model_file), golden=None), file)
    for made, told in ((file, "nothing was compared"), (model_file, "3 golden samples, scores")):
        at_board = ("--board", "nrf52840")
        kept = ("--kept", tmp_path / f"{made.stem}.bin")
        for done in (
            cli("device", "self-test", made, *at_board, *kept),
            cli("simulate", made, *at_board, "--samples", 1),
        ):
            assert done.code == 0, done.stderr
            (line,) = (line for line in done.stdout.splitlines() if "self-test" in line)
            assert told in line
            assert ("--golden 4" in line) == (made == file)


def test_what_a_firmware_chose_for_its_goal_is_told_and_estimated(
    cli: Cli, library: ctypes.CDLL, model_file: Path, data_file: Path
) -> None:
    with serial_port(library, model_file, Options(), goal=_native.GOAL_FILE) as port:
        said = cli("device", "info", model_file, "--port", port, "--json")
        assert said.answer["choice"].startswith("learning all layers")
        done = cli("device", "learn", model_file, data_file, "--estimate", "--port", port, "--json")
    assert done.code == 0, done.stderr
    assert done.answer["choice"] == said.answer["choice"]
    assert done.answer["cycles_ratio"] > 0


def test_a_device_with_another_model_is_refused(
    cli: Cli, model_file: Path, port: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.mbit"
    other.write_bytes(container.dumps(random_model((12, 8, 4), seed=99)))
    cli("device", "info", other, "--port", port).refused(5, "E-DEVICE-MODEL")


def test_what_is_wrong_with_the_command_is_said_before_the_port_is_opened(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    cli("device", "predict", model_file, "--port", "/dev/none").refused(2, "E-USAGE")
    cli("device", "info", model_file, data_file, "--port", "/dev/none").refused(2, "E-USAGE")
    cli("device", "state-out", model_file, "--port", "/dev/none").refused(2, "E-USAGE")
    cli("device", "info", model_file, "--port", tmp_path / "none").refused(1, "E-DEVICE-LINE")
    cli("device", "info", model_file).refused(2, "E-USAGE")
    cli("device", "info", model_file, "--port", "a", "--board", "nrf52840").refused(2, "E-USAGE")
    cli("device", "info", model_file, "--port", "a", "--gdb", "b:1").refused(2, "E-USAGE")
    cli("device", "commit", model_file, "--board", "nrf52840").refused(2, "E-USAGE")


def test_a_device_whose_samples_lead_elsewhere_since_an_update_says_so(
    cli: Cli, library: ctypes.CDLL, model_file: Path, data_file: Path
) -> None:
    options = Options(learn_layers=2)
    rig = Rig(library, model_file.read_bytes(), options, buffer_bytes=2048, most_again=40)
    with wired(rig) as port:

        def device(action: str, *more: object) -> str:
            done = cli("device", action, model_file, *more, "--port", port)
            assert done.code == 0, done.stderr
            return done.stdout

        device("learn", data_file, "--limit", 8)
        rig.update(options)
        assert "8 of them in this session" in device("info")
        rig.update(Options(learn_layers=2, step_levels=5.0))
        said = device("info")
    assert "0 of them in this session" in said
    assert "it has the whole state before them" in said
