"""Tensor files: what was written comes back, and damage never goes unnoticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from metabit import CorruptError, StorageError
from metabit.trainer.tensor_files import read_tensors, write_tensors

TENSORS = {
    "matrix": torch.arange(6, dtype=torch.float32).reshape(2, 3).T,
    "scalar": torch.tensor(7.0),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "empty": torch.zeros(0, 4),
}
CONTENT = {"numbers": [1, 2.5, None], "name": "é"}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "some.safetensors"
    write_tensors(path, TENSORS, CONTENT)
    return path


def test_tensors_and_content_come_back_as_they_were(written: Path) -> None:
    tensors, content = read_tensors(written)
    assert content == CONTENT
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].shape == tensor.shape
        assert tensors[name].dtype == tensor.dtype


def test_every_truncation_is_refused(written: Path) -> None:
    whole = written.read_bytes()
    for length in range(len(whole)):
        written.write_bytes(whole[:length])
        with pytest.raises(CorruptError, match=r"some\.safetensors"):
            read_tensors(written)


def test_no_flipped_bit_goes_unnoticed(written: Path) -> None:
    """Either the file is refused, or (a flip in the header's padding) it still says the same."""
    whole = written.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        written.write_bytes(flipped)
        try:
            tensors, content = read_tensors(written)
        except CorruptError:
            continue
        assert content == CONTENT
        assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())


def test_a_tensor_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file({"x": np.ones(3)}, path)
    with pytest.raises(CorruptError, match="not a tensor file of metabit"):
        read_tensors(path)


def test_a_file_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none\.safetensors"):
        read_tensors(tmp_path / "none.safetensors")
