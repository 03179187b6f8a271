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
from helpers.random_models import random_model
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
    assert caught.value.code == "E-SHAPE"
    (tmp_path / "empty").mkdir()
    with pytest.raises(MetabitError) as caught:
        read_samples(str(tmp_path / "empty"), random_model((60, 2)))
    assert caught.value.code == "E-DATA-EMPTY"


def pictures(folder: Path, names: list[str]) -> Path:
    """One picture of each name, each with other pixels."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (5, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


def of_pictures(pattern: str | None) -> Model:
    """A model that was trained on pictures in a folder that is not there any more."""
    table = {"path": "/nowhere/pets", "stream": "single"}
    model = random_model((60, 2))
    meta = {
        "class_names": ["cat", "dog"],
        "data": table | ({"pattern": pattern} if pattern else {}),
    }
    return replace(model, input=InputSpec("uint8", (5, 4, 3), model.input.scale), meta=meta)


@pytest.mark.parametrize(
    "pattern", [None, "{label}/{}", "{split}/{label}/{}", "{label}_{group}_{}"]
)
def test_new_files_need_not_say_a_class(pattern: str | None, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "new", ["b.png", "a.png", "c 1.png"])
    found = read_samples(str(folder), of_pictures(pattern))
    assert (len(found.x), found.y) == (3, None)
    expected = np.array(Image.open(folder / "a.png")).reshape(-1)
    assert np.array_equal(found.x[0], expected)  # in the order of their names


def test_new_files_are_read_without_the_folders_of_the_split(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "test", ["cat/0.png", "dog/0.png", "dog/1.png"])
    for pattern in (None, "{split}/{label}/{}"):
        found = read_samples(str(folder), of_pictures(pattern))
        assert found.y is not None
        assert found.y.tolist() == ["cat", "dog", "dog"]
    inside = pictures(tmp_path / "both", ["train/cat/0.png", "test/dog/0.png"])
    found = read_samples(str(inside), of_pictures("{split}/{label}/{}"))
    assert found.y is not None
    assert sorted(found.y.tolist()) == ["cat", "dog"]  # a class that is in no train folder, too


def test_names_that_say_a_class_beside_names_that_do_not_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "new", ["cat/0.png", "stray.png"])
    with pytest.raises(
        MetabitError, match=r"cat/0.png says its class, cat, and stray.png does not"
    ):
        read_samples(str(folder), of_pictures(None))


def test_new_recordings_need_not_say_a_class(tmp_path: Path) -> None:
    path = tmp_path / "words.zip"
    recordings(path)
    model, _, _ = trained(path)
    labelled, new = tmp_path / "again.zip", tmp_path / "new.zip"
    shutil.copy(path, labelled)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as archive:
        for number, name in enumerate(sorted(old.namelist())):
            archive.writestr(f"rec{number:03d}.wav", old.read(name))
    found, same = read_samples(str(new), model), read_samples(str(labelled), model)
    assert found.y is None
    assert same.y is not None
    assert np.array_equal(found.x, same.x)
