"""Random graphs as exporters write them, opsets 7 to 23, keep ONNX Runtime's labels."""

from __future__ import annotations

from collections import Counter

import pytest
from helpers.onnx_agreement import labels_seen
from helpers.onnx_graphs import N_CLASSES, random_case
from helpers.onnx_writing import OPSETS


def agree(seeds: range) -> None:
    """All of these graphs agree, and most of them tell classes apart, so that they could not."""
    seen = Counter(labels_seen(random_case(seed), seed) for seed in seeds)
    assert seen[1] < len(seeds) / 3
    assert max(seen) == N_CLASSES


def test_graphs_as_exporters_write_them_keep_onnx_runtimes_labels() -> None:
    agree(range(60))


@pytest.mark.long
def test_many_graphs_as_exporters_write_them_keep_onnx_runtimes_labels() -> None:
    agree(range(100, 500))


def test_the_graphs_have_every_opset_and_every_way_to_write_a_thing() -> None:
    """Otherwise a trait could vanish from the generator, and nobody would miss it."""
    traits = Counter(trait for seed in range(400) for trait in set(random_case(seed).traits))
    assert {f"opset {n}" for n in OPSETS} <= set(traits)
    assert {
        "nchw", "nhwc", "mean per input", "float", "uint8", "int8", "view", "XNOR", "BipolarQuant",
        "MultiThreshold", "detach", "sign of sign", "pad", "pool first", "pool last", "conv end",
        "TopK", "ArgMax", "LogSoftmax", "Squeeze", "Gemm transB", "four operators", "clip",
    } <= set(traits)  # fmt: skip
