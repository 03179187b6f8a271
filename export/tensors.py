"""A packed model as a .safetensors file, by names that PyTorch and NumPy users know, and back.

Tensors of a layer called fc1: ``fc1.weight`` (int8, -1 and +1; a convolution's is channel, kernel
row, kernel column, input channel), ``fc1.hidden`` (float32, the hidden weights that learning
continues from), ``fc1.threshold`` (int32) and ``fc1.flip`` (bool) of hidden layers, ``fc1.mean``,
``.var``, ``.gamma`` and ``.beta`` (float32); all but the weights have a row a bank. Golden samples
are ``golden.inputs`` and ``golden.scores``. The rest is JSON in the metadata, under ``metabit``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from metabit.errors import CorruptError, FormatError, InputError, MetabitError, reason
from metabit.export import container
from metabit.export.levels import dequantize_hidden, quantize_hidden
from metabit.export.shapes import LayerShape, layer_of, layers_problem, shape_of
from metabit.export.spec import (
    MAX_BANKS,
    MAX_LAYERS,
    Golden,
    InputSpec,
    Layer,
    LearnState,
    Model,
    Norm,
    Threshold,
)
from metabit.export.window import Window

FORMAT = "metabit/safetensors/1"
_NORM = ("mean", "var", "gamma", "beta")
_LEARN = ("bits", "m", "w_max", "step_levels", "norm_rate", "error_rate", "rms_rate")

Array = NDArray[Any]


def dumps(model: Model) -> bytes:
    """The bytes of a .safetensors file."""
    tensors: dict[str, Array] = {}
    for index, layer in enumerate(model.layers):
        name = layer.name
        rows = _rows(shape_of(layer))
        tensors[f"{name}.weight"] = layer.weights.reshape(rows)
        if model.learn is not None:
            learn = model.learn
            hidden = dequantize_hidden(learn.levels[index], learn.w_max[index], learn.bits)
            tensors[f"{name}.hidden"] = hidden.reshape(rows)
        if layer.thresholds:
            tensors[f"{name}.threshold"] = np.stack([t.value for t in layer.thresholds])
            tensors[f"{name}.flip"] = np.stack([t.flip for t in layer.thresholds])
        for column in _NORM if layer.norms else ():
            tensors[f"{name}.{column}"] = np.stack([getattr(norm, column) for norm in layer.norms])
    if model.golden is not None:
        tensors["golden.inputs"], tensors["golden.scores"] = vars(model.golden).values()
    network = {
        "format": FORMAT,
        "input": asdict(model.input),
        "eps": model.eps,
        "n_banks": model.n_banks,
        "layers": [{"name": la.name} | asdict(shape_of(la)) for la in model.layers],
        "learn": model.learn and {key: getattr(model.learn, key) for key in _LEARN},
        "meta": dict(model.meta),
    }
    whole = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    return save(whole, metadata={"metabit": json.dumps(network, sort_keys=True)})


def load(path: str | Path) -> Model:
    """Read what `dumps` made.

    Raises:
        InputError: there is no such file.
        FormatError: not a .safetensors file of metabit.
        CorruptError: damaged, or its tensors do not make a model.
    """
    where = str(path)
    if not Path(path).is_file():
        raise InputError(f"cannot read {where}: no such file", code="E-READ")
    try:
        Path(path).open("rb").close()  # its own reader says of each failure that there is no file
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("metabit")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"cannot read {where}: {reason(error)}", code="E-READ") from error
    except (SafetensorError, ValueError, TypeError) as error:
        raise _corrupt(where, f"not a .safetensors file, or a damaged one ({error})") from error
    if text is None:
        raise FormatError(
            f"{where}: has no metadata of metabit; `metabit export --to safetensors` writes them",
            code="E-SAFETENSORS",
        )
    try:
        model = _model(json.loads(text), tensors)
        return container.loads(container.dumps(model), where)  # every limit and every bit checked
    except MetabitError as error:
        raise _corrupt(where, str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _corrupt(where, f"its description makes no sense ({error!r})") from error


def _model(network: dict[str, Any], tensors: dict[str, Array]) -> Model:
    if network["format"] != FORMAT:
        raise ValueError(f"format {network['format']}")
    told = network["input"]
    shape = tuple(int(n) for n in told["shape"])
    if told["dtype"] not in ("uint8", "int8") or not 1 <= len(shape) <= 4:
        raise ValueError("its input")
    spec = InputSpec(told["dtype"], shape, float(told["scale"]), int(told["zero_point"]))
    n_banks, entries = int(network["n_banks"]), network["layers"]
    if not 1 <= n_banks <= MAX_BANKS or not 1 <= len(entries) <= MAX_LAYERS:
        raise ValueError("the number of banks or layers")
    shapes = [_shape(entry) for entry in entries]
    problem = layers_problem(spec.shape, shapes)
    if problem:
        raise ValueError(problem)
    taken = _Taken(tensors)
    names = [str(entry["name"]) for entry in entries]
    learn = None if network["learn"] is None else _learn(network["learn"], names, shapes, taken)
    layers = []
    for index, (name, layer_shape) in enumerate(zip(names, shapes, strict=True)):
        last = index + 1 == len(shapes)
        layers.append(_layer(name, layer_shape, n_banks, last or learn is not None, last, taken))
    golden = None
    if "golden.inputs" in tensors:
        n = len(tensors["golden.inputs"])
        golden = Golden(
            taken.array("golden.inputs", spec.dtype, n, spec.n_inputs),
            taken.array("golden.scores", "int32", n, shapes[-1].n_out),
        )
    taken.finish()
    meta = dict(network["meta"]) | {"layer_names": names}
    return Model(spec, tuple(layers), float(network["eps"]), learn, golden, meta)


def _shape(entry: dict[str, Any]) -> LayerShape:
    told = entry["window"]
    n_out, n_in = int(entry["n_out"]), int(entry["n_in"])
    if told is None:
        return LayerShape(n_out, n_in)
    rows, columns, channels = (int(n) for n in told["in_shape"])
    if told["padding"] not in ("one", "valid"):
        raise ValueError("a padding")
    kernel, stride, pool = (int(told[key]) for key in ("kernel_size", "stride", "pool"))
    window = Window((rows, columns, channels), kernel, stride, told["padding"], pool)
    return LayerShape(n_out, n_in, window)


class _Taken:
    """Tensors, each taken once, with the type and shape that it must have."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self._left = dict(tensors)

    def array(self, name: str, dtype: str, *shape: int) -> Any:
        """One tensor."""
        values = self._left.pop(name)
        if values.dtype != np.dtype(dtype) or values.shape != shape:
            raise ValueError(f"{name} is {values.dtype} {values.shape}, expected {dtype} {shape}")
        return values

    def finish(self) -> None:
        """Refuse tensors that belong to nothing."""
        if self._left:
            raise ValueError(f"tensors that belong to no layer: {', '.join(sorted(self._left))}")


def _rows(shape: LayerShape) -> tuple[int, ...]:
    """Shape of the weights in the file."""
    if shape.window is None:
        return shape.n_out, shape.n_in
    k = shape.window.kernel_size
    return shape.n_out, k, k, shape.window.in_shape[2]


def _layer(
    name: str, shape: LayerShape, n_banks: int, has_norms: bool, last: bool, taken: _Taken
) -> Layer:
    weights = taken.array(f"{name}.weight", "int8", *_rows(shape)).reshape(shape.n_out, shape.n_in)
    if not np.all(np.abs(weights) == 1):
        raise ValueError(f"{name}.weight holds other numbers than -1 and +1")
    thresholds: tuple[Threshold, ...] = ()
    if not last:
        value = taken.array(f"{name}.threshold", "int32", n_banks, shape.n_out)
        flip = taken.array(f"{name}.flip", "bool", n_banks, shape.n_out)
        thresholds = tuple(Threshold(v, f) for v, f in zip(value, flip, strict=True))
    norms: tuple[Norm, ...] = ()
    if has_norms:
        columns = [taken.array(f"{name}.{c}", "float32", n_banks, shape.n_out) for c in _NORM]
        norms = tuple(Norm(*rows) for rows in zip(*columns, strict=True))
    return layer_of(shape, name, weights, thresholds, norms)


def _learn(
    told: dict[str, Any], names: list[str], shapes: list[LayerShape], taken: _Taken
) -> LearnState:
    bits = int(told["bits"])
    w_max = tuple(float(w) for w in told["w_max"])
    hidden = [
        taken.array(f"{name}.hidden", "float32", *_rows(shape)).reshape(shape.n_out, shape.n_in)
        for name, shape in zip(names, shapes, strict=True)
    ]
    levels = tuple(quantize_hidden(h, w, bits) for h, w in zip(hidden, w_max, strict=True))
    m = tuple(float(value) for value in told["m"])
    if len(m) != len(names):
        raise ValueError("m is not one number per layer")
    rates = {key: float(told[key]) for key in _LEARN[3:]}
    return LearnState(bits, levels, m, w_max, **rates)


def _corrupt(where: str, what: str) -> CorruptError:
    return CorruptError(f"{where}: {what}", code="E-SAFETENSORS")
