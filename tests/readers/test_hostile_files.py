"""Spoilt files of every kind that comes from outside: each is read, or refused with a code.

Files are small and whole at first; then bytes are changed, lost, repeated or put in. Whatever else
than an answer or a MetabitError comes out fails, and so does memory that no file of its size needs.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import struct
import tracemalloc
import wave
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError, MetabitError
from metabit.export import container, repack
from metabit.export.blob import Blob
from metabit.export.tflite import read as tflite
from metabit.export.tflite.write import to_tflite
from metabit.readers.arrays import from_npz, load_array
from metabit.readers.read import read_samples
from metabit.trainer.data.own import OwnData, load_own
from metabit.trainer.recipe.recipe import load_recipe

N_FILES = 60
LARGEST_PEAK_BYTES = 48 * 2**20
BASE = random_model((6, 8, 3), seed=4)
X = np.random.default_rng(3).integers(0, 256, (24, 6)).astype(np.uint8)
Y = np.arange(24) % 3


def recording(rng: random.Random) -> bytes:
    to = io.BytesIO()
    with wave.open(to, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(rng.randbytes(400))
    return to.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(rng: random.Random, width: int = 8, height: int = 8) -> bytes:
    rows = b"".join(b"\0" + rng.randbytes(8) for _ in range(8))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def zipped(make: Callable[[random.Random], bytes], suffix: str) -> bytes:
    rng, to = random.Random(1), io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in "ab":
            for number in range(4):
                archive.writestr(f"{label}/{number}{suffix}", make(rng))
    return to.getvalue()


def npy(array: np.ndarray[Any, Any]) -> bytes:
    to = io.BytesIO()
    np.save(to, array)
    return to.getvalue()


def npz() -> bytes:
    to = io.BytesIO()
    np.savez_compressed(to, x=X, y=Y)
    return to.getvalue()


def table() -> bytes:
    rows = [",".join([*map(str, x), str(y)]) for x, y in zip(X.tolist(), Y.tolist(), strict=True)]
    return "\n".join(["a,b,c,d,e,f,label", *rows]).encode()


def learnt() -> bytes:
    engine = Engine(container.dumps(BASE), learn="all")
    engine.learn(X, Y)
    return engine.save_state()


RECIPE = b"""name = "a"
[data]
name = "digits"
[network]
hidden = [16]
[train]
epochs = 1
"""


def own(path: Path) -> object:
    return load_own(OwnData(str(path), test=0.5))


def rows(path: Path) -> object:
    return read_samples(str(path), BASE)


def state(path: Path) -> object:
    return repack.read_state(path, Blob(container.dumps(BASE), "base"))


#: A name with the suffix that is read, the whole file, and who reads it.
KINDS: dict[str, tuple[str, Callable[[], bytes], Callable[[Path], object]]] = {
    "model": ("m.mbit", lambda: container.dumps(BASE), container.load),
    "state": ("s.mbs", learnt, state),
    "recipe": ("r.toml", lambda: RECIPE, load_recipe),
    "tflite": ("m.tflite", lambda: to_tflite(BASE), tflite.load),
    "npz": ("x.npz", npz, from_npz),
    "npy": ("x.npy", lambda: npy(X), load_array),
    "csv": ("x.csv", table, rows),
    "csv, packed": (
        "x.csv.gz",
        lambda: gzip.compress(table()),
        rows,
    ),
    "own npz": ("x.npz", npz, own),
    "own csv": ("x.csv", table, own),
    "own csv, packed": ("x.csv.gz", lambda: gzip.compress(table()), own),
    "recordings": ("x.zip", lambda: zipped(recording, ".wav"), own),
    "pictures": ("x.zip", lambda: zipped(picture, ".png"), own),
}


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """The same file with a few bytes changed, lost, repeated or put in."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(made))
        end = min(len(made), at + rng.randint(1, 16))
        kind = rng.randrange(6)
        if kind < 2:
            made[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, made[at] ^ 1 << rng.randrange(8)))
        elif kind == 2:
            made[at:end] = rng.choice((b"\xff", b"\0", b"9", b"[", b"\x80")) * (end - at)
        elif kind == 3 and len(made) > 40:
            del made[at:end]
        elif kind == 4:
            made[at:at] = made[at:end]
        else:
            made = made[: max(1, at)]
    return bytes(made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    name, make, read = KINDS[kind]
    rng, whole, path = random.Random(kind), make(), tmp_path / name
    seen = Counter[str]()
    path.write_bytes(whole)
    read(path)
    tracemalloc.start()
    for _ in range(N_FILES):
        path.write_bytes(spoilt(whole, rng))
        try:
            read(path)
            seen["read"] += 1
        except MetabitError as error:
            seen[error.code] += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(code == "read" or code.startswith("E-") for code in seen)
    assert seen.total() - seen["read"] > N_FILES / 10, seen
    assert peak < LARGEST_PEAK_BYTES


def promising(kind: str) -> tuple[str, bytes]:
    """A small file that says it is huge."""
    n = 2**40
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n // 6}, 6), }}".encode()
    array = b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + header.ljust(117) + b"\n" + bytes(600)
    to = io.BytesIO()
    if kind == "npz":
        with zipfile.ZipFile(to, "w") as archive:
            archive.writestr("x.npy", array)
            archive.writestr("y.npy", npy(Y))
        return "x.npz", to.getvalue()
    if kind == "picture":
        return "x.zip", zipped(lambda rng: picture(rng, 100_000, 100_000), ".png")
    if kind == "recording":
        whole = bytearray(recording(random.Random(2)))
        whole[40:44] = struct.pack("<I", 2**32 - 1)
        return "x.zip", zipped(lambda _: bytes(whole), ".wav")
    return "x.npy", array


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("npy", load_array),
        ("npz", from_npz),
        ("npz", own),
        ("picture", own),
        ("recording", own),
    ],
)
def test_a_promise_of_terabytes_takes_no_memory(
    kind: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    name, content = promising(kind)
    path = tmp_path / name
    path.write_bytes(content)
    tracemalloc.start()
    with contextlib.suppress(MetabitError):
        read(path)
        assert kind == "recording"  # the values that are there
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LARGEST_PEAK_BYTES


def test_what_unpacks_to_more_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metabit.unpacking.MOST_UNPACKED_BYTES", 100)
    for name, content in (("x.npz", npz()), ("x.csv.gz", gzip.compress(table()))):
        path = tmp_path / name
        path.write_bytes(content)
        for read in (own, from_npz) if name == "x.npz" else (own,):
            with pytest.raises(InputError, match=r"up to 100 are|more than 100 bytes") as caught:
                read(path)
            assert caught.value.code == "E-DATA-READ"


def test_all_arrays_of_a_file_together_have_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alone is below it."""
    path = tmp_path / "x.npz"
    path.write_bytes(npz())
    monkeypatch.setattr("metabit.unpacking.MOST_UNPACKED_BYTES", X.nbytes + Y.nbytes - 1)
    for read in (own, from_npz):
        with pytest.raises(InputError, match="of one file up to") as caught:
            read(path)
        assert caught.value.code == "E-DATA-READ"
    monkeypatch.setattr("metabit.unpacking.MOST_UNPACKED_BYTES", X.nbytes + Y.nbytes)
    from_npz(path)


def test_an_array_that_the_free_memory_cannot_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(X))
    monkeypatch.setattr("metabit.unpacking.free_bytes", lambda: X.nbytes - 1)
    with pytest.raises(InputError, match="first rows with --limit") as caught:
        load_array(path)
    assert caught.value.code == "E-DATA-READ"
    assert len(load_array(path, limit=1)) == 1
    monkeypatch.setattr("metabit.unpacking.free_bytes", lambda: None)
    assert len(load_array(path)) == len(X)
