"""Ways in which exporters write nodes, binary weights, normalisation and signs to ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSETS = tuple(range(7, 24))
QONNX, FINN = "qonnx.custom_op.general", "finn.custom_op.general"
FLOAT = TensorProto.FLOAT


class Writer:
    """Writes one graph; `at` is the tensor that the next node reads."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = int(self.rng.choice(OPSETS))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self.traits = [f"opset {self.opset}"]
        self.at, self.domains = "x", {"": self.opset}
        self.hidden, self.fan_in, self.size = False, 1, np.ones(1)

    # ---- small tools ----

    def pick(self, *choices: str) -> str:
        """One of some ways to write a thing, remembered as a trait."""
        chosen = str(self.rng.choice(choices))
        self.traits.append(chosen)
        return chosen

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """An initializer, or a Constant node, as exporters have them."""
        array, name = np.asarray(values, dtype=dtype), f"c{len(self.constants) + len(self.nodes)}"
        tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        if self.rng.random() < 0.3 and (self.opset >= 9 or dtype == "float32"):
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.constants.append(tensor)
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **more: Any) -> str:
        """A node; returns its first output."""
        if domain:
            self.domains[domain] = 1
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **more))
        return name

    def step(self, operator: str, *inputs: str, **more: Any) -> None:
        """A node on the path."""
        self.at = self.node(operator, self.at, *inputs, **more)

    def moved(self, operator: str, name: str, values: Any, **more: Any) -> None:
        """An operator whose list of numbers became an input with opset 13."""
        if self.opset >= 13:
            self.step(operator, self.constant(values, "int64"), **more)
        else:
            self.step(operator, **{name: list(values)}, **more)

    def by_channel(self, values: NDArray[Any], rank: int) -> NDArray[Any]:
        """One value per channel, in the shape that maps, channel first, need."""
        return values.reshape(-1, 1, 1) if rank == 4 else values

    # ---- weights ----

    def weights(self, *shape: int) -> tuple[str, NDArray[Any]]:
        """Binary weights of shape (n_out, ...), as a constant or as nodes on constants.

        Returns:
            the tensor, and the size of the weights by channel.
        """
        signs = self.rng.choice([-1.0, 1.0], shape)
        latent = signs * self.rng.uniform(0.1, 1, shape)
        one = np.ones(shape[0])
        way = self.pick(
            "plain", "Sign", "XNOR", "Where", "BipolarQuant", "int8", "one scale", "Quant",
            "weights by detach", "weights by Greater", "half", "DequantizeLinear",
        )  # fmt: skip
        if way == "Where" and self.opset < 9:
            way = "plain"
        if way in ("Sign", "weights by detach", "half") and self.opset < 9:
            way = "plain"
        if way in ("Quant", "DequantizeLinear") and self.opset < 11:
            way = "plain"
        if way == "plain":
            return self.constant(signs), one
        if way == "Sign":
            return self.node("Sign", self.constant(latent)), one
        if way == "Where":
            positive = self.node("Greater", self.constant(latent), self.constant(0.0))
            return self.node("Where", positive, self.constant(1.0), self.constant(-1.0)), one
        if way == "BipolarQuant":
            made = self.node(
                "BipolarQuant", self.constant(latent), self.constant(0.5), domain=QONNX
            )
            return made, one / 2
        if way == "Quant":
            numbers = [self.constant(value) for value in (latent, 0.25, 0.0, 1.0)]
            return self.node("Quant", *numbers, domain=QONNX, signed=1, narrow=1), one / 4
        if way == "weights by detach":
            hidden = self.constant(latent)
            difference = self.node("Sub", self.node("Sign", hidden), hidden)
            return self.node("Add", hidden, difference), one
        if way == "weights by Greater":
            positive = self.node("Greater", self.constant(latent), self.constant(0.0))
            twice = self.node("Mul", self.node("Cast", positive, to=FLOAT), self.constant(2.0))
            return self.node("Sub", twice, self.constant(1.0)), one
        if way == "half":
            return self.node("Cast", self.constant(signs / 2, "float16"), to=FLOAT), one / 2
        if way == "DequantizeLinear":
            scale, zero = self.constant(0.125), self.constant(0, "int8")
            return self.node(way, self.constant(signs, "int8"), scale, zero), one / 8
        if way == "int8":
            return self.node("Cast", self.constant(signs, "int8"), to=FLOAT), one
        if way == "one scale":
            return self.constant(signs * 0.25), one / 4
        axes = tuple(range(1, len(shape)))
        told = self.constant(latent)
        size = self.node("Abs", told)
        if self.opset >= 18:
            size = self.node("ReduceMean", size, self.constant(axes, "int64"), keepdims=1)
        else:
            size = self.node("ReduceMean", size, axes=list(axes), keepdims=1)
        scaled = self.node("Mul", self.constant(signs), size)
        return scaled, np.abs(latent).mean(axis=axes)

    def dense(self, n_in: int, n_out: int) -> None:
        """A MatMul or a Gemm."""
        self.fan_in = n_in
        name, self.size = self.weights(n_out, n_in)
        way = self.pick("MatMul", "Gemm", "Gemm transB")
        if way != "Gemm transB":
            name = self.node("Transpose", name, perm=[1, 0])
        if way == "MatMul":
            self.step("MatMul", name)
            return
        told: dict[str, Any] = {"transB": 1} if way == "Gemm transB" else {}
        if self.rng.random() < 0.3:
            told["alpha"] = 0.5
            self.size = self.size / 2
        inputs = []
        if self.opset < 11 or self.rng.random() < 0.6:
            inputs.append(self.constant(self.rng.normal(size=n_out) * 0.01))
            if self.rng.random() < 0.3:
                told["beta"] = 2.0
        self.step("Gemm", name, *inputs, **told)

    # ---- from sums to bits ----

    def normalise(self, n: int, rank: int, largest: float) -> None:
        """A batch norm in some form; thresholds lie inside of the sums, at no multiple of them."""
        rng = self.rng
        mean = self.size * (rng.normal(size=n) * np.sqrt(largest) + 0.137)
        std, gamma = rng.uniform(0.5, 3, n), rng.normal(size=n)
        gamma = np.where(np.abs(gamma) < 0.1, 0.5, gamma)
        beta = rng.normal(size=n) * 0.1
        way = self.pick(
            "BatchNormalization", "four operators", "Sub", "two operators", "decomposed"
        )
        if way == "BatchNormalization":
            values = [self.constant(v) for v in (gamma, beta, mean, std**2)]
            self.step("BatchNormalization", *values, epsilon=1e-3)
            return
        if way == "Sub":
            self.step("Sub", self.constant(self.by_channel(mean, rank)))
            return
        if way == "decomposed":  # as torch.export does it
            self.step("Sub", self.constant(self.by_channel(mean, rank)))
            variance = self.node("Add", self.constant(std**2), self.constant(1e-5))
            inverse = self.node("Reciprocal", self.node("Sqrt", variance))
            if rank == 4:
                inverse = self.node("Reshape", inverse, self.constant([1, n, 1, 1], "int64"))
            self.step("Mul", inverse)
            self.step("Mul", self.constant(self.by_channel(gamma, rank)))
            self.step("Add", self.constant(self.by_channel(beta, rank)))
            return
        if way == "two operators":
            scale = gamma / std
            self.step("Mul", self.constant(self.by_channel(scale, rank)))
            self.step("Add", self.constant(self.by_channel(beta - mean * scale, rank)))
            return
        for operator, value in (("Sub", mean), ("Div", std), ("Mul", gamma), ("Add", beta)):
            self.step(operator, self.constant(self.by_channel(value, rank)))

    def clip(self) -> None:
        """Hardtanh in front of a sign, with both bounds or one."""
        bounds = {"min": -1.0, "max": 1.0}
        if self.rng.random() < 0.3:
            bounds.pop(str(self.rng.choice(["min", "max"])))
        if self.opset < 11:
            self.step("Clip", **bounds)
        else:
            names = [self.constant(bounds[k]) if k in bounds else "" for k in ("min", "max")]
            self.step("Clip", *names)

    def sign(self, n: int, rank: int) -> None:
        """Bits of -c and +c."""
        self.hidden = True
        if self.pick("clip", "no clip") == "clip":
            self.clip()
        ways = ["Less", "BipolarQuant", "Greater", "MultiThreshold"]
        ways += ["Sign", "detach", "sign of sign", "Where"] if self.opset >= 9 else []
        ways += ["GreaterOrEqual"] if self.opset >= 12 else []
        ways += ["Quant of 1 bit"] if self.opset >= 11 else []
        way = self.pick(*ways)
        if way == "Sign":
            self.step("Sign")
        elif way == "detach":
            h = self.at
            d = self.node("Sub", self.node("Sign", h), h)
            self.at = self.node("Add", *((d, h) if self.rng.random() < 0.5 else (h, d)))
        elif way == "sign of sign":
            self.step("Sign")
            self.step("Add", self.constant(0.1))
            self.step("Sign")
        elif way == "Where":
            positive = self.node("Greater", self.at, self.constant(0.0))
            self.at = self.node("Where", positive, self.constant(1.0), self.constant(-1.0))
        elif way == "Quant of 1 bit":
            numbers = [self.constant(value) for value in (0.5, 0.0, 1.0)]
            self.step("Quant", *numbers, domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")
        elif way == "BipolarQuant":
            scale = float(self.rng.choice([1.0, 0.5]))
            self.step("BipolarQuant", self.constant(scale), domain=QONNX)
        elif way == "MultiThreshold":
            domain = self.pick(QONNX, FINN)
            at = self.constant(np.zeros((n if self.rng.random() < 0.5 else 1, 1)))
            self.step(
                "MultiThreshold", at, domain=domain, out_scale=2.0, out_bias=-1.0,
                out_dtype="BIPOLAR",
            )  # fmt: skip
        else:
            self.step(way, self.constant(0.0))
            self.step("Cast", to=FLOAT)
            self.step("Mul", self.constant(-2.0 if way == "Less" else 2.0))
            self.step("Add", self.constant(1.0 if way == "Less" else -1.0))
