"""Style "qonnx": BipolarQuant nodes and BIPOLAR annotations, as flows to FPGAs read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from metabit.export.onnx.graph import Graph
from metabit.export.onnx.style import Fold, Style
from metabit.export.spec import Int8Array

DOMAIN = "qonnx.custom_op.general"
OPERATOR = "BipolarQuant"
#: GreaterOrEqual came with opset 12.
_WHERE_SINCE = 12


class Qonnx(Style):
    """Float32 weights and bits, each made bipolar by BipolarQuant(x, scale) with the scale 1.

    The file explains BipolarQuant as a function of standard operators, so that a runtime which
    does not know the operator can run it too.
    """

    name = "qonnx"

    def weights(self, graph: Graph, name: str, signs: Int8Array) -> str:
        """A constant and its BipolarQuant."""
        values = graph.constant(f"{name}.values", signs, "float32")
        return self._bipolar(graph, values, name)

    def signs(self, graph: Graph, layer: str, sums: str, fold: Fold) -> str:
        """Sub, Mul by -1 in channels that are flipped, and BipolarQuant.

        For integers, sum < t is -(sum - (t - 1)) >= 0: a flipped channel's threshold is one lower,
        and its difference is turned round. The sign of a rounded difference is exact.
        """
        value = fold.value.astype(np.int64) - fold.flip
        threshold = graph.channels(f"{layer}/threshold", value, "float32", fold.spatial)
        centred = graph.node("Sub", [sums, threshold], f"{layer}/centred")
        if fold.flip.any():
            turn = np.where(fold.flip, -1, 1)
            turn_name = graph.channels(f"{layer}/turn", turn, "float32", fold.spatial)
            centred = graph.node("Mul", [centred, turn_name], f"{layer}/turned")
        return self._bipolar(graph, centred, f"{layer}/sign")

    def functions(self) -> Sequence[onnx.FunctionProto]:
        """BipolarQuant."""
        return [bipolar_function(DOMAIN, self.opset)]

    def _bipolar(self, graph: Graph, tensor: str, name: str) -> str:
        scale = graph.shared("bipolar_scale", 1, "float32")
        made = graph.node(OPERATOR, [tensor, scale], name, domain=DOMAIN)
        graph.annotate(made, "BIPOLAR")
        return made


def bipolar_function(domain: str, opset: int) -> onnx.FunctionProto:
    """BipolarQuant(x, scale) = scale where x >= 0, -scale elsewhere, in standard operators."""
    zero = numpy_helper.from_array(np.zeros((), dtype=np.float32), "zero")
    body = [helper.make_node("Constant", [], ["zero"], value=zero)]
    if opset >= _WHERE_SINCE:
        body += [
            helper.make_node("GreaterOrEqual", ["x", "zero"], ["positive"]),
            helper.make_node("Neg", ["scale"], ["minus"]),
            helper.make_node("Where", ["positive", "scale", "minus"], ["y"]),
        ]
    else:
        two = numpy_helper.from_array(np.array(2, dtype=np.float32), "two")
        body += [
            helper.make_node("Constant", [], ["two"], value=two),
            helper.make_node("Less", ["x", "zero"], ["negative"]),
            helper.make_node("Cast", ["negative"], ["one_or_zero"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["one_or_zero", "two"], ["two_or_zero"]),
            helper.make_node("Mul", ["two_or_zero", "scale"], ["less"]),
            helper.make_node("Sub", ["scale", "less"], ["y"]),
        ]
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_function(domain, OPERATOR, ["x", "scale"], ["y"], body, opsets)
