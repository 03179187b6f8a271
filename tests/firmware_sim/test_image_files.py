"""Images as flashers take them, read back by other programs and by their specifications."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from metabit.firmware_sim.deploy.image_files import crc32_of_rp2040, intel_hex, plain_image, uf2

BYTES = np.random.default_rng(3).integers(0, 256, 70_000).astype(np.uint8).tobytes()
SEGMENTS = {
    "one": [(0x08000000, BYTES[:300])],
    "a gap": [(0x10000000, BYTES[:256]), (0x10000100, BYTES[256:500]), (0x10000400, BYTES[:7])],
    "over 64 KiB": [(0x0800FFF8, BYTES)],
    "from zero": [(0, BYTES[:64]), (64, BYTES[64:65])],
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_objcopy_makes_the_same_image_of_the_hex_file(tmp_path: Path, name: str) -> None:
    segments = SEGMENTS[name]
    (tmp_path / "x.hex").write_text(intel_hex(segments, segments[0][0]))
    command = ["objcopy", "-I", "ihex", "-O", "binary", "--gap-fill", "0xff", "x.hex", "x.bin"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "x.bin").read_bytes() == plain_image(segments)


def test_a_plain_image_is_as_erased_flash_in_its_gaps() -> None:
    image = plain_image(SEGMENTS["a gap"])
    assert len(image) == 0x407
    assert image[:256] == BYTES[:256]
    assert image[500:0x400] == b"\xff" * (0x400 - 500)
    assert image[0x400:] == BYTES[:7]


def test_every_block_of_a_uf2_file_is_as_specified() -> None:
    content = uf2(SEGMENTS["a gap"], 0xE48BFF56)
    blocks = [content[at : at + 512] for at in range(0, len(content), 512)]
    assert len(blocks) == 5
    image = b""
    for number, block in enumerate(blocks):
        head = struct.unpack_from("<8I", block)
        assert head[:3] == (0x0A324655, 0x9E5D5157, 0x2000)
        assert head[3:] == (0x10000000 + 256 * number, 256, number, 5, 0xE48BFF56)
        assert block[-4:] == struct.pack("<I", 0x0AB16F30)
        image += block[32 : 32 + 256]
    assert image.rstrip(b"\xff") == plain_image(SEGMENTS["a gap"]).rstrip(b"\xff")


def test_the_crc_is_the_catalogued_one() -> None:
    assert crc32_of_rp2040(b"123456789") == 0x0376E6E7  # CRC-32/MPEG-2
    assert crc32_of_rp2040(b"") == 0xFFFFFFFF
