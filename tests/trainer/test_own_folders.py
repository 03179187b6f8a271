"""Folders and zips of recordings and pictures: classes, groups, and what is refused."""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.own_data import code_of
from PIL import Image

from metabit.errors import FormatError, InputError
from metabit.fitting.windows import with_window
from metabit.trainer.data.own import OwnData, load_own
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.streams import build


def wav(rate: int = 8000, n: int = 900, n_channels: int = 1, n_bytes: int = 2) -> bytes:
    rng = np.random.default_rng(n)
    raw = rng.integers(0, 256, n * n_channels * n_bytes, dtype=np.uint8).tobytes()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(n_bytes)
        file.setframerate(rate)
        file.writeframes(raw)
    return out.getvalue()


def make_folder(folder: Path, files: dict[str, bytes], zipped: bool) -> Path:
    if zipped:
        path = folder / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    for name, data in files.items():
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).write_bytes(data)
    return folder / "data"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("n_bytes", [1, 2, 3])
def test_recordings_by_class_and_speaker(zipped: bool, n_bytes: int, tmp_path: Path) -> None:
    files = {
        f"rec/{word}_{who}_{i}.wav": wav(n=700 + 100 * i, n_bytes=n_bytes)
        for word in ("yes", "no")
        for who in ("ann", "bob", "cid")
        for i in range(3)
    }
    path = make_folder(tmp_path, {**files, "notes.md": b"-", ".hidden/x_y_1.wav": b""}, zipped)
    found = load_own(OwnData(str(path), pattern="{label}_{group}_{}.wav", window=800, hop=800))
    assert found.class_names == ("no", "yes")
    assert found.sample_rate == 8000
    assert len(found.train) + len(found.test) == 18  # the short ones end in silence
    assert found.test.subject is not None
    assert len(set(found.test.subject.tolist())) == 1
    assert np.abs(found.train.x).max() > 20_000


def test_recordings_of_different_rates_are_refused(tmp_path: Path) -> None:
    path = make_folder(tmp_path, {"a/1.wav": wav(8000), "b/1.wav": wav(16_000)}, False)
    assert code_of(OwnData(str(path), window=100)) == "E-DATA-RATE"
    path = make_folder(tmp_path, {"a/1.wav": wav(), "b/1.wav": wav(n_channels=2)}, True)
    assert code_of(OwnData(str(path), window=100)) == "E-DATA-RATE"


def png(colour: bool, side: int = 8, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    shape = (side, side, 3) if colour else (side, side)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(out, "png")
    return out.getvalue()


def pictures_by_split(folder: Path, zipped: bool = True, colour: bool = False) -> Path:
    files = {
        f"pictures/{split}/{word}/{i}.png": png(colour, seed=i)
        for split, n in (("Train", 5), ("test", 2))
        for word in ("cat", "dog")
        for i in range(n)
    }
    return make_folder(folder, {**files, "README.md": b"about them"}, zipped)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("pattern", [None, "{split}/{label}/{}"])
def test_pictures_by_split_and_class(
    colour: bool, zipped: bool, pattern: str | None, tmp_path: Path
) -> None:
    path = pictures_by_split(tmp_path, zipped, colour)
    found = load_own(OwnData(str(path), pattern=pattern))
    assert (len(found.train), len(found.test)) == (10, 4)
    assert found.class_names == ("cat", "dog")
    assert found.input_shape == ((3, 8, 8) if colour else (8, 8))
    assert found.dtype == "uint8"
    dataset, stream = build(DataRecipe(path=str(path), pattern=pattern))
    assert dataset.front_end is None
    assert len(stream) == 1


def test_a_split_that_is_asked_for_goes_before_names_of_folders(tmp_path: Path) -> None:
    path = str(pictures_by_split(tmp_path))
    found = load_own(OwnData(path, split="random", test=0.5))
    assert (len(found.train), len(found.test)) == (7, 7)
    both = OwnData(path, split="random", pattern="{split}/{label}/{}")
    assert code_of(both) == "E-DATA-SPLIT"


@pytest.mark.parametrize("others", [("train",), ("train", "extra"), ("", "train", "test")])
def test_folders_of_other_names_are_no_split(others: tuple[str, ...], tmp_path: Path) -> None:
    files = {f"{each}/{c}/{i}.png": png(False) for each in others for c in "ab" for i in range(4)}
    named = {name.lstrip("/"): data for name, data in files.items()}
    found = load_own(OwnData(str(make_folder(tmp_path, named, False))))
    n = len(named)
    assert (len(found.train), len(found.test)) == (n - round(n / 4), round(n / 4))


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a/1.png": b"no picture", "b/1.png": png(False)}, "E-DATA-FORMAT"),
        ({"a/1.png": png(False), "b/1.png": png(False, side=9)}, "E-DATA-SHAPE"),
        ({"a/1.png": png(False), "b/1.png": png(True)}, "E-DATA-SHAPE"),
        ({"a/1.wav": b"RIFFbroken"}, "E-DATA-FORMAT"),
        ({"a/readme.md": b""}, "E-DATA-EMPTY"),
        ({"a/1.wav": wav(), "b/1.wav": wav(n=0)}, "E-DATA-EMPTY"),
        ({"1.wav": wav()}, "E-DATA-PATTERN"),
        ({"a/1.wav": wav(), "b/1.png": png(False)}, "E-DATA-FORMAT"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_folders_that_cannot_be_read_are_refused(
    files: dict[str, bytes], code: str, zipped: bool, tmp_path: Path
) -> None:
    assert code_of(OwnData(str(make_folder(tmp_path, files, zipped)))) == code


def test_a_zip_that_says_it_is_huge_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metabit.trainer.data.own.folders.MOST_UNPACKED_BYTES", 1000)
    path = make_folder(tmp_path, {"a/1.wav": bytes(2000)}, True)
    assert code_of(OwnData(str(path))) == "E-DATA-READ"
    (tmp_path / "no.zip").write_bytes(b"PK but not a zip")
    assert code_of(OwnData(str(tmp_path / "no.zip"))) == "E-DATA-FORMAT"


def test_recordings_without_groups_are_never_on_both_sides(tmp_path: Path) -> None:
    files = {f"{word}/{i}.wav": wav(n=1600 + i) for word in ("yes", "no") for i in range(8)}
    found = load_own(OwnData(str(make_folder(tmp_path, files, False)), window=400, hop=200))
    train, test = found.train.subject, found.test.subject
    assert train is not None
    assert test is not None
    assert set(train.tolist()).isdisjoint(test.tolist())
    assert len(set(train.tolist()) | set(test.tolist())) == 16


@pytest.mark.parametrize("zipped", [False, True])
def test_time_series_by_class_are_recordings_with_names(zipped: bool, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    files = {
        f"{name}/{i}.csv": (
            "t,x,y\n" + "".join(f"{r / 50},{r % 7},{v}\n" for r, v in enumerate(row))
        )
        for name in ("sit", "walk")
        for i, row in enumerate(generator.normal(size=(4, 100)))
    }
    path = make_folder(tmp_path, {n: text.encode() for n, text in files.items()}, zipped)
    found = load_own(OwnData(str(path), time="t", window=40, hop=20))
    assert (found.class_names, found.channel_names) == (("sit", "walk"), ("x", "y"))
    assert found.train.x.shape == (6 * 4, 2, 40)  # a file is a group, and one of four is held out
    assert len(found.test.y) == 2 * 4
    recipe = with_window(DataRecipe(path=str(path), channels=("x", "y")))
    assert (recipe.window, recipe.hop) == (96, 48)


@pytest.mark.parametrize("first", ["a", "z"])
def test_a_folder_holds_one_kind_of_files(first: str, tmp_path: Path) -> None:
    files = {f"{first}/1.wav": wav(), "m/1.png": b"no matter what"}
    with pytest.raises(FormatError, match="either pictures, or recordings"):
        load_own(OwnData(str(make_folder(tmp_path, files, False))))


def test_what_no_reader_knows_is_named_without_its_inside(tmp_path: Path) -> None:
    for name, what in (("1.png", "not a picture"), ("1.wav", "not a WAV file of integers")):
        (tmp_path / name[2:]).mkdir()
        path = make_folder(tmp_path / name[2:], {f"a/{name}": b"hello"}, False)
        with pytest.raises(FormatError, match=rf"{name}: {what}$"):
            load_own(OwnData(str(path)))


def test_a_class_of_one_recording_says_what_to_add(tmp_path: Path) -> None:
    files = {f"{word}/{i}.wav": wav() for word in ("yes", "no") for i in range(8)}
    files["maybe/1.wav"] = wav()
    path = make_folder(tmp_path, files, False)
    with pytest.raises(InputError, match=r"maybe.*all of it is of one group") as caught:
        load_own(OwnData(str(path), window=400, test=0.7))
    assert caught.value.code == "E-DATA-SPLIT"


def test_time_series_with_other_columns_are_refused(tmp_path: Path) -> None:
    files = {"sit/1.csv": b"x,y\n1,2\n" * 1, "walk/1.csv": b"x,z\n1,2\n"}
    path = make_folder(tmp_path, files, False)
    assert code_of(OwnData(str(path))) == "E-DATA-RATE"
