"""An ONNX file, run by ONNX Runtime."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
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
    import onnx
    import onnxruntime

_BATCH = 256  # samples per call, so that memory does not grow with a data set
_BATCH_ELEMENTS = 1 << 26  # of the largest tensor, in one call
_SIGN = "/sign"  # how metabit calls the bits of a layer
#: ONNX Runtime rounds the float weights of a layer between DequantizeLinear and QuantizeLinear to
#: 8 bits when it loads a file, and so has other labels than the file.
_OTHER_WEIGHTS = ["WeightBiasQuantization"]
#: It also rounds what meets weights from DequantizeLinear to 8 bits, unless told to multiply in
#: float.
_FLOAT_PRODUCTS = ("session.qdq_matmulnbits_accuracy_level", "1")


class OnnxArtefact(Artefact):
    """A model in ONNX, of metabit or of others.

    A file of metabit gives scores and hidden bits. Of another one only labels are comparable.

    Args:
        where: the file.
        proto: its content, checked and whole.

    Raises:
        FormatError: its inputs or outputs are not as a classifier has them, or ONNX Runtime cannot
            run it.
    """

    def __init__(self, where: str, proto: onnx.ModelProto) -> None:
        import onnxruntime

        from metabit.export.onnx.read import largest_tensor

        self.where = where
        self._batch = min(_BATCH, _BATCH_ELEMENTS // max(1, largest_tensor(proto, where)))
        self.runner = f"ONNX Runtime {onnxruntime.__version__}"
        self._proto = proto
        self._session = self._start(proto)
        told = {entry.key: entry.value for entry in proto.metadata_props}
        self._ours = "metabit.style" in told
        inputs = self._session.get_inputs()
        if not inputs:
            raise self._refuse("it has no input")
        self._is_float = inputs[0].type == "tensor(float)"
        self._shape = tuple(inputs[0].shape[1:])
        fixed = inputs[0].shape[0] if inputs[0].shape else None
        self._fixed_batch = fixed if isinstance(fixed, int) else None
        self.tells_samples = self._ours
        self.input = self._input_spec(inputs[0], told)
        if len(inputs) != (2 if self._has_banks else 1):
            raise self._refuse(f"{len(inputs)} inputs; one is known, and `bank` of metabit's files")
        self.n_banks = int(_number(told, "metabit.n_banks", 1))
        if "metabit.bank" in told:
            self.only_bank = int(_number(told, "metabit.bank", 0))
        self._logits, self.n_outputs = self._logits_output()

    def outputs(self, samples: Samples, bank: int) -> Predictions:
        """Of ONNX Runtime, on one thread."""
        logits = self._run(self._session.run, [self._logits], samples, bank)[0]
        labels = _labels(logits)
        ours = self._ours and logits.dtype == np.float32
        return Predictions(labels, scores_from_logits(logits) if ours else None)

    def labels_of(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Labels for numbers as the graph takes them, shape (n, n_inputs)."""
        kind = np.float32 if self._is_float else self.input.dtype
        name = self._session.get_inputs()[0].name
        parts = self._parts(values.astype(kind))
        runs = [
            self._session.run([self._logits], {name: part.reshape(len(part), *self._shape)})[0]
            for part in parts
        ]
        return _labels(np.concatenate(runs)[: len(values)])

    def in_double(self, samples: Samples, bank: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Labels, and what they were chosen from, of the same graph computed in double.

        It runs in ONNX's reference evaluator, which is slow: for a few samples.

        Raises:
            FormatError: the evaluator cannot run the graph.
        """
        from metabit.compare.in_double import in_double
        from metabit.export.onnx.evaluator import evaluator

        try:
            run = evaluator(in_double(self._proto)).run
        except Exception as error:  # its exceptions have no common base
            raise self._refuse(f"it cannot be run in double: {_one_line(error)}") from error
        logits = self._run(run, [self._logits], samples, bank, np.float64)[0]
        return _labels(logits), logits.reshape(len(samples), -1)

    def caller(self, sample: Samples, bank: int) -> Callable[[], object]:
        """`InferenceSession.run` for all outputs."""
        feed = self._feed(sample, bank)
        return lambda: self._session.run(None, feed)

    def hidden(self, samples: Samples, bank: int) -> dict[str, BoolArray]:
        """The tensors that metabit calls "<layer>/sign", from a second run that shows them."""
        import onnx

        names = [n.output[0] for n in self._proto.graph.node if n.output[0].endswith(_SIGN)]
        if not self._ours or not names:
            return {}
        telling = onnx.ModelProto()
        telling.CopyFrom(self._proto)
        telling.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        tensors = self._run(self._start(telling).run, names, samples, bank)
        channels_last = [t.transpose(0, 2, 3, 1) if t.ndim == 4 else t for t in tensors]
        return {
            name.removesuffix(_SIGN): tensor > 0
            for name, tensor in zip(names, channels_last, strict=True)
        }

    @property
    def _has_banks(self) -> bool:
        return any(value.name == "bank" for value in self._session.get_inputs())

    def _start(self, proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # a refusal is told once, as an error of metabit
        options.add_session_config_entry(*_FLOAT_PRODUCTS)
        data, providers = proto.SerializeToString(), ["CPUExecutionProvider"]
        try:
            return onnxruntime.InferenceSession(
                data, options, providers=providers, disabled_optimizers=_OTHER_WEIGHTS
            )
        except Exception as error:  # its exceptions have no common base
            # Its optimisers break some graphs, such as quantised ones of opset 21 and newer.
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            with contextlib.suppress(Exception):
                session = onnxruntime.InferenceSession(data, options, providers=providers)
                self.runner = f"{self.runner.partition(',')[0]}, without its optimisers"
                return session
            raise self._refuse(f"ONNX Runtime does not take it: {_one_line(error)}") from error

    def _run(
        self, run: Callable[..., Any], names: list[str], samples: Samples, bank: int,
        kind: type[np.floating[Any]] = np.float32,
    ) -> list[NDArray[Any]]:  # fmt: skip
        try:
            runs = [run(names, self._feed(part, bank, kind)) for part in self._parts(samples)]
            return [np.concatenate(values)[: len(samples)] for values in zip(*runs, strict=True)]
        except Exception as error:
            raise self._refuse(f"ONNX Runtime cannot run it: {_one_line(error)}") from error

    def _parts(self, samples: Samples) -> list[Samples]:
        """Samples for one call each; where the file fixes the batch, the last is filled up."""
        batch = self._fixed_batch or self._batch
        if self._fixed_batch:
            rows = np.arange(-(-len(samples) // batch) * batch) % len(samples)
            samples = samples[rows]
        return [samples[i : i + batch] for i in range(0, max(1, len(samples)), batch)]

    def _feed(
        self, samples: Samples, bank: int, kind: type[np.floating[Any]] = np.float32
    ) -> dict[str, NDArray[Any]]:
        x: NDArray[Any] = samples
        if self._is_float:
            x = ((x.astype(np.float64) - self.input.zero_point) * self.input.scale).astype(kind)
        feed = {self._session.get_inputs()[0].name: x.reshape(len(samples), *self._shape)}
        if self._has_banks:
            feed["bank"] = np.array(bank, dtype=np.int64)
        return feed

    def _input_spec(self, value: Any, told: dict[str, str]) -> InputSpec:
        if value.type not in ("tensor(uint8)", "tensor(int8)", "tensor(float)"):
            raise self._refuse(f"its input is {value.type}; known are uint8, int8 and float")
        if not self._shape or not all(isinstance(n, int) and n > 0 for n in self._shape):
            raise self._refuse(f"its input has the shape {value.shape}: only the batch may be free")
        scale, zero = _number(told, "metabit.input_scale", 1.0), 0
        zero = int(_number(told, "metabit.input_zero_point", 0))
        dtype = told.get("metabit.input_dtype", "") if self._is_float else value.type[7:-1]
        return InputSpec("int8" if dtype == "int8" else "uint8", self._shape, scale, zero)

    def _logits_output(self) -> tuple[str, int]:
        """Name and width of the one output that holds a number per class.

        Width 0 for labels: of an ArgMax, or the best ones of a TopK, the first of them first.
        """
        widths = {
            value.name: math.prod(n if isinstance(n, int) else 0 for n in value.shape[1:])
            for value in self._session.get_outputs()
        }
        kinds = {value.name: value.type for value in self._session.get_outputs()}
        labels = [name for name, kind in kinds.items() if kind == "tensor(int64)"]
        wide = [name for name, width in widths.items() if width > 1 and name not in labels]
        if len(wide) == 1 and all(widths[name] == 1 for name in labels):
            return wide[0], widths[wide[0]]
        if len(labels) != 1:
            raise self._refuse("it has no single output of shape (batch, classes)")
        return labels[0], 0

    def _refuse(self, why: str) -> FormatError:
        return FormatError(f"{self.where}: {why}", code="E-ONNX")


def _labels(outputs: NDArray[Any]) -> NDArray[np.int64]:
    """Of a number per class, or of labels, shape (n, ...)."""
    rows = outputs.reshape(len(outputs), -1)
    return rows[:, 0] if rows.dtype == np.int64 else rows.argmax(axis=1).astype(np.int64)


def _number(told: dict[str, str], key: str, default: float) -> float:
    """A number of the metadata; what is none counts as not told."""
    try:
        value = json.loads(told.get(key, ""))
    except ValueError:
        return default
    return value if isinstance(value, int | float) and abs(value) < 1e30 else default


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def open_onnx(path: Path, _base: Path | None) -> OnnxArtefact:
    """An ONNX file, checked.

    Raises:
        InputError: onnx or ONNX Runtime is not installed.
        FormatError, CorruptError: see `metabit.export.onnx.read.load`.
    """
    need("verify an ONNX file")
    from metabit.export.onnx.read import load

    return OnnxArtefact(str(path), load(path))
