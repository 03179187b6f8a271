"""ONNX's reference evaluator, with what it lacks of DequantizeLinear."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Array = NDArray[Any]

_DOMAIN = "metabit.evaluated"


class DequantizeLinear(OpRun):
    """(x - zero point) * scale, of one scale for all or of one for each place along an axis."""

    op_domain = _DOMAIN

    def _run(
        self, x: Array, scale: Array, zero: Array | None = None, axis: int | None = None,
        **_left_out: object,
    ) -> tuple[Array]:  # fmt: skip
        shape = [1] * x.ndim
        if scale.size > 1:
            shape[1 if axis is None else axis] = -1
        centred = x.astype(np.int64) - (0 if zero is None else zero.astype(np.int64).reshape(shape))
        return (centred.astype(scale.dtype) * scale.reshape(shape),)


def evaluator(proto: onnx.ModelProto) -> ReferenceEvaluator:
    """An evaluator of a graph.

    ONNX's own has no DequantizeLinear before opset 19, and none in double; so it gets another one,
    which knows neither blocks nor types of 8-bit floats.

    Raises:
        Exception: it lacks another operator; its exceptions have no common base.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(proto)
    for node in changed.graph.node:
        plain = {attribute.name for attribute in node.attribute} <= {"axis"}
        if node.op_type == DequantizeLinear.__name__ and not node.domain and plain:
            node.domain = _DOMAIN
    changed.opset_import.add(domain=_DOMAIN, version=1)
    return ReferenceEvaluator(changed, new_ops=[DequantizeLinear])
