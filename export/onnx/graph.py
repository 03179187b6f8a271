"""An ONNX graph under construction: nodes and constants with names that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and constants, and refuses a name twice.

    Tensors are called after what they hold ("fc1/sum"), and a node like the tensor that it makes.

    Args:
        bank: the tensor that says which normalisation bank to use; None where there is one only.
    """

    def __init__(self, bank: str | None = None) -> None:
        self._bank = bank
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self.annotations: list[onnx.TensorAnnotation] = []
        self._names: set[str] = set()

    def node(
        self, operator: str, inputs: Sequence[str], output: str, *, domain: str = "", **more: Any
    ) -> str:
        """Append a node with one output; returns the output's name.

        Args:
            operator: the operator's type.
            inputs: names of tensors.
            output: name of the tensor that it makes, and of the node.
            domain: of the operator; empty for ONNX's own.
            more: attributes; those that are None are left out.
        """
        self._claim(output)
        kept = {key: value for key, value in more.items() if value is not None}
        made = helper.make_node(operator, list(inputs), [output], output, domain=domain, **kept)
        self.nodes.append(made)
        return output

    def constant(self, name: str, values: ArrayLike, dtype: str = "") -> str:
        """Add an initializer; returns its name.

        Args:
            name: of the tensor.
            values: any shape.
            dtype: NumPy's name of the type to store; the type of `values` if empty.
        """
        array = np.asarray(values, dtype=dtype or None, order="C")
        return self.tensor(numpy_helper.from_array(array, name))

    def has(self, name: str) -> bool:
        """Whether there is a tensor of this name already."""
        return name in self._names

    def shared(self, name: str, values: ArrayLike, dtype: str) -> str:
        """A constant that several nodes use: added once, by the first of them."""
        return name if self.has(name) else self.constant(name, values, dtype)

    def channels(self, name: str, values: NDArray[Any], dtype: str, spatial: int = 0) -> str:
        """One value per channel, from the bank in use.

        Args:
            name: of the tensor.
            values: shape (n_banks, n_channels).
            dtype: NumPy's name of the type to store.
            spatial: dimensions of the activations after the channels: 0, or 2 for images.
        """
        rows = values.reshape(*values.shape, *(1,) * spatial)
        if self._bank is None:
            return self.constant(name, rows[0], dtype)
        table = self.constant(f"{name}.banks", rows, dtype)
        return self.node("Gather", [table, self._bank], name, axis=0)

    def tensor(self, made: TensorProto) -> str:
        """Add an initializer that is already a tensor; returns its name."""
        self._claim(made.name)
        self.constants.append(made)
        return str(made.name)

    def annotate(self, tensor: str, datatype: str) -> None:
        """Tell what a tensor holds, such as "BIPOLAR", as QONNX and FINN read it."""
        note = onnx.TensorAnnotation(tensor_name=tensor)
        note.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
        self.annotations.append(note)

    def _claim(self, name: str) -> None:
        assert name not in self._names, f"two tensors are called {name}"
        self._names.add(name)
