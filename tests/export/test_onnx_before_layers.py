"""What stands before the first layer, and operators of FINN: followed, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.onnx_by_hand import UNIT, Graph, assert_labels, imported, samples

from metabit.errors import FormatError


@pytest.mark.parametrize(
    ("thresholds", "told", "says"),
    [((8, 256), {}, "at most 255 per channel"), ((8, 1), {"bits": 3}, "not known: bits"),
     ((8, 1), {"data_layout": "CHW"}, "does not follow")],
)  # fmt: skip
def test_a_multi_threshold_that_has_too_many_or_says_more_is_refused(
    tmp_path: Path, thresholds: tuple[int, int], told: dict[str, Any], says: str
) -> None:
    g = Graph([20])
    g.step("MatMul", g.signs(20, 8))
    g.step("MultiThreshold", np.zeros(thresholds), domain="qonnx.custom_op.general", **told)
    g.step("MatMul", g.signs(8, 3))
    with pytest.raises(FormatError, match=says) as refused:
        imported(g.proto(3), tmp_path, UNIT)
    assert refused.value.code == "E-ONNX-OPERATOR"


def test_a_mean_per_input_is_followed(tmp_path: Path) -> None:
    g = Graph([30])
    g.step("Sub", g.rng.uniform(0, 1, 30))
    g.step("Div", np.full(30, 0.5))
    g.step("MatMul", g.signs(30, 20))
    g.batch_norm(20, size=5)
    g.step("Sign")
    g.step("MatMul", g.signs(20, 4))
    g.step("Add", g.rng.normal(0, 0.3, 4))
    proto = g.proto(4)
    made = imported(proto, tmp_path, UNIT)
    assert made.model.front_end is None
    assert_labels(proto, made, samples(300, 30))


def test_a_mean_per_place_of_a_convolution_is_refused(tmp_path: Path) -> None:
    g = Graph([2, 6, 6])
    g.step("Sub", g.rng.uniform(0, 1, (2, 6, 6)))
    g.step("Conv", g.signs(4, 2, 3, 3), kernel_shape=[3, 3])
    g.step("Sign")
    g.step("Flatten")
    g.step("MatMul", g.signs(64, 3))
    with pytest.raises(FormatError, match="from place to place"):
        imported(g.proto(3), tmp_path, UNIT)
