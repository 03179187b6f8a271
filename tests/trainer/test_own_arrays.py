"""Arrays of one's own: every sensible type and shape is read, and the others are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.own_data import code_of
from numpy.typing import NDArray

from metabit.trainer.data.own import OwnData, load_own


def arrays(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[np.generic]:
    rng = np.random.default_rng(seed)
    return (100 * rng.normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 6), (40, 3, 20)])
def test_arrays_of_any_sensible_type(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    words = np.array(["up", "down"])[np.arange(40) % 2]
    np.savez(path, data=arrays(shape, dtype), labels=words[:, np.newaxis])
    found = load_own(OwnData(str(path)))
    assert found.class_names == ("down", "up")
    assert found.dtype == "int16"
    assert found.input_shape == (*shape[1:], 1)[:2]
    assert found.units is not None
    if "int" in dtype:
        assert found.units.tolist() == [1.0] * shape[1]


def test_arrays_with_groups_and_one_hot_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=arrays((40, 6), "float32"), y=np.eye(4)[np.arange(40) % 4],
             subject=np.arange(40) // 10)  # fmt: skip
    found = load_own(OwnData(str(path)))
    assert found.n_classes == 4
    assert found.test.subject is not None
    assert len(set(found.test.subject.tolist())) == 1


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"a": np.zeros((4, 2)), "y": np.arange(4)}, "E-DATA-NO-X"),
        ({"x": np.zeros((4, 2))}, "E-NO-LABELS"),
        ({"x": np.zeros((4, 2)), "y": np.arange(3)}, "E-DATA-SHAPE"),
        ({"x": np.full((4, 2), np.nan), "y": np.arange(4)}, "E-DATA-NAN"),
        ({"x": np.zeros(4), "y": np.arange(4)}, "E-DTYPE"),
        ({"x": np.zeros((4, 2), complex), "y": np.arange(4)}, "E-DTYPE"),
        ({"x": np.array([["a"], ["b"]]), "y": np.arange(2)}, "E-DTYPE"),
    ],
)
def test_arrays_that_cannot_be_samples_are_refused(
    keys: dict[str, NDArray[np.generic]], code: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **keys)  # type: ignore[arg-type]
    assert code_of(OwnData(str(path))) == code


def test_samples_without_labels_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    assert code_of(OwnData(str(tmp_path / "x.npy"))) == "E-NO-LABELS"


def test_arrays_without_values_are_refused(tmp_path: Path) -> None:
    for shape in ((0, 3), (4, 0)):
        np.savez(tmp_path / "x.npz", x=np.zeros(shape), y=np.arange(shape[0]) % 2)
        assert code_of(OwnData(str(tmp_path / "x.npz"))) == "E-DATA-EMPTY"
