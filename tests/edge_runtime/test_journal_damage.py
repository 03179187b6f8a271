"""Samples in flash that are damaged, or of another model, are refused or cost what they must."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import pytest
from helpers.flash_rig import OK, Flash
from helpers.journal_rig import DENSE, FLASH, Device, device_of, engine_of, samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps

CORRUPT, MISMATCH = -2, -7


def test_the_bytes_in_flash_are_those_of_the_manual() -> None:
    """docs/DEVICE.md, "In flash": what one release has written the next one reads."""
    device = device_of("batches")
    x, y = samples("batches", 11)
    device.begin()
    device.native.session = 0x0123456789ABCDEF
    device.commit()
    device.learn(x, y)
    device.commit()
    cells = bytes(device.flash.cells)
    at, image = cells.index(b"mbl1"), device.state()
    ends = [0x8000 if i in (7, 10) else 0 for i in range(11)]  # batches of 8 and of 3
    entry = b"".join(
        struct.pack("<H", label | end) + sample.tobytes()
        for sample, label, end in zip(x, y.tolist(), ends, strict=True)
    )
    entry += struct.pack("<QI", 0x0123456789ABCDEF, 11) + image[-4:]
    seal = b"mbl1" + struct.pack("<IIII", 2, len(entry), zlib.crc32(entry), 1) + bytes(8)
    assert cells[at : at + 32] == seal + struct.pack("<I", zlib.crc32(seal))
    assert cells[at + 32 : at + 32 + len(entry)] == entry


def test_a_bit_that_flips_among_samples_costs_the_commits_from_there_on() -> None:
    device, engine = device_of("counting"), engine_of("counting")
    x, y = samples("counting", 40)
    device.begin()
    device.commit()
    states, images = [device.state()], [bytes(device.flash.cells)]
    for at in range(0, 40, 10):
        device.learn(x[at : at + 10], y[at : at + 10])
        engine.learn(x[at : at + 10], y[at : at + 10])
        device.commit()
        states.append(engine.save_state())
        images.append(bytes(device.flash.cells))
    whole = bytes(device.flash.cells)
    for commit in range(1, 5):
        pair = zip(images[commit - 1], images[commit], strict=True)
        changed = [i for i, (a, b) in enumerate(pair) if a != b and b != 0xFF]
        for at in changed[:: len(changed) // 12]:
            device.flash.cells[at] ^= 1 << at % 8
            assert device.begin() == 1
            assert device.state() == states[commit - 1]
            assert device.native.n_learnt == 10 * (commit - 1)
            device.learn(x[:4], y[:4])
            assert device.commit() == OK
            now = device.state()
            assert device.begin() == 1
            assert device.state() == now
            device.flash.cells[:] = whole


def resealed(cells: bytearray, at: int, change: Any) -> None:
    """Change the entry that begins at `at`, and mend its checksums."""
    n_bytes = struct.unpack_from("<I", cells, at + 8)[0]
    entry = bytearray(cells[at + 32 : at + 32 + n_bytes])
    change(entry)
    cells[at + 32 : at + 32 + len(entry)] = entry
    struct.pack_into("<I", cells, at + 8, len(entry))
    struct.pack_into("<I", cells, at + 12, zlib.crc32(entry))
    struct.pack_into("<I", cells, at + 28, zlib.crc32(cells[at : at + 28]))


def cut_off(entry: bytearray) -> None:
    del entry[-3:]


def no_end(entry: bytearray) -> None:
    del entry[8:]


def endless_step(entry: bytearray) -> None:
    struct.pack_into("<H", entry, 0, 1)


def unknown_label(entry: bytearray) -> None:
    struct.pack_into("<H", entry, 0, 0x8000 | 999)


def other_sample(entry: bytearray) -> None:
    entry[2] ^= 0x40


def other_state(entry: bytearray) -> None:
    entry[-1] ^= 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (cut_off, CORRUPT), (no_end, CORRUPT), (endless_step, CORRUPT), (unknown_label, CORRUPT),
        (other_sample, MISMATCH), (other_state, MISMATCH),
    ],
)  # fmt: skip
def test_samples_that_do_not_lead_to_their_state_are_refused(change: Any, error: int) -> None:
    device, engine = device_of("counting"), engine_of("counting")
    x, y = samples("counting", 30)
    device.begin()
    device.learn(x[:10], y[:10])
    engine.learn(x[:10], y[:10])
    device.commit()
    device.learn(x[10:20], y[10:20])
    device.commit()
    at = device.flash.cells.index(b"mbl1")
    resealed(device.flash.cells, at, change)
    assert device.begin() == error
    assert device.native.passes_over == 1
    # The same program opens its model again, and has the whole state that came before.
    assert device.open() == 1
    assert device.state() == engine.save_state()
    assert device.native.n_learnt == 10
    device.learn(x[20:], y[20:])
    engine.learn(x[20:], y[20:])
    assert device.commit() == OK
    assert device.native.n_again == 0
    assert device.begin() == 1
    assert device.state() == engine.save_state()


def test_firmware_with_other_options_does_not_go_on_from_what_they_would_make_of_samples() -> None:
    flash = Flash(FLASH)
    device = device_of("all layers", flash=flash)
    x, y = samples("all layers", 40)
    device.begin()
    device.learn(x[:10], y[:10])
    device.commit()
    whole = device.state()
    device.learn(x[10:], y[10:])
    device.commit()
    newer = Device(flash, dumps(DENSE), Options(learn_layers=3, step_levels=3.0))
    assert newer.begin() == MISMATCH
    assert newer.open() == 1
    assert newer.state() == whole


def test_any_bytes_sealed_as_samples_are_learnt_or_refused() -> None:
    rng = random.Random(8)
    device = device_of("batches")
    x, y = samples("batches", 24)
    device.begin()
    device.commit()
    device.learn(x, y)
    device.commit()
    whole, at = bytes(device.flash.cells), device.flash.cells.index(b"mbl1")
    before = Engine(dumps(DENSE), learn="all", batch=8).save_state()

    def spoil(entry: bytearray) -> None:
        for _ in range(rng.randrange(1, 6)):
            entry[rng.randrange(len(entry))] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        del entry[rng.randrange(len(entry)) if rng.random() < 0.3 else len(entry) :]

    for _ in range(150):
        device.flash.cells[:] = whole
        resealed(device.flash.cells, at, spoil)
        found = device.begin()
        if found != 1:
            assert found in (CORRUPT, MISMATCH)
            assert device.open() == 1
            assert device.state() == before
