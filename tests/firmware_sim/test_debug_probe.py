"""The firmware on a core that a debug server holds: qemu's, over the protocol of GDB."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.options import Options
from metabit.errors import MetabitError, MismatchError, StorageError
from metabit.export.container import dumps
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.machines.debug_probe import DebugProbe
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.machines.gdb_remote import GdbRemote
from metabit.firmware_sim.session import Session

BOARD = Path(__file__).parent / "machines" / "netduinoplus2.toml"


@pytest.fixture(scope="module")
def running() -> Session:
    blob = dumps(random_model((12, 33, 4), seed=3, golden=2))
    return session.start(blob, boards.load(BOARD), "all", Options())


@pytest.fixture
def remote(running: Session, tmp_path: Path) -> Iterator[GdbRemote]:
    """A debug server with the firmware in its flash, before the first instruction."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "firmware.elf").write_bytes(running.firmware.elf)
    command = ("qemu-system-arm", "-M", "netduinoplus2", "-kernel", "firmware.elf", "-S", "-gdb")
    quiet = ("-display", "none", "-serial", "none", "-monitor", "none")
    with subprocess.Popen([*command, f"tcp:127.0.0.1:{port}", *quiet], cwd=tmp_path) as process:
        made = GdbRemote("127.0.0.1", port, answer_s=60)
        yield made
        made.close()
        process.kill()


def device_on(remote: GdbRemote, running: Session) -> Device:
    core = DebugProbe(running.firmware, remote)
    return Device(running.firmware, running.model.n_inputs, running.engine.n_outputs, core)


def test_it_predicts_learns_and_gives_its_state_as_the_host_does(
    running: Session, remote: GdbRemote
) -> None:
    device, host = device_on(remote, running), running.engine
    assert device.arena_bytes() == running.plan.arena_bytes
    device.self_test()
    device.open()
    x = random_samples(np.random.default_rng(2), running.model.input, 6)
    y = np.arange(6, dtype=np.int32) % 4
    assert np.array_equal([device.predict(one)[1] for one in x], host.scores(x))
    told = [int(device.learn(x[i : i + 1], y[i : i + 1])[0]) for i in range(6)]
    assert told == host.learn(x, y).tolist()
    state = device.save_state()
    assert state == host.save_state()
    device.open()
    device.load_state(state)
    assert device.save_state() == state
    assert 1024 < device.stack_used_bytes() < running.board.stack_bytes


def test_a_core_that_stops_elsewhere_is_named_with_its_function(
    running: Session, remote: GdbRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = DebugProbe(running.firmware, remote)
    monkeypatch.setattr(remote, "register", lambda _n: core.symbol("fw_unexpected"))
    with pytest.raises(MetabitError, match=r"at 0x[0-9a-f]{8} in fw_unexpected\(\)") as caught:
        core.run()
    assert caught.value.code == "E-SIM-FAULT"


def test_memory_that_does_not_take_the_firmware_is_named(
    running: Session, remote: GdbRemote
) -> None:
    program = running.firmware.program
    elsewhere = replace(program, segments=((0x50000000, program.segments[0][1]),))
    with pytest.raises(MismatchError, match="flash the firmware first") as caught:
        DebugProbe(replace(running.firmware, program=elsewhere), remote)
    assert caught.value.code == "E-DEVICE-MODEL"


class Probe:
    """A debug server that reads memory, and takes flash only as flash, like OpenOCD's.

    Attributes:
        memory: what it holds, from address 0 on.
        port: where it listens.
    """

    def __init__(self) -> None:
        self.memory = bytearray(16 * 1024)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        line, _ = self._listening.accept()
        coming = b""
        with line:
            while data := line.recv(65536):
                coming += data
                while found := re.match(rb"\+?\$([^#]*)#..", coming, re.DOTALL):
                    coming = coming[found.end() :]
                    answer = self._answer(found[1]).encode()
                    line.sendall(b"+$" + answer + b"#%02x" % (sum(answer) & 255))

    def _answer(self, packet: bytes) -> str:
        if packet.startswith(b"m"):
            at, n = (int(word, 16) for word in packet[1:].split(b","))
            return self.memory[at : at + n].hex()
        if packet.startswith(b"vFlashErase:"):
            at, n = (int(word, 16) for word in packet.split(b":")[1].split(b","))
            assert at % 1024 == n % 1024 == 0
            self.memory[at : at + n] = b"\xff" * n
        if packet.startswith(b"vFlashWrite:"):
            _, address, data = packet.split(b":", 2)
            data = re.sub(rb"\}(.)", lambda one: bytes([one[1][0] ^ 0x20]), data, flags=re.DOTALL)
            at = int(address, 16)
            there = self.memory[at : at + len(data)]
            self.memory[at : at + len(data)] = bytes(
                a & b for a, b in zip(there, data, strict=True)
            )
        return "OK" if packet.startswith(b"vFlash") else ""

    def close(self) -> None:
        self._thread.join(5)
        self._listening.close()


def test_flash_that_is_no_memory_is_erased_and_written_as_flash() -> None:
    probe = Probe()
    remote = GdbRemote("127.0.0.1", probe.port, answer_s=10)
    parts = ((1024 + 64, bytes(range(256)) * 9), (4096, b"#$}*" * 20))
    remote.flash(parts, page_bytes=1024)
    assert [remote.read(at, len(contents)) for at, contents in parts] == [c for _, c in parts]
    assert probe.memory[1024 : 1024 + 64] == b"\xff" * 64
    assert probe.memory[:1024] == bytes(1024)
    with pytest.raises(StorageError, match="does not write"):
        remote.write(0, b"1")
    remote.close()
    probe.close()


def test_nobody_at_the_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metabit.firmware_sim.machines.gdb_remote._CONNECT_S", 0.1)
    with pytest.raises(StorageError, match="nobody answers") as caught:
        GdbRemote("127.0.0.1", 1)
    assert caught.value.code == "E-DEVICE-GDB"
