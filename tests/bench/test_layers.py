"""What a layer does is counted from its shape."""

from __future__ import annotations

import pytest
from helpers.random_models import random_model

from metabit.bench.layers import ROOFS, LayerWork, layers_of
from metabit.edge_runtime.isa import kernel_sets


def test_macs_and_bytes_of_dense_layers() -> None:
    first, second, last = layers_of(random_model((40, 33, 70, 6)))
    assert (first.kind, first.macs, first.binary) == ("dense", 40 * 33, False)
    # Rows of two words, thresholds, two words of flips, 40 inputs, two words of bits.
    assert first.touched_bytes == 33 * 8 + 33 * 4 + 8 + 40 + 8
    assert (second.macs, second.binary) == (33 * 70, True)
    assert second.touched_bytes == 70 * 8 + 70 * 4 + 12 + 8 + 12
    assert last.touched_bytes == 6 * 12 + 12 + 6 * 4


def test_every_kernel_set_but_the_scalar_one_has_a_roof() -> None:
    assert set(kernel_sets()) - {"scalar"} <= ROOFS.keys()


def test_only_layers_of_bits_on_a_known_path_have_a_roof() -> None:
    bits = LayerWork("fc2", "dense", 1000, 100, binary=True)
    assert bits.roof_share(64.0, "avx2") == pytest.approx(0.5)
    assert bits.roof_share(64.0, "scalar") is None
    assert LayerWork("fc1", "dense", 1000, 100, binary=False).roof_share(64.0, "avx2") is None
