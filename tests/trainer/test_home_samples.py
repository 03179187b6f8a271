"""A run keeps samples of its training, about as many of every class, within a size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabit import CorruptError, FormatError
from metabit.trainer.files import write_arrays
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.runs.home_samples import SCHEMA, VERSION, home_of, read_home, write_home
from metabit.trainer.streams import Stream, build

STREAMS: dict[str, dict[str, Any]] = {
    "single": {},
    "permuted": {"stream": "permuted", "n_tasks": 3},
    "classes": {"stream": "classes", "groups": ((0, 1, 2), (3, 4))},
    "domain": {"stream": "classes", "groups": ((0, 1, 2), (3, 4)), "scenario": "domain"},
    "blurred": {"stream": "permuted", "n_tasks": 2, "blur": 0.2},
    "wrong labels": {"label_noise": 0.2},
}


def stream_of(name: str) -> Stream:
    table: dict[str, Any] = {"name": "digits", "stream": "single", "train_samples": 300}
    table |= STREAMS[name]
    return build(DataRecipe(**table))[1]


@pytest.mark.parametrize("name", STREAMS)
def test_every_kept_sample_is_one_that_the_network_was_trained_on(name: str) -> None:
    stream = stream_of(name)
    home = home_of(stream, seed=1, per_class=7)
    trained = {
        (x.tobytes(), int(y))
        for task in stream
        for x, y in zip(task.train.x, task.train.y, strict=True)
    }
    assert {(x.tobytes(), int(y)) for x, y in zip(home.x, home.y, strict=True)} <= trained
    told = np.unique(np.concatenate([task.train.y for task in stream]))
    assert np.array_equal(np.unique(home.y), told)
    assert np.bincount(home.y).max() <= 7


@pytest.mark.parametrize("name", STREAMS)
def test_test_samples_are_kept_apart(name: str) -> None:
    stream = stream_of(name)
    home = home_of(stream, seed=1)
    tested: set[tuple[bytes, int]] = set()
    for task in stream:
        part = task.test
        tested |= {(x.tobytes(), int(y)) for x, y in zip(part.x, part.y, strict=True)}
    assert {(x.tobytes(), int(y)) for x, y in zip(home.test_x, home.test_y, strict=True)} <= tested
    assert len(home.test_y) > 200


def test_all_samples_are_kept_where_there_are_few() -> None:
    assert len(home_of(stream_of("single"), seed=1).y) == 300


def test_the_draw_follows_the_seed() -> None:
    stream = stream_of("permuted")
    first, again, other = (home_of(stream, seed, per_class=5) for seed in (1, 1, 2))
    assert np.array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


def test_the_samples_fit_the_size_and_every_class_has_as_many() -> None:
    home = home_of(stream_of("single"), seed=1, n_bytes=10 * 64 * 6)
    assert home.x.nbytes <= 10 * 64 * 6
    assert np.bincount(home.y).tolist() == [6] * 10


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    home = home_of(stream_of("single"), seed=1, per_class=3)
    write_home(tmp_path / "home.safetensors", home)
    back = read_home(tmp_path / "home.safetensors")
    assert np.array_equal(back.x, home.x)
    assert back.x.dtype == home.x.dtype
    assert np.array_equal(back.y, home.y)
    assert np.array_equal(back.test_x, home.test_x)
    assert np.array_equal(back.test_y, home.test_y)


@pytest.mark.parametrize(
    ("content", "labels", "error"),
    [
        ({"schema": "metabit.input", "version": VERSION}, np.zeros(2, np.int64), FormatError),
        ({"schema": SCHEMA, "version": VERSION + 1}, np.zeros(2, np.int64), FormatError),
        ({"schema": SCHEMA, "version": VERSION}, np.zeros(3, np.int64), CorruptError),
        ({"schema": SCHEMA, "version": VERSION}, np.zeros(2, np.float32), CorruptError),
    ],
)
def test_another_file_is_refused(
    tmp_path: Path, content: dict[str, Any], labels: np.ndarray, error: type[Exception]
) -> None:
    path = tmp_path / "home.safetensors"
    some = np.zeros((2, 4), np.uint8)
    arrays = {"x": some, "y": labels, "test_x": some, "test_y": np.zeros(2, np.int64)}
    write_arrays(path, arrays, content)
    with pytest.raises(error, match="home"):
        read_home(path)
