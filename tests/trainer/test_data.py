"""Data sets: what is bundled, where others are looked for, and files that are not what they say."""

from __future__ import annotations

import gzip
import hashlib
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from helpers.web import serving

from metabit import CorruptError, FormatError, InputError, MetabitError, StorageError
from metabit.trainer import data
from metabit.trainer.data import idx_sets
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.idx import read_idx


def idx_bytes(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.tobytes()


IMAGES = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 10
FILES = {
    "train-images-idx3-ubyte": idx_bytes(IMAGES),
    "train-labels-idx1-ubyte": idx_bytes(LABELS),
    "t10k-images-idx3-ubyte": idx_bytes(IMAGES[:5]),
    "t10k-labels-idx1-ubyte": idx_bytes(LABELS[:5]),
}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no other place where sets could be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("METABIT_DATA", raising=False)
    monkeypatch.setattr(idx_sets, "SYSTEM_FOLDER", tmp_path / "system")
    return tmp_path


def write_set(
    folder: Path, packed: bool = True, changes: Mapping[str, bytes] = MappingProxyType({})
) -> None:
    """The four files; `changes` are other contents, by the part of the name before -idx."""
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        content = changes.get(name.split("-idx")[0], content)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


# --- bundled ---


def test_digits_are_what_their_readme_says(digits: DataSet) -> None:
    assert (len(digits.train), len(digits.test)) == (1297, 500)
    assert digits.input_shape == (8, 8)
    assert digits.n_inputs == 64
    assert digits.train.x.dtype == np.uint8
    assert digits.train.x.max() == 16
    assert set(digits.test.y.tolist()) == set(range(10))
    assert "CC BY" in digits.citation


def test_hapt_is_split_by_subject(hapt: DataSet) -> None:
    assert hapt.train.subject is not None
    assert hapt.test.subject is not None
    assert set(hapt.train.subject.tolist()) == set(range(1, 25))
    assert set(hapt.test.subject.tolist()) == set(range(25, 31))
    assert len(hapt.train) + len(hapt.test) == 11279
    assert hapt.train.x.dtype == np.int8
    assert hapt.n_inputs == 768
    assert set(hapt.train.y.tolist()) == set(range(12))
    assert len(hapt.class_names) == hapt.n_classes == 12
    assert "Reyes-Ortiz" in hapt.citation


def test_a_damaged_bundled_set_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from metabit.trainer.data import bundled

    good = bundled.path_of("digits").read_bytes()
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    for content in (good[:2000], b"", b"not a zip file at all"):
        (tmp_path / "digits.npz").write_bytes(content)
        with pytest.raises(CorruptError, match=r"digits\.npz"):
            data.load("digits")


def test_reading_data_needs_no_torch() -> None:
    code = (
        "import sys, metabit.trainer.data as d; d.load('digits'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- finding ---


def test_a_wrong_name_gets_the_nearest_right_one() -> None:
    for function in (data.load, data.find, data.fetch, data.search_path):
        with pytest.raises(InputError, match='did you mean "fashion-mnist"'):
            function("fashion_mnist")


def test_a_missing_set_says_where_it_was_looked_for_and_how_to_get_it(nowhere: Path) -> None:
    assert data.find("mnist") is None
    with pytest.raises(InputError, match="metabit data fetch mnist") as caught:
        data.load("mnist")
    for folder in data.search_path("mnist"):
        assert str(folder) in str(caught.value)


@pytest.mark.parametrize("packed", [True, False])
def test_a_set_is_read_compressed_or_not(nowhere: Path, packed: bool) -> None:
    write_set(nowhere / "cache" / "metabit" / "mnist", packed)
    found = data.load("mnist")
    assert np.array_equal(found.train.x, IMAGES)
    assert np.array_equal(found.test.y, LABELS[:5])
    assert found.source == str(nowhere / "cache" / "metabit" / "mnist")


def test_the_first_folder_of_the_search_path_wins(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(nowhere / "system" / "fashion-mnist")
    assert data.find("fashion-mnist") == nowhere / "system" / "fashion-mnist"
    write_set(nowhere / "cache" / "metabit" / "fashion-mnist")
    assert data.find("fashion-mnist") == nowhere / "cache" / "metabit" / "fashion-mnist"
    monkeypatch.setenv("METABIT_DATA", str(nowhere / "own"))
    assert data.find("fashion-mnist") is None  # a folder that is named is the only one
    write_set(nowhere / "own" / "fashion-mnist")
    assert data.find("fashion-mnist") == nowhere / "own" / "fashion-mnist"


def test_an_incomplete_folder_is_passed_over(nowhere: Path) -> None:
    write_set(nowhere / "cache" / "metabit" / "mnist")
    (nowhere / "cache" / "metabit" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert data.find("mnist") is None


# --- hostile IDX files ---


def test_every_truncation_of_an_idx_file_is_refused(tmp_path: Path) -> None:
    whole = idx_bytes(LABELS)
    path = tmp_path / "labels"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises((FormatError, CorruptError), match="labels"):
            read_idx(path, n_dims=1)
    path.write_bytes(whole)
    assert np.array_equal(read_idx(path, n_dims=1), LABELS)


def test_every_truncation_of_a_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(idx_bytes(LABELS))
    path = tmp_path / "labels.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises((FormatError, CorruptError), match="labels"):
            read_idx(path, n_dims=1)


def test_no_flipped_bit_of_a_gzip_file_goes_unnoticed(tmp_path: Path) -> None:
    whole = gzip.compress(idx_bytes(LABELS), mtime=0)
    path = tmp_path / "labels.gz"
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            labels = read_idx(path, n_dims=1)
        except MetabitError:
            continue
        assert np.array_equal(labels, LABELS)  # a flip in gzip's header that changes no content


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", FormatError, "not an IDX file"),
        (b"PK\x03\x04 a zip file", FormatError, "not an IDX file"),
        (b"\x00\x00\x0d\x01" + bytes(8), FormatError, "not an IDX file"),  # floats
        (idx_bytes(IMAGES), FormatError, "3 dimensions where 1"),
        (idx_bytes(LABELS) + b"\x00", CorruptError, "bytes follow"),
        (b"\x00\x00\x08\x01\xff\xff\xff\xff", CorruptError, "claims 4294967295"),
        (b"\x00\x00\x08\x01\x00\xff\xff\xff" + bytes(9), CorruptError, "9 of 16777215"),
    ],
)
def test_a_foreign_or_lying_idx_file_is_refused(
    tmp_path: Path, content: bytes, error: type[MetabitError], message: str
) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        read_idx(path, n_dims=1)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train-labels": idx_bytes(LABELS[:19])}, "19 labels for the 20 images"),
        ({"train-labels": idx_bytes(LABELS + 3)}, "label 12 is not one of 0 to 9"),
        ({"t10k-images": idx_bytes(IMAGES[:5, :27])}, r"\(5, 27, 28\) are not"),
        ({"t10k-images": idx_bytes(IMAGES[:0])}, r"\(0, 28, 28\) are not"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    nowhere: Path, changes: dict[str, bytes], message: str
) -> None:
    write_set(nowhere / "cache" / "metabit" / "mnist", changes=changes)
    with pytest.raises(CorruptError, match=message):
        data.load("mnist")


def test_an_unreadable_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        read_idx(tmp_path, n_dims=1)  # a folder


# --- fetching ---


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with the four files."""
    folder = tmp_path / "www"
    write_set(folder)

    with serving(folder) as url:
        yield url


@pytest.fixture
def known_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksums of the small files above in place of those of MNIST."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setitem(idx_sets.SETS["mnist"].__dict__, "sha256", sums)


@pytest.mark.usefixtures("known_sums")
def test_a_set_is_fetched_verified_and_found(nowhere: Path, server: str) -> None:
    told: list[tuple[str, int]] = []
    folder = data.fetch("mnist", server, lambda name, done, _: told.append((name, done)))
    assert folder == nowhere / "cache" / "metabit" / "mnist" == data.find("mnist")
    assert np.array_equal(data.load("mnist").train.x, IMAGES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.gz" for n in FILES)
    assert {name for name, _ in told} == {f"{n}.gz" for n in FILES}


@pytest.mark.usefixtures("known_sums")
def test_a_set_is_fetched_into_the_folder_that_metabit_data_names(
    nowhere: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METABIT_DATA", str(nowhere / "own"))
    assert data.fetch("mnist", server) == nowhere / "own" / "mnist" == data.find("mnist")
    assert not (nowhere / "cache").exists()


@pytest.mark.usefixtures("known_sums")
def test_good_files_are_kept_and_bad_ones_fetched_again(nowhere: Path, server: str) -> None:
    folder = data.fetch("mnist", server)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    told: list[str] = []
    data.fetch("mnist", server, lambda name, *_: told.append(name))
    assert set(told) == {"train-labels-idx1-ubyte.gz"}
    assert np.array_equal(data.load("mnist").train.y, LABELS)


def test_what_does_not_match_its_checksum_leaves_nothing_behind(nowhere: Path, server: str) -> None:
    with pytest.raises(CorruptError, match="checksum"):
        data.fetch("mnist", server)  # the small files against the sums of the real set
    assert list((nowhere / "cache" / "metabit" / "mnist").iterdir()) == []


def test_fetching_a_bundled_set_is_nothing_to_do() -> None:
    assert data.fetch("digits").is_file()


# --- the real sets ---


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("mnist", marks=pytest.mark.data("mnist")),
        pytest.param("fashion-mnist", marks=pytest.mark.data("fashion-mnist")),
    ],
)
def test_the_real_sets_have_the_contents_that_fetch_expects(name: str) -> None:
    found = data.load(name)
    assert (len(found.train), len(found.test)) == (60000, 10000)
    assert np.bincount(found.test.y).tolist()[0] in (980, 1000)
    for split, images, labels in (
        (found.train, "train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        (found.test, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    ):
        for array, file in ((split.x, images), (split.y, labels)):
            assert hashlib.sha256(idx_bytes(array)).hexdigest() == idx_sets.SETS[name].sha256[file]
