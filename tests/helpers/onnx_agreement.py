"""Whether an imported graph and ONNX Runtime give the same labels."""

from __future__ import annotations

import numpy as np
import onnxruntime

from helpers.onnx_graphs import Case
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.onnx.read import check
from metabit.export.onnx_import.importer import from_onnx

N_SAMPLES = 100
#: Optimisers of ONNX Runtime that round inputs or weights next to DequantizeLinear to 8 bits, and
#: so give other labels than the file.
ROUNDING = ["QDQSelectorActionTransformer", "WeightBiasQuantization"]


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
        proto.SerializeToString(), providers=["CPUExecutionProvider"],
        disabled_optimizers=ROUNDING,
    )  # fmt: skip
    found = run.run(None, {"x": x})[0].reshape(N_SAMPLES, -1)
    expected = found[:, 0] if found.dtype == np.int64 else found.argmax(axis=1)
    if imported.channels_first:
        q = np.ascontiguousarray(np.moveaxis(q, 1, -1))
    labels = Engine(dumps(imported.model)).predict(q.reshape(N_SAMPLES, -1))
    assert np.array_equal(labels, expected), (seed, case.traits)
    return len(np.unique(labels))
