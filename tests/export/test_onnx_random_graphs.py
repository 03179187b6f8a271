"""Random graphs as exporters write them, opsets 7 to 23, keep ONNX Runtime's labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from onnx_graphs import N_CLASSES, Case, random_case
from onnx_writing import OPSETS

from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.onnx.read import check
from metabit.export.onnx_import.importer import from_onnx

N_SAMPLES = 100


def labels_seen(case: Case, seed: int) -> int:
    """Import a graph, hold its labels against ONNX Runtime's, and count different labels."""
    proto = check(case.proto, "it")
    imported = from_onnx(proto, "it", case.told)
    spec, rng = imported.model.input, np.random.default_rng(seed)
    info = np.iinfo(spec.dtype)
    middle, half = rng.integers(info.min, info.max, (N_SAMPLES, 1)), rng.integers(1, 128)
    q = rng.integers(middle - half, middle + half + 1, (N_SAMPLES, spec.n_inputs))
    q = np.clip(q, info.min, info.max).reshape(N_SAMPLES, *case.shape).astype(spec.dtype)
    x = q
    if case.told is not None:
        x = ((q.astype(np.float64) - case.told.zero_point) * case.told.scale).astype(np.float32)
    run = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = run.run(None, {"x": x})[0].reshape(N_SAMPLES, -1)
    expected = found[:, 0] if found.dtype == np.int64 else found.argmax(axis=1)
    if imported.channels_first:
        q = np.ascontiguousarray(np.moveaxis(q, 1, -1))
    labels = Engine(dumps(imported.model)).predict(q.reshape(N_SAMPLES, -1))
    assert np.array_equal(labels, expected), (seed, case.traits)
    return len(np.unique(labels))


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
