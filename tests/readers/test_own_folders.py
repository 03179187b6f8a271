"""Folders of recordings and pictures reach a model as they were in training."""

from __future__ import annotations

import io
import shutil
import wave
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import random_model
from PIL import Image

from metabit.errors import MetabitError
from metabit.export.spec import InputSpec, Model
from metabit.readers.read import read_samples
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.recipe.tables import plain
from metabit.trainer.streams import build

PATTERN = "{label}_{group}_{}"


def recordings(path: Path) -> None:
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for word in ("no", "yes"):
            for who in ("ann", "bob", "cid"):
                for i in range(4):
                    out = io.BytesIO()
                    with wave.open(out, "wb") as file:
                        file.setnchannels(1)
                        file.setsampwidth(2)
                        file.setframerate(8000)
                        counts = rng.normal(0, 3000, 150 + 40 * i).astype("<i2")
                        file.writeframes(counts.tobytes())
                    archive.writestr(f"{word}_{who}_{i}.wav", out.getvalue())


def trained(path: Path) -> tuple[Model, DataRecipe, FrontEndRecipe]:
    """A model as a run on these recordings would export it."""
    recipe = DataRecipe(path=str(path), pattern=PATTERN, window=192, hop=192)
    frontend = FrontEndRecipe(length=64, hop=32, bands=5, spacing="mel")
    dataset, _ = build(recipe, frontend)
    model = random_model((dataset.n_inputs, 2), dtype="int8")
    table = plain({key: value for key, value in vars(recipe).items() if value is not None})
    meta = {"class_names": list(dataset.class_names), "data": table}
    return replace(model, front_end=dataset.front_end, meta=meta), recipe, frontend


def test_recordings_are_read_and_split_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "words.zip"
    recordings(path)
    model, recipe, frontend = trained(path)
    dataset, _ = build(recipe, frontend)
    for split, part in (("test", dataset.test), ("train", dataset.train)):
        found = read_samples(str(path), model, split=split)
        assert np.array_equal(found.x, part.x)
        assert found.y is not None
        assert found.y.tolist() == [dataset.class_names[label] for label in part.y]
    copy = tmp_path / "others.zip"
    shutil.copy(path, copy)
    everything = read_samples(str(copy), model)
    assert len(everything.x) == len(dataset.train) + len(dataset.test)


def test_pictures_are_read_flat(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for word in ("cat", "dog"):
        (tmp_path / "pets" / word).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / word / f"{i}.png")
    model = random_model((60, 2))
    model = replace(model, input=InputSpec("uint8", (5, 4, 3), model.input.scale))
    found = read_samples(str(tmp_path / "pets"), model)
    assert found.x.shape == (12, 60)
    first = np.asarray(Image.open(tmp_path / "pets" / "cat" / "0.png")).reshape(-1)
    assert (found.x == first).all(axis=1).any()
    assert set(found.y.tolist()) == {"cat", "dog"}  # type: ignore[union-attr]


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    recordings(tmp_path / "words.zip")
    with pytest.raises(MetabitError) as caught:
        read_samples(str(tmp_path / "words.zip"), random_model((60, 2)))
    assert caught.value.code == "E-DATA-PATTERN"
    (tmp_path / "empty").mkdir()
    with pytest.raises(MetabitError) as caught:
        read_samples(str(tmp_path / "empty"), random_model((60, 2)))
    assert caught.value.code == "E-DATA-EMPTY"
