"""`profile --measured` and `--host`: what a board has measured beside what is estimated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from metabit.firmware_sim import boards
from metabit.firmware_sim.deploy import linux_program

from .conftest import Cli

BOARD = ("--board", "raspberry-pi-3b-plus", "--learn", "all")


def work(us: float) -> dict[str, Any]:
    """One kind of work, as the program prints it, of a board at 1.4 GHz."""
    return {
        "min_us": us * 0.9,
        "median_us": us,
        "p99_us": us * 2,
        "cycles": us * 1400,
        "clock_mhz": {"min": 1390.0, "median": 1400.0, "max": 1401.0},
        "windows": 100,
        "calls_a_window": 10,
    }


@pytest.fixture
def printed(model_file: Path) -> dict[str, Any]:
    """What the program prints of the model."""
    return {
        "schema": "metabit/measured/1",
        "model_sha256": hashlib.sha256(model_file.read_bytes()).hexdigest(),
        "built_for": "aarch64",
        "choice": "learning all layers, 8-bit state",
        "samples_per_step": 1,
        "same_as_host": True,
        "kernels": "neon",
        "arena_bytes": 1000,
        "machine": {
            "board": "Raspberry Pi 3 Model B Plus Rev 1.3",
            "cpu_name": None,
            "cpu_part": "0xd03",
            "governor": "performance",
            "throttled": "0",
        },
        "open": work(50.0),
        "predict": work(4.0),
        "learn": work(40.0),
    }


def test_measured_stands_beside_estimated(
    cli: Cli, model_file: Path, tmp_path: Path, printed: dict[str, Any]
) -> None:
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(printed))
    done = cli("profile", model_file, *BOARD, "--measured", path, "--json")
    measured = done.answer["measured"]
    assert measured["notes"] == []
    rows = {row["kind"]: row for row in measured["work"]}
    assert list(rows) == ["open", "predict", "learn"]
    estimated = done.answer["predict"]["estimate"]["microseconds"]
    row = rows["predict"]
    assert row["measured_us"] == 4.0
    assert row["ratio"] == pytest.approx(4.0 / estimated["typical"])
    assert row["within_bar"] == (estimated["low"] <= 4.0 <= estimated["high"])
    assert row["cycles_ratio"] == pytest.approx(row["ratio"], rel=0.01)  # the clock is the board's
    assert "measured on: Raspberry Pi 3 Model B Plus Rev 1.3" in done.stderr


def test_what_no_program_printed_is_rejected_with_4(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "measured.json"
    path.write_text("{}")
    cli("profile", model_file, *BOARD, "--measured", path).refused(4, "E-MEASURED")
    cli("profile", model_file, *BOARD, "--measured", tmp_path / "none").refused(2, "E-READ")


def test_one_board_and_one_source_at_a_time(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    both = ("--measured", tmp_path / "x.json", "--host", "pi@raspi")
    cli("profile", model_file, *BOARD, *both).refused(2, "E-USAGE")
    cli("profile", model_file, "--board", "all", "--host", "pi@raspi").refused(2, "E-USAGE")


def test_a_host_is_measured_with_the_options_of_the_profile(
    cli: Cli, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def program(*args: Any, **options: Any) -> linux_program.LinuxProgram:
        asked.append((*args, options))
        board = boards.load(args[1])
        return linux_program.LinuxProgram(board, options["processor"], "", b"the program")

    def run_there(host: str, elf: bytes) -> bytes:
        asked.append((host, elf))
        return b"no answer"

    monkeypatch.setattr("metabit.firmware_sim.deploy.linux_program.linux_program", program)
    monkeypatch.setattr("metabit.firmware_sim.deploy.remote.processor_of", lambda host: "aarch64")
    monkeypatch.setattr("metabit.firmware_sim.deploy.remote.run_there", run_there)
    done = cli("profile", model_file, *BOARD, "--bits", 8, "--host", "pi@raspi")
    done.refused(4, "E-MEASURED")
    assert "pi@raspi: not what a program" in done.stderr
    options = {"learn": "all", "bits": 8, "bank": 0, "batch": 0, "contexts": None}
    options["processor"] = "aarch64"
    assert asked == [
        (model_file, "raspberry-pi-3b-plus", options),
        ("pi@raspi", b"the program"),
    ]


@pytest.mark.long
def test_the_folder_of_a_board_with_linux_holds_a_program_and_its_manual(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pi"
    done = cli("firmware", model_file, *BOARD, "-o", folder, "--json")
    assert done.answer["files"] == ["measure", "README.md"]
    assert (folder / "measure").stat().st_mode & 0o777 == 0o755
    manual = (folder / "README.md").read_text()
    assert "--board raspberry-pi-3b-plus --learn all --measured" in manual
    (tmp_path / "file").write_text("in the way")
    cli("firmware", model_file, *BOARD, "-o", tmp_path / "file" / "x").refused(1, "E-WRITE")


def test_the_folder_of_a_microcontroller_holds_an_image_in_every_form_and_its_manual(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    machine = Path(__file__).parents[1] / "firmware_sim" / "machines" / "netduinoplus2.toml"
    board, folder = tmp_path / "own.toml", tmp_path / "image"
    family = machine.read_text().replace("[standalone]", "[standalone]\nuf2_family = 0x57755a57")
    board.write_text(family)
    done = cli("firmware", model_file, "--board", board, "--learn", "all", "-o", folder, "--json")
    forms = [f"firmware.{form}" for form in ("elf", "hex", "bin", "uf2", "map")]
    assert done.answer["files"] == [*forms, "README.md"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*forms, "README.md"])
    manual = (folder / "README.md").read_text()
    assert "qemu-system-arm -M netduinoplus2 -kernel firmware.elf" in manual
    assert "a plain image, from 0x08000000 on" in manual
    stored = (folder / "firmware.bin").read_bytes()
    assert model_file.read_bytes() in stored
    assert (folder / "firmware.uf2").stat().st_size == 512 * -(-len(stored) // 256)


@pytest.mark.long
def test_the_manual_says_what_becomes_of_what_is_learnt(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    board = Path(__file__).parents[1] / "firmware_sim" / "machines" / "microbit.toml"
    words = ("firmware", model_file, "--board", board, "--learn", "all", "-o", tmp_path / "image")
    for more, said in (
        ((), "in 16 slots of "), (("--no-storage",), "is lost when it is switched"),
        (("--learn-again", "300"), "learns up to 300 of\nthem again"),
    ):  # fmt: skip
        assert cli(*words, *more).code == 0
        assert said in (tmp_path / "image" / "README.md").read_text()


@pytest.mark.parametrize(
    ("board", "more", "why"),
    [
        ("raspberry-pi-3b-plus", (), "runs Linux"), ("nrf52840", ("--no-storage",), "not written"),
        ("cortex-m55", (), "not written"), ("nrf52840", ("--learn", "none"), "nothing learns"),
    ],
)  # fmt: skip
def test_samples_are_learnt_again_only_where_they_are_kept(
    cli: Cli, model_file: Path, tmp_path: Path, board: str, more: tuple[str, ...], why: str
) -> None:
    told = ("--board", board, "--learn-again", 9, *more)
    done = cli("firmware", model_file, *told, "-o", tmp_path / "image")
    done.refused(2, "E-KEEP")
    assert why in done.stderr
