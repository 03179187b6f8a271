"""Sets that are made of pictures and recordings: what their pixels are, and what is refused."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metabit import InputError
from metabit.errors import CorruptError
from metabit.trainer import data
from metabit.trainer.data.spectrogram import FRAME, spectrogram


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which sets are kept."""
    monkeypatch.setenv("METABIT_DATA", str(tmp_path / "kept"))
    return tmp_path / "kept"


def write_tone(path: Path, hertz: float, n: int = 4000) -> None:
    values = (9000 * np.sin(2 * np.pi * hertz * np.arange(n) / 8000)).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, n, "NONE", ""))
        file.writeframes(values.tobytes())


def write_picture(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[2:30, 2:30] = colour  # what lies in the middle, and not the border
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    path.write_bytes(buffer.getvalue())


def test_a_higher_tone_is_higher_in_the_picture() -> None:
    seconds = np.arange(4000) / 8000
    brightest = [
        spectrogram(np.sin(2 * np.pi * hertz * seconds), 8000.0, 28).sum(1).argmax()
        for hertz in (200, 800, 3200)
    ]
    assert brightest == sorted(brightest, reverse=True)
    assert len(set(brightest)) == 3


def test_loudness_makes_no_difference_and_a_short_sound_has_all_columns() -> None:
    sound = np.random.default_rng(1).normal(size=3000)
    np.testing.assert_array_equal(
        spectrogram(sound, 8000.0, 28), spectrogram(4 * sound, 8000.0, 28)
    )
    short = spectrogram(np.ones(FRAME // 2), 8000.0, 28)
    assert short.shape == (28, 28)
    assert (short == short[:, :1]).all()


def test_recordings_are_split_by_their_number(kept: Path, tmp_path: Path) -> None:
    for name in ("3_anna_4", "3_anna_5", "9_ben_17"):
        write_tone(tmp_path / "wav" / "recordings" / f"{name}.wav", 500)
    assert data.find("spoken-digits") is None
    assert data.make("spoken-digits", tmp_path / "wav") == data.find("spoken-digits")
    made = data.load("spoken-digits")
    assert (made.train.y.tolist(), made.test.y.tolist()) == ([3, 9], [3])
    assert (made.input_shape, made.dtype, made.n_classes) == ((28, 28), "uint8", 10)
    assert kept in Path(made.source).parents


def test_colour_pictures_become_grey_and_lose_their_border(kept: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "cifar" / "train" / "cat" / "1.png", (100, 200, 50))
    write_picture(tmp_path / "cifar" / "test" / "truck" / "1.png", (255, 255, 255))
    data.make("cifar-10-grey", tmp_path / "cifar")
    made = data.load("cifar-10-grey")
    assert (made.train.x == round(0.299 * 100 + 0.587 * 200 + 0.114 * 50)).all()
    assert (made.test.x == 255).all()
    assert (made.train.y.tolist(), made.test.y.tolist()) == ([3], [9])


def test_what_a_set_cannot_be_made_of_is_refused(kept: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "wav" / "x_anna_4.wav", 500)
    write_tone(tmp_path / "one" / "1_anna_4.wav", 500)
    for name, source, code in (
        ("spoken-digits", tmp_path / "none", "E-DATA-READ"),
        ("spoken-digits", tmp_path / "wav", "E-LABEL"),
        ("spoken-digits", tmp_path / "one", "E-DATA-EMPTY"),
        ("mnist", tmp_path / "wav", "E-DATA-MADE"),
    ):
        with pytest.raises(InputError) as caught:
            data.make(name, source)
        assert caught.value.code == code
    with pytest.raises(InputError, match="metabit data make spoken-digits SOURCE"):
        data.fetch("spoken-digits")
    with pytest.raises(InputError, match="metabit data make spoken-digits SOURCE"):
        data.load("spoken-digits")
    assert not kept.exists()


def test_a_damaged_file_is_named(kept: Path) -> None:
    (kept / "spoken-digits").mkdir(parents=True)
    (kept / "spoken-digits" / "spoken-digits.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CorruptError, match=r"spoken-digits\.npz: damaged"):
        data.load("spoken-digits")
