"""The build: what is linked, what is kept, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.options import Options
from metabit.errors import BudgetError, FormatError, MetabitError
from metabit.export.container import dumps
from metabit.firmware_sim import boards, build, elf, session
from metabit.firmware_sim.boards import Region
from metabit.firmware_sim.build import C_FLAGS, Image
from metabit.firmware_sim.session import Session


def test_the_core_is_compiled_strictly() -> None:
    strict = {"-O2", "-std=c99", "-Wall", "-Wextra", "-Wpedantic"}
    assert strict | {"-Wconversion", "-Wshadow", "-Werror"} <= set(C_FLAGS)


def test_the_image_holds_the_model_and_the_arena_to_the_byte(
    start: Callable[..., Session], board_name: str, blob: bytes
) -> None:
    running = start(board_name)
    firmware = running.firmware
    at = firmware.program.symbols
    assert firmware.section_bytes(".model") == len(blob)
    assert at["fw_blob"] % 64 == 0
    stored = next(
        data[at["fw_blob"] - address :][: len(blob)]
        for address, data in firmware.program.segments
        if address <= at["fw_blob"] < address + len(data)
    )
    assert stored == blob
    assert at["fw_arena_end"] - at["fw_arena"] == running.plan.arena_bytes
    assert running.device().arena_bytes() == running.plan.arena_bytes


def test_objects_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    board = boards.load("nrf52840")
    first = build.compile_objects(board)
    monkeypatch.setattr(build, "run_zig", lambda *_: pytest.fail("compiled again"))
    assert build.compile_objects(board) == first


def test_other_flags_are_other_objects() -> None:
    board = boards.load("nrf52840")
    assert build._fingerprint([], board.flags) != build._fingerprint([], ("-O0",))


def test_a_firmware_that_does_not_fit_says_by_how_much(blob: bytes) -> None:
    board = boards.load("nrf52840")
    fits = build.build(board, Image(blob, 1024, 65, 5))
    left = board.ram.end - fits.program.symbols["fw_arena_end"]
    build.build(board, Image(blob, 1024 + left, 65, 5))
    with pytest.raises(BudgetError, match="RAM by 8 bytes") as caught:
        build.build(board, Image(blob, 1024 + left + 8, 65, 5))
    assert caught.value.code == "E-BUDGET"
    assert caught.value.exit_code == 3


def test_a_model_too_large_for_flash_says_so(blob: bytes) -> None:
    board = replace(boards.load("nrf52840"), flash=Region(0, 4096))
    with pytest.raises(BudgetError, match=r"over FLASH by [\d,]+ bytes"):
        build.build(board, Image(blob, 1024, 65, 5))


ORIGINS = (0x26000, 0x08004000, 0x10001000)


@pytest.mark.parametrize("origin", ORIGINS, ids=hex)
def test_a_firmware_runs_wherever_flash_begins(blob: bytes, origin: int) -> None:
    """After a boot loader too, whose pages are smaller than the linker's own."""
    board = replace(boards.load("nrf52840"), flash=Region(origin, 256 * 1024))
    running = session.start(blob, board, "none", Options())
    assert min(address for address, _ in running.firmware.program.segments) == origin
    device = running.device()
    device.open()
    sample = np.arange(65, dtype=running.model.input.dtype)
    assert np.array_equal(device.predict(sample)[1], running.engine.scores(sample[None])[0])


@pytest.mark.parametrize("load_at", [0x1000, 0x81000], ids=hex)
def test_a_firmware_without_flash_runs_wherever_it_is_loaded(blob: bytes, load_at: int) -> None:
    board = replace(boards.load("raspberry-pi-3b-plus"), load_at=load_at)
    running = session.start(blob, board, "none", Options())
    assert min(address for address, _ in running.firmware.program.segments) == load_at
    running.device().open()


@pytest.mark.parametrize("name", ["", "abc", "abcde"])
@pytest.mark.parametrize("board_name", ["nrf52840"])
def test_a_board_with_just_the_bytes_that_are_said_takes_the_firmware(
    board_name: str, name: str
) -> None:
    """Models of other lengths end at other bytes, and initialised variables follow aligned."""
    model = random_model((33, 9, 3), golden=1)
    blob = dumps(replace(model, meta={**model.meta, "name": name}))
    board = boards.load(board_name)
    ram, flash = session.start(blob, board, "all", Options()).memory()
    flash_at = (board.flash or board.ram).origin

    def start(ram_less: int, flash_less: int) -> None:
        small = replace(
            board,
            ram=Region(board.ram.origin, ram.used_bytes - ram_less),
            flash=Region(flash_at, flash.used_bytes - flash_less),
        )
        session.start(blob, small, "all", Options())

    start(0, 0)
    for less, what in (((1, 0), "RAM"), ((0, 1), "flash")):
        with pytest.raises(BudgetError, match=f"1 B of {what} are missing") as caught:
            start(*less)
        assert caught.value.code == "E-BUDGET"


@pytest.mark.parametrize("package", ["ziglang", "unicorn", "capstone"])
def test_a_missing_tool_says_how_to_get_it(
    start: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    running = start("nrf52840")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else found(name)
    )
    use = running.device if package != "ziglang" else lambda: build.compile_objects(running.board)
    with pytest.raises(MetabitError, match=r'pip install "metabit\[sim\]"') as caught:
        use()
    assert caught.value.code == "E-TOOLCHAIN"


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(MetabitError, match="XDG_CACHE_HOME") as caught:
        build.compile_objects(boards.load("nrf52840"))
    assert caught.value.code == "E-CACHE"


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half-built stays in the cache."""
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path)
    board = replace(boards.load("nrf52840"), flags=("-target", "no-such-target"))
    with pytest.raises(MetabitError, match="unknown architecture") as caught:
        build.compile_objects(board)
    assert caught.value.code == "E-BUILD"
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_elf_is_refused() -> None:
    with pytest.raises(FormatError, match="ELF"):
        elf.parse(b"MZ" + bytes(100), thumb=True)
