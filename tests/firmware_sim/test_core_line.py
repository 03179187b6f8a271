"""A line to a firmware through the memory of its core: emulated, and held by a debug server."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.options import Options
from metabit.errors import InputError
from metabit.export.container import dumps
from metabit.firmware_sim.deploy.core_line import CoreLine
from metabit.firmware_sim.deploy.cores_at_hand import core_line
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import LinkedDevice

MACHINES = Path(__file__).parent / "machines"
MODEL = random_model((12, 33, 4), seed=3, golden=2)
BLOB = dumps(MODEL)


def samples(n: int) -> tuple[Samples, NDArray[np.int32]]:
    return random_samples(np.random.default_rng(3), MODEL.input, n), np.arange(
        n, dtype=np.int32
    ) % 4


def device(board: str | Path, gdb: str | None = None, kept: Path | None = None) -> LinkedDevice:
    return LinkedDevice(LinkClient(core_line(BLOB, board, gdb, kept, "all", Options())))


@pytest.mark.parametrize(
    "board",
    [
        pytest.param("nrf52840", marks=pytest.mark.long),
        pytest.param("raspberry-pi-3b-plus", marks=pytest.mark.long),
        pytest.param("raspberry-pi-pico", marks=pytest.mark.long),
        pytest.param("esp32-c3", marks=pytest.mark.long),
    ],
)
def test_an_emulated_board_is_a_device_that_keeps_what_it_commits(
    board: str, tmp_path: Path
) -> None:
    kept, host = tmp_path / "kept.bin", Engine(BLOB, learn="all")
    first = device(board, kept=kept)
    assert (first.info.has_storage, first.info.restored, first.info.counts_cycles) == (
        True,
        0,
        False,
    )
    first.self_test()
    x, y = samples(9)
    assert np.array_equal(first.predict(x).scores, host.scores(x))
    assert np.array_equal(first.learn(5, x, y, commit_every=4).labels, host.learn(x, y))
    second = device(board, kept=kept)
    assert (second.info.restored, second.info.session, second.info.n_learnt) == (1, 5, 9)
    assert second.state_out() == host.save_state()
    fresh = Engine(BLOB, learn="all").save_state()
    second.state_in(fresh)
    second.commit()
    assert device(board, kept=kept).state_out() == fresh


def test_an_emulated_board_without_a_file_keeps_nothing() -> None:
    with pytest.raises(InputError) as caught:
        device("nrf52840").commit()
    assert caught.value.code == "E-DEVICE-STORAGE"


@pytest.fixture
def debug_server(tmp_path: Path) -> Iterator[str]:
    """HOST:PORT of a machine that has not run anything yet, with empty flash."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    command = ("qemu-system-arm", "-M", "microbit", "-S", "-gdb", f"tcp:{where}")
    quiet = ("-display", "none", "-serial", "none", "-monitor", "none")
    with subprocess.Popen([*command, *quiet], cwd=tmp_path) as process:
        yield where
        process.kill()


@pytest.mark.long
def test_what_qemu_counts_is_called_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "model.mbit").write_bytes(BLOB)
    np.save(tmp_path / "x.npy", samples(4)[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    command = ("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-S", "-gdb", f"tcp:{where}")
    quiet = ("-display", "none", "-serial", "none", "-monitor", "none")
    board = ("--board", str(MACHINES / "virt-riscv32.toml"), "--gdb", where)
    words = ("device", "predict", "model.mbit", "x.npy", "--estimate", *board)
    with subprocess.Popen([*command, *quiet], cwd=tmp_path) as process:
        done = subprocess.run(
            [sys.executable, "-m", "metabit", *words],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        process.kill()
    assert "no measurement: qemu counts" in " ".join(done.stdout.split())
    assert "estimated" not in done.stdout


def test_a_core_of_a_debug_server_goes_on_where_the_last_command_left_it(
    debug_server: str,
) -> None:
    board, host = MACHINES / "microbit.toml", Engine(BLOB, learn="all")
    x, y = samples(10)
    first = device(board, gdb=debug_server)
    assert first.info.has_storage
    assert isinstance(first.client.line, CoreLine)
    assert first.client.line.is_qemu
    first.self_test()
    assert np.array_equal(first.predict(x).scores, host.scores(x))
    first.learn(5, x[:6], y[:6], commit_every=6)
    host.learn(x[:6], y[:6])
    kept = host.save_state()
    first.learn(6, x, y)
    host.learn(x, y)
    first.close()
    second = device(board, gdb=debug_server)
    assert (second.info.session, second.info.is_unkept) == (6, True)
    assert second.state_out() == host.save_state()
    second.state_in(kept)
    second.commit()
    assert second.state_out() == kept
    second.close()


def test_what_is_no_address_of_a_debug_server_is_refused() -> None:
    with pytest.raises(InputError, match="localhost:1234"):
        device("nrf52840", gdb="localhost")
