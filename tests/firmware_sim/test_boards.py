"""Board files: what comes with metabit, and files of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from metabit.errors import InputError
from metabit.firmware_sim import boards

CACHE = """
[[cache]]
name = "L1"
serves = "code"
of = "all"
bytes = 4096
ways = 2
line_bytes = 32
miss_cycles = 10
[sources]
"""
GOOD = (boards.FOLDER / "nrf52840.toml").read_text()


def test_the_known_boards_load_and_carry_their_file_name() -> None:
    assert len(boards.names()) >= 12
    for name in boards.names():
        assert boards.load(name).name == name


@pytest.mark.parametrize("name", boards.names())
def test_every_figure_of_a_known_board_has_a_source(name: str) -> None:
    board = boards.load(name)
    wanted = {"clock", "memory"}
    wanted |= {"flash"} if board.endurance_cycles else set()
    wanted |= {"caches"} if board.caches else set()
    wanted |= {"timing"} if board.fetch_factor != boards.EXACT else set()
    wanted |= {"timing"} if board.memory_bytes_per_s else set()
    wanted |= {"power"} if board.active_mw else set()
    wanted |= {"standalone"} if board.standalone else set()
    assert set(board.sources) == wanted
    assert all(len(source) > 10 for source in board.sources.values())


@pytest.mark.parametrize("name", boards.names())
def test_without_limits_memory_grows_and_never_into_other_memory(name: str) -> None:
    board = boards.load(name)
    grown = board.without_limits()
    assert grown.ram.bytes >= board.ram.bytes
    assert grown.ram.end <= 1 << 32
    if board.flash is None:
        return
    assert grown.flash is not None
    assert grown.flash.bytes >= max(board.flash.bytes, 30 << 20)
    assert grown.flash.end <= grown.ram.origin or grown.ram.end <= grown.flash.origin


def test_the_nrf52840_has_the_memory_of_its_data_sheet() -> None:
    board = boards.load("nrf52840")
    assert (board.ram_bytes, board.flash_bytes) == (256 * 1024, 1024 * 1024)
    assert board.ram.origin == 0x20000000
    assert (board.clock_hz, board.page_bytes, board.endurance_cycles) == (64_000_000, 4096, 10_000)


def test_a_board_without_flash_reports_none() -> None:
    board = boards.load("raspberry-pi-3b-plus")
    assert (board.flash, board.flash_bytes, board.ram_bytes) == (None, 0, 1 << 30)


@pytest.mark.parametrize(
    ("wrong", "right"), [("nrf52480", "nrf52840"), ("raspberry-pi-3b-pls", "raspberry-pi-3b-plus")]
)
def test_an_unknown_board_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(InputError, match=f'did you mean "{right}"') as caught:
        boards.load(wrong)
    assert caught.value.code == "E-BOARD"
    assert caught.value.exit_code == 2


def test_a_name_with_a_folder_in_it_is_not_looked_up() -> None:
    with pytest.raises(InputError, match="unknown"):
        boards.load("../boards/nrf52840")


def test_a_file_of_ones_own_is_a_board(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace('name = "nrf52840"', 'name = "mine"'))
    assert boards.load(path).name == "mine"
    assert boards.load(str(path)).ram_bytes == 256 * 1024


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        boards.load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_hz", "clock_khz", 'clock_hz is missing; the file has "clock_khz"'),
        ("page_bytes = 4_096", "page_byte = 4_096", 'did you mean "page_bytes"'),
        ("clock_hz = 64_000_000", 'clock_hz = "fast"', "must be a number, or three numbers"),
        ("clock_hz = 64_000_000", "clock_hz = true", "must be a number, or three numbers"),
        ("clock_hz = 64_000_000", "clock_hz = 64", "clock_hz = 64 is below 1000"),
        ("clock_hz = 64_000_000", "clock_hz = 0", "below 1"),
        ('isa = "thumb"', 'isa = "thump"', 'did you mean "thumb"'),
        ("bytes = 262_144", "bytes = 262_145", "multiples of 4096"),
        ("bytes = 262_144", "bytes = 1_099_511_627_776", "below 4 GiB"),
        ("stack_bytes = 8_192", "stack_bytes = 16", "below 256"),
        ("clock_hz = 64_000_000", "clock_hz = [2, 1, 3]", "low, typical, high"),
        ("fetch_factor = [1.0, 1.03, 1.2]", "fetch_factor = [2.0, 1.0, 1.5]", "low, typical, high"),
        ("fetch_factor = [1.0, 1.03, 1.2]", "fetch_factor = [1.0]", "low, typical, high"),
        ('flags = ["-target"', "flags = [1", "list of strings"),
        ("flash = { origin = 0x00000000, bytes = 1_048_576 }", "", "needs flash"),
        ("ram = { origin = 0x20000000", "ram = { origin = 0x00080000", "overlap"),
        ("ram = { origin = 0x20000000", "ram = { origin = 0xDFFF0000", "where registers lie"),
        ("stack_bytes = 8_192", "load_at = 0x20000010\nstack_bytes = 8_192", "load_at"),
        ("stack_bytes = 8_192", "load_at = 0x30000000\nstack_bytes = 8_192", "load_at"),
        ("stack_bytes = 8_192", "stack_bytes = 8_190", "multiple of 16"),
        ("stack_bytes = 8_192", "stack_bytes = 262_144", "less than ram"),
        ("[sources]", '[[cache]]\nname = "L1"\n[sources]', "cache 1. serves is missing"),
        ("[sources]", "[cache]\n[sources]", "must be a list"),
        ("[sources]", CACHE.replace("line_bytes = 32", "line_bytes = 24"), "power of two"),
        ("[sources]", CACHE.replace("ways = 2", "ways = 3"), "a multiple of ways"),
        ("[sources]", CACHE.replace('"code"', '"cod"'), 'did you mean "code"'),
        ("[sources]\n", "[sources]\nram = 3\n", "must be a text in quotes"),
        ("[target]", "[target", "not TOML"),
    ],
)
def test_what_a_board_file_says_wrong_is_named(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        boards.load(path)
    assert caught.value.code == "E-BOARD-FILE"
    assert "mine.toml" in str(caught.value)


def test_a_board_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 20_000 + "]" * 20_000)
    with pytest.raises(InputError, match="nested deeper"):
        boards.load(str(path))
