"""Firmware that runs by itself: it boots on emulated machines and says what it should."""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.errors import BudgetError, InputError
from metabit.export.container import dumps
from metabit.firmware_sim import boards
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.deploy.flash_image import flash_image
from metabit.firmware_sim.deploy.image_files import crc32_of_rp2040, plain_image
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import LinkedDevice
from metabit.firmware_sim.machines.emulator import Emulator

unicorn = pytest.importorskip("unicorn")

MACHINES = Path(__file__).parent / "machines"
READY = b"ready\r\n"


@pytest.fixture(scope="module")
def small() -> bytes:
    return dumps(random_model((12, 33, 4), seed=3, golden=2))


def right(said: bytes, board: str) -> bool:
    """Whether the firmware said that all is well."""
    lines = said.decode().strip().splitlines()
    return (
        re.fullmatch(rf"metabit \d+\.\d+\.\d+ on {board}", lines[0]) is not None
        and lines[1] == "model: ok"
        and re.fullmatch(r"12 inputs, 4 classes, \d+ bytes of RAM, learning all .*", lines[2])
        is not None
        and lines[3:] == ["self-test: ok", "open: ok", "ready"]
    )


# ---- on qemu's machines --------------------------------------------------------------------------


class Machine:
    """A machine of qemu, whose serial port is this program's: a line to a device.

    Args:
        machine: its name for qemu.
        elf: what it runs.
        folder: for that file.
    """

    def __init__(self, machine: str, elf: bytes, folder: Path) -> None:
        self.where = machine
        (folder / "firmware.elf").write_bytes(elf)
        self._monitor = folder / "monitor"
        qemu = "qemu-system-arm"
        if machine == "virt":
            qemu = "qemu-system-riscv32"
        command = (
            qemu,
            "-bios",
            "none",
            "-M",
            machine,
            "-kernel",
            "firmware.elf",
            "-display",
            "none",
        )
        self._process = subprocess.Popen(
            [*command, "-serial", "stdio", "-monitor", f"unix:{self._monitor},server=on,wait=off"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def read(self, seconds: float) -> bytes:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return os.read(self._process.stdout.fileno(), 4096) if ready else b""

    def read_until(self, end: bytes) -> bytes:
        """What it says up to there."""
        said, until = b"", time.monotonic() + 60
        while end not in said:
            assert time.monotonic() < until, f"nothing more came after {said!r}"
            said += self.read(1.0)
        return said

    def reset(self) -> None:
        """Press the reset button: RAM is what it was, the program begins again."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            monitor.sendall(b"system_reset\n")
            self.read_until(READY)

    def close(self) -> None:
        with self._process as process:
            process.kill()


@pytest.fixture
def switch_on(tmp_path: Path) -> Iterator[Callable[[str, bytes], Machine]]:
    """Start a machine; it is switched off at the end."""
    machines = []

    def start(name: str, elf: bytes) -> Machine:
        machines.append(Machine(name, elf, tmp_path))
        return machines[-1]

    yield start
    for machine in machines:
        machine.close()


@pytest.mark.parametrize(
    ("machine", "board"),
    [
        ("netduinoplus2", MACHINES / "netduinoplus2.toml"),
        pytest.param("microbit", MACHINES / "microbit.toml", marks=pytest.mark.long),
        pytest.param("mps3-an547", "cortex-m55", marks=pytest.mark.long),
        pytest.param("virt", MACHINES / "virt-riscv32.toml", marks=pytest.mark.long),
    ],
)
def test_it_boots_tests_itself_and_learns_with_the_hosts_bits(
    small: bytes, switch_on: Callable[[str, bytes], Machine], machine: str, board: str | Path
) -> None:
    made = flash_image(small, board, learn="all")
    line = switch_on(machine, made.elf)
    assert right(line.read_until(READY), made.board.name)
    engine = Engine(small, learn="all")
    x = random_samples(np.random.default_rng(3), engine.input, 12)
    y = np.arange(12, dtype=np.int32) % 4
    device = LinkedDevice(LinkClient(line))
    assert device.info.board == made.board.name
    assert np.array_equal(device.predict(x).scores, engine.scores(x))
    device.learn(1, x, y)
    engine.learn(x, y)
    assert device.state_out() == engine.save_state()


@pytest.mark.parametrize("learn_again", [0, 50], ids=["states", "samples"])
@pytest.mark.parametrize(("machine", "board"), [("microbit", MACHINES / "microbit.toml")])
def test_what_is_committed_outlives_a_reset(
    small: bytes, switch_on: Callable[[str, bytes], Machine], machine: str, board: str | Path,
    learn_again: int,
) -> None:  # fmt: skip
    made = flash_image(small, board, learn="all", learn_again=learn_again)
    assert made.n_slots == 16
    line = switch_on(machine, made.elf)
    line.read_until(READY)
    engine = Engine(small, learn="all")
    x = random_samples(np.random.default_rng(3), engine.input, 12)
    y = np.arange(12, dtype=np.int32) % 4
    device = LinkedDevice(LinkClient(line))
    assert device.info.has_storage
    assert device.info.restored == 0
    for n in (4, 8):  # twice, so that slots take turns
        device.learn(n, x[:n], y[:n], commit_every=n)
        engine.learn(x[:n], y[:n])
    kept = engine.save_state()
    device.learn(9, x, y)
    line.reset()
    again = LinkedDevice(LinkClient(line))
    assert (again.info.restored, again.info.session, again.info.n_learnt) == (1, 8, 8)
    assert again.state_out() == kept


def test_a_damaged_model_is_told_on_the_serial_port(
    small: bytes, switch_on: Callable[[str, bytes], Machine]
) -> None:
    made = flash_image(small, MACHINES / "netduinoplus2.toml", learn="all")
    at = made.elf.index(small) + len(small) // 2
    damaged = made.elf[:at] + bytes([made.elf[at] ^ 1]) + made.elf[at + 1 :]
    said = switch_on("netduinoplus2", damaged).read_until(b"open: ")
    assert b"model: a checksum" in said
    assert READY not in said


# ---- on emulated cores, with registers that are always ready -------------------------------------


class Ready:
    """Registers that keep what is written, but for those that say that something is ready.

    Args:
        status: what these registers say, by address.
        data: the register through which bytes are sent.
    """

    def __init__(self, status: dict[int, int], data: int) -> None:
        self._status, self.data = status, data
        self._kept: dict[int, int] = {}
        self.written: list[tuple[int, int]] = []
        self.said = b""

    def read(self, _uc: Any, offset: int, _size: int, base: int) -> int:
        return self._status.get(base + offset, self._kept.get(base + offset, 0))

    def write(self, uc: Any, offset: int, _size: int, value: int, base: int) -> None:
        self._kept[base + offset] = value
        self.written.append((base + offset, value))
        if base + offset == self.data:
            self.said += bytes([value & 0xFF])
            if self.said.endswith(READY):
                uc.emu_stop()


_RP2350 = {
    0x40020008: 0xFFFFFFFF,  # out of reset
    0x40048004: 1 << 31,  # the crystal is stable
    0x40050000: 1 << 31,  # the PLL has locked
    0x40010038: 4,  # reference from the crystal
    0x40010044: 3,  # the core's clock from either
    0x40070018: 1 << 4,  # nothing has come, there is room
}
#: An ESP32-C3's UART has room for 128 bytes; the USB port, to which no host is connected, has none.
_ESP32_C3 = {0x6000001C: 0, 0x60043004: 0}
#: An RA4M1's oscillator is stable, its cache is emptied, and its port has room.
_RA4M1 = {0x4001E03C: 1, 0x4001C104: 0, 0x40070044: 1 << 7}
REGISTERS = {
    "arduino-uno-r4": (_RA4M1, 0x40070043),
    "esp32-c3": (_ESP32_C3, 0x60000000),
    "nrf52840": ({0x40000100: 1, 0x4000211C: 1}, 0x4000251C),
    "raspberry-pi-pico-2": (_RP2350, 0x40070000),
    "raspberry-pi-pico-2-riscv": (_RP2350, 0x40070000),
}


@pytest.mark.long
@pytest.mark.parametrize("board", REGISTERS)
def test_it_speaks_through_the_registers_of_its_board(small: bytes, board: str) -> None:
    made = flash_image(small, board, learn="all")
    emulator = Emulator(Firmware(made.board, made.elf, made.program))
    registers = Ready(*REGISTERS[board])
    base = registers.data & ~0x1FFFFFFF
    if made.board.isa == "thumb":
        emulator._uc.mem_map(0xE0001000, 4096)  # the unit with the counter of cycles, at a stand
    if made.parts.data_window:
        show_flash_twice(emulator, made.parts.data_window)
    emulator._uc.mmio_map(base, 0x20000000, registers.read, base, registers.write, base)
    emulator._uc.emu_start(emulator._next, 0xFFFFFFFF, 60_000_000)
    assert right(registers.said, board), registers.said
    if board == "arduino-uno-r4":
        fast = registers.written.index((0x4001E026, 0))
        before = [
            (0x4001E3FE, 0xA503),
            (0x4001E0A0, 0),
            (0x4001E031, 1),
            (0x4001E020, 1 << 28 | 256),
        ]
        assert [registers.written.index(one) < fast for one in before] == [True] * 4
        assert dict(registers.written)[0x4001E3FE] == 0xA500  # and the clock is locked again
        assert 48e6 / 32 / (dict(registers.written)[0x40070041] + 1) == pytest.approx(
            115_200, rel=0.002
        )


def show_flash_twice(emulator: Emulator, window: int) -> None:
    """Code runs in one window and is not read there; data is read in the other."""
    flash = emulator.firmware.board.flash
    assert flash is not None
    contents = emulator.read(flash.origin, flash.bytes)
    emulator._uc.mem_map(window, flash.bytes, unicorn.UC_PROT_READ)
    emulator.write(window, contents)
    emulator._uc.mem_protect(flash.origin, flash.bytes, unicorn.UC_PROT_EXEC)


@pytest.mark.long
def test_an_esp32_c3_stops_its_four_watchdogs_and_answers_on_usb_too(small: bytes) -> None:
    made = flash_image(small, "esp32-c3", learn="all")
    emulator = Emulator(Firmware(made.board, made.elf, made.program))
    registers = Ready({0x6000001C: 0, 0x60043004: 2}, 0x60043000)
    show_flash_twice(emulator, made.parts.data_window)
    emulator._uc.mmio_map(
        0x60000000, 0x100000, registers.read, 0x60000000, registers.write, 0x60000000
    )
    emulator._uc.emu_start(emulator._next, 0xFFFFFFFF, 60_000_000)
    assert right(registers.said, "esp32-c3"), registers.said
    keys = {
        0x600080A8: 0x50D83AA1,
        0x600080B0: 0x8F1D312A,
        0x6001F064: 0x50D83AA1,
        0x60020064: 0x50D83AA1,
    }
    stops = {0x60008090: 0, 0x600080AC: 1 << 31, 0x6001F048: 0, 0x60020048: 0}
    for (lock, key), (register, stopped) in zip(keys.items(), stops.items(), strict=True):
        about = [one for one in registers.written if one[0] in (lock, register)]
        assert about == [(lock, key), (register, stopped), (lock, 0)]


@pytest.mark.long
def test_an_esp32_c3_boots_without_a_loader(small: bytes) -> None:
    made = flash_image(small, "esp32-c3", learn="all")
    image = plain_image(made.program.segments)
    symbols, window = made.program.symbols, made.parts.data_window
    assert image[:8].hex() == "1d04dbae" * 2
    assert symbols["fw_reset"] == 0x42000008
    at = symbols["fw_blob"] - window
    assert image[at : at + len(small)] == small
    data = symbols["fw_data_load"] - window
    assert len(image) - data == symbols["fw_data_end"] - symbols["fw_data_start"]
    assert symbols["fw_keep_end"] == window + (4 << 20)


# ---- what boot ROMs look for ---------------------------------------------------------------------


@pytest.mark.long
def test_the_rp2040_finds_its_second_stage_and_the_vectors_after_it(small: bytes) -> None:
    made = flash_image(small, "raspberry-pi-pico", learn="all")
    image = plain_image(made.program.segments)
    assert made.program.segments[0][0] == 0x10000000
    assert struct.unpack_from("<I", image, 252)[0] == crc32_of_rp2040(image[:252])
    assert made.program.symbols["fw_vectors"] == 0x10000100
    stack, entry = struct.unpack_from("<II", image, 256)
    assert stack == made.program.symbols["fw_stack_high"]
    assert entry == made.program.symbols["fw_reset"] | 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("board", "kind"),
    [("raspberry-pi-pico-2", 0x10210142), ("raspberry-pi-pico-2-riscv", 0x11010142)],
)
def test_the_rp2350_finds_an_image_of_its_core(small: bytes, board: str, kind: int) -> None:
    made = flash_image(small, board, learn="all")
    image = plain_image(made.program.segments)
    block = struct.pack("<5I", 0xFFFFDED3, kind, 0x000001FF, 0, 0xAB123579)
    assert image[:4096].count(block) == 1
    assert image[:4096].index(block) % 4 == 0
    begins = "fw_vectors" if made.board.isa == "thumb" else "fw_reset"
    assert made.program.symbols[begins] == 0x10000000


# ---- what cannot be built ------------------------------------------------------------------------


def test_a_board_whose_clock_nobody_has_written_is_refused(small: bytes, tmp_path: Path) -> None:
    text = (MACHINES / "netduinoplus2.toml").read_text()
    (tmp_path / "own.toml").write_text(re.sub(r"(?s)\[standalone\].*?(?=\n\[|$)", "", text))
    with pytest.raises(InputError, match=r"no table \[standalone\]") as caught:
        flash_image(small, tmp_path / "own.toml")
    assert caught.value.code == "E-BOARD-ALONE"


def test_a_file_of_the_board_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = (MACHINES / "netduinoplus2.toml").read_text().replace("stm32f405.c", "none.c")
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InputError, match=r'sources: there is no "none.c"'):
        boards.load(tmp_path / "own.toml")


def test_a_file_beside_the_boards_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text((MACHINES / "netduinoplus2.toml").read_text())
    (tmp_path / "stm32f405.c").write_text("int own;")
    board = boards.load(tmp_path / "own.toml")
    assert board.standalone is not None
    assert board.standalone.sources == (tmp_path / "stm32f405.c",)


def test_what_does_not_fit_is_refused(small: bytes, tmp_path: Path) -> None:
    text = (MACHINES / "netduinoplus2.toml").read_text().replace("1_048_576", "16_384")
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(BudgetError):
        flash_image(small, tmp_path / "own.toml")


def test_the_map_says_what_lies_where(small: bytes) -> None:
    made = flash_image(small, MACHINES / "netduinoplus2.toml", learn="all")
    assert re.search(rf"^0x080\w{{5}} +{len(small):,}  \.model$", made.map(), re.MULTILINE)
    assert re.search(r"^0x080\w{5}  mb_open$", made.map(), re.MULTILINE)
    assert "open.c" not in made.map()
