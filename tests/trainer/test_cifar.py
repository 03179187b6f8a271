"""CIFAR-10: records become channels first, from archive or folder; the rest is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.web import serving

from metabit import CorruptError, InputError
from metabit.trainer import data
from metabit.trainer.data import cifar

N = 3


def records(number: int) -> bytes:
    """N images: the label is the image's number, and a pixel says channel and row."""
    images = np.zeros((N, 3, 32, 32), np.uint8)
    images += (
        np.arange(32, dtype=np.uint8)[:, None] + 64 * np.arange(3, dtype=np.uint8)[:, None, None]
    )
    images[:, 0, 0, 0] = number
    labels = np.arange(N, dtype=np.uint8)[:, None]
    return np.concatenate([labels, images.reshape(N, -1)], axis=1).tobytes()


FILES = {name: records(number) for number, name in enumerate((*cifar.TRAIN, cifar.TEST))}


def write_folder(folder: Path, files: dict[str, bytes] = FILES) -> None:
    unpacked = folder / cifar.FOLDER
    unpacked.mkdir(parents=True)
    for name, content in files.items():
        (unpacked / name).write_bytes(content)


def write_archive(folder: Path, files: dict[str, bytes] = FILES) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(folder / cifar.ARCHIVE, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("METABIT_DATA", str(tmp_path))
    return tmp_path / "cifar-10"


@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_records_are_read_in_order_with_their_channels_first(folder: Path, write: Any) -> None:
    write(folder)
    loaded = data.load("cifar-10")
    assert data.find("cifar-10") == folder
    assert loaded.train.x.shape == (5 * N, 3, 32, 32)
    assert loaded.test.x.shape == (N, 3, 32, 32)
    assert loaded.train.y.tolist() == 5 * [0, 1, 2]
    assert loaded.train.x[::N, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert loaded.test.x[0, 0, 0, 0] == 5
    assert loaded.train.x[0, 2, 7, 9] == 2 * 64 + 7
    assert loaded.class_names[3] == "cat"


def test_the_archive_is_kept_only_with_its_own_checksum(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / "www")
    with serving(tmp_path / "www") as url:
        with pytest.raises(CorruptError, match="checksum"):
            data.fetch("cifar-10", url)
        assert data.find("cifar-10") is None
        packed = (tmp_path / "www" / cifar.ARCHIVE).read_bytes()
        monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(packed).hexdigest())
        assert data.fetch("cifar-10", url) == folder == data.find("cifar-10")
    told: list[str] = []
    data.fetch("cifar-10", url, lambda name, *_: told.append(name))
    assert told == []  # it is there and good


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"short", "5 bytes are no records"),
        (b"", "0 bytes are"),
        (b"\x0a" + bytes(3072), "label 10"),
    ],
)
def test_what_is_not_records_of_it_is_refused(folder: Path, content: bytes, message: str) -> None:
    write_folder(folder, {**FILES, cifar.TEST: content})
    with pytest.raises(CorruptError, match=f"test_batch.bin: {message}"):
        data.load("cifar-10")


def test_an_archive_that_is_cut_or_lacks_a_file_is_refused(folder: Path) -> None:
    write_archive(folder, {name: FILES[name] for name in cifar.TRAIN})
    with pytest.raises(InputError, match=r"lacks test_batch\.bin"):
        data.load("cifar-10")
    whole = (folder / cifar.ARCHIVE).read_bytes()
    (folder / cifar.ARCHIVE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptError, match="metabit data fetch cifar-10"):
        data.load("cifar-10")
