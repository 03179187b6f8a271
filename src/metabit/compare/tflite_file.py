"""A TFLite file, run by LiteRT."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabit.compare.artefact import Artefact, Predictions
from metabit.edge_runtime.inputs import Samples
from metabit.errors import FormatError
from metabit.export.fold import scores_from_logits
from metabit.export.spec import BoolArray, InputSpec
from metabit.extras import need

if TYPE_CHECKING:
    from metabit.export.tflite.read import File

_BATCH_ELEMENTS = 1 << 26  # of the largest tensor, in one call of the interpreter


class TfliteArtefact(Artefact):
    """A model in TFLite, of metabit or of others.

    A file of metabit gives scores and hidden bits. Of another one only labels are comparable.
    LiteRT never sees the file: it runs what was read out of it and checked.

    Args:
        where: the file.
        file: its content.

    Raises:
        FormatError: its input or outputs are not as for a classifier of 8-bit samples.
    """

    def __init__(self, where: str, file: File) -> None:
        self.where = where
        self.runner = f"LiteRT {importlib.metadata.version('ai-edge-litert')}"
        self._file = file
        tensors = file.graph.tensors
        if len(file.inputs) != 1 or tensors[file.inputs[0]].dtype not in ("int8", "uint8"):
            raise self._refuse("it has not one input of int8 or uint8")
        x = tensors[file.inputs[0]]
        self.input = InputSpec(
            "int8" if x.dtype == "int8" else "uint8", x.shape[1:], x.scale or 1.0, x.zero_point
        )
        self._logits, self.n_outputs = self._logits_output()
        self._batch = max(1, _BATCH_ELEMENTS // max(math.prod(t.shape[1:]) for t in tensors))
        facts = file.facts
        self._ours = facts.get("format") == "metabit/tflite/1"
        if self._ours and isinstance(facts.get("bank"), int):
            self.only_bank = int(facts["bank"])

    def outputs(self, samples: Samples, _bank: int) -> Predictions:
        """Of LiteRT, on one thread."""
        (logits,) = self._run([self._logits], samples)
        scores = None
        if self._ours and logits.dtype == np.float32:
            scores = scores_from_logits(logits)
        return Predictions(logits.argmax(axis=1).astype(np.int64), scores)

    def caller(self, sample: Samples, _bank: int) -> Callable[[], object]:
        """The interpreter's calls for one sample, all outputs."""
        interpreter = self._interpreter(self._file.outputs)
        given = interpreter.get_input_details()[0]["index"]
        wanted = [detail["index"] for detail in interpreter.get_output_details()]
        x = sample.reshape(1, *self.input.shape)
        interpreter.allocate_tensors()

        def call() -> object:
            interpreter.set_tensor(given, x)
            interpreter.invoke()
            return [interpreter.get_tensor(n) for n in wanted]

        return call

    def hidden(self, samples: Samples, _bank: int) -> dict[str, BoolArray]:
        """The tensors that the metadata name, from a second run that shows them."""
        bits = self._file.facts.get("bits")
        if not self._ours or not isinstance(bits, dict):
            return {}
        numbers = {tensor.name: n for n, tensor in enumerate(self._file.graph.tensors)}
        made = {n for operator in self._file.graph.operators for n in operator.outputs}
        told = {layer: numbers.get(str(name), -1) for layer, name in bits.items()}
        layers = {layer: n for layer, n in told.items() if n in made}
        tensors = self._run(list(layers.values()), samples)
        return {layer: tensor > 0 for layer, tensor in zip(layers, tensors, strict=True)}

    def _run(self, numbers: Sequence[int], samples: Samples) -> list[NDArray[Any]]:
        """Tensors by their numbers, each of shape (n, ...)."""
        if not numbers:
            return []
        x = samples.reshape(len(samples), *self.input.shape)
        parts: list[list[NDArray[Any]]] = []
        try:
            interpreter = self._interpreter(numbers)
            given = interpreter.get_input_details()[0]["index"]
            wanted = [detail["index"] for detail in interpreter.get_output_details()]
            for start in range(0, len(x), self._batch):
                part = x[start : start + self._batch]
                interpreter.resize_tensor_input(given, part.shape)
                interpreter.allocate_tensors()
                interpreter.set_tensor(given, part)
                interpreter.invoke()
                parts.append([interpreter.get_tensor(n) for n in wanted])
        except (RuntimeError, ValueError) as error:
            line = " ".join(str(error).split())[:300]
            raise self._refuse(f"LiteRT cannot run it: {line}") from error
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _interpreter(self, outputs: Sequence[int]) -> Any:
        """Of the checked graph with these tensors as outputs, on one thread."""
        from ai_edge_litert.interpreter import Interpreter

        from metabit.export.tflite.graph import dumps

        graph, inputs = self._file.graph, self._file.inputs
        written = dumps(graph, inputs, outputs, name="checked", description="", metadata={})
        return Interpreter(model_content=written, num_threads=1)

    def _logits_output(self) -> tuple[int, int]:
        """Number and width of the one output that holds a number per class."""
        tensors = self._file.graph.tensors
        wide = [n for n in self._file.outputs if len(tensors[n].shape) == 2]
        if len(wide) != 1:
            raise self._refuse("it has no single output of shape (batch, classes)")
        return wide[0], tensors[wide[0]].shape[1]

    def _refuse(self, why: str) -> FormatError:
        return FormatError(f"{self.where}: {why}", code="E-TFLITE")


def open_tflite(path: Path, _base: Path | None) -> TfliteArtefact:
    """A TFLite file, checked.

    Raises:
        InputError: a package is not installed, or the file cannot be read.
        FormatError, CorruptError: see `metabit.export.tflite.read.load`.
    """
    need("verify a TFLite file")
    from metabit.export.tflite.read import load

    return TfliteArtefact(str(path), load(path))
