"""The image of a Raspberry Pi Pico boots on an emulator that metabit has no hand in."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from helpers.random_models import random_model

from metabit.export.container import dumps
from metabit.firmware_sim.deploy.flash_image import FlashImage, flash_image
from metabit.firmware_sim.deploy.image_files import uf2

PROGRAM = Path(__file__).with_name("boot_pico.cjs")


@pytest.fixture(scope="module")
def folder(pytestconfig: pytest.Config) -> Path:
    """Where Node and rp2040js are."""
    given = pytestconfig.getoption("--rp2040js")
    if given is None:
        pytest.skip("wants Node and rp2040js: `make boot-pico`")
    return Path(given).resolve()


@pytest.fixture(scope="module")
def made() -> FlashImage:
    blob = dumps(random_model((12, 33, 4), seed=3, golden=2))
    return flash_image(blob, "raspberry-pi-pico", learn="all")


def boot(folder: Path, image: bytes, scratch: Path) -> str:
    (scratch / "firmware.uf2").write_bytes(image)
    library = folder / "node_modules" / "rp2040js"
    command = [folder / "bin" / "node", PROGRAM, library, scratch / "firmware.uf2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_uf2_image_boots_and_tests_itself(folder: Path, made: FlashImage, tmp_path: Path) -> None:
    said = boot(folder, uf2(made.program.segments, made.parts.uf2_family), tmp_path)
    assert re.fullmatch(
        r"\s*metabit \S+ on raspberry-pi-pico\s+model: ok\s+12 inputs, 4 classes, .*\s+"
        r"self-test: ok\s+open: ok\s+ready\n",
        said,
    ), said
