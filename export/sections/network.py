"""The section NETW: what the network is (docs/FORMAT.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metabit.errors import FormatError
from metabit.export.limits import network_problem
from metabit.export.sections.cursor import Cursor
from metabit.export.shapes import LayerShape, maps_of, shape_of
from metabit.export.spec import InputSpec, Model
from metabit.export.window import Padding, Window

# layers, banks, signed, zero, scale, eps, dims, shape, untrained
_NETWORK = struct.Struct("<IIIiffI4II")
_LAYER = struct.Struct("<III4B")  # kind, n_in, n_out; kernel side, stride, pool, padding

_DENSE, _CONVOLUTION = 1, 2
_PADDINGS: tuple[Padding, ...] = ("valid", "one")


@dataclass(frozen=True)
class NetworkShape:
    """A network without its numbers."""

    input: InputSpec
    eps: float
    n_banks: int
    shapes: tuple[LayerShape, ...]


def dump_network(model: Model) -> bytes:
    """The bytes of the section."""
    spec = model.input
    shape = (*spec.shape, *(1,) * (4 - len(spec.shape)))
    head = _NETWORK.pack(
        len(model.layers), model.n_banks, int(spec.dtype == "int8"), spec.zero_point,
        spec.scale, model.eps, len(spec.shape), *shape, int(model.is_untrained),
    )  # fmt: skip
    return head + b"".join(_record(shape_of(layer)) for layer in model.layers)


def _record(shape: LayerShape) -> bytes:
    window = shape.window
    if window is None:
        return _LAYER.pack(_DENSE, shape.n_in, shape.n_out, 0, 0, 0, 0)
    padding = _PADDINGS.index(window.padding)
    geometry = (window.kernel_size, window.stride, window.pool, padding)
    return _LAYER.pack(_CONVOLUTION, shape.n_in, shape.n_out, *geometry)


def read_network(cursor: Cursor, where: str) -> NetworkShape:
    """Read the section and check everything that it says.

    Raises:
        FormatError: a kind of layer that this version does not know.
        CorruptError: a value out of range, layers that do not fit after each other.
    """
    values = cursor.unpack(_NETWORK)
    n_layers, n_banks, signed, zero_point, n_dims = (int(values[i]) for i in (0, 1, 2, 3, 6))
    scale, eps = float(values[4]), float(values[5])
    shape = tuple(int(v) for v in values[7:11])
    if not 1 <= n_dims <= 4 or any(n != 1 for n in shape[n_dims:]) or values[11] > 1 or signed > 1:
        raise cursor.corrupt("the input shape or type is wrong")
    records = [tuple(int(v) for v in cursor.unpack(_LAYER)) for _ in range(min(n_layers, 33))]
    cursor.finish()
    spec = InputSpec("int8" if signed else "uint8", shape[:n_dims], scale, zero_point)
    shapes: list[LayerShape] = []
    before = spec.shape
    for record in records:
        shape_here = _shape(record, before, where)
        problem = shape_here.problem(before)
        if problem:  # the shapes after it mean nothing
            raise cursor.corrupt(f"layer {len(shapes)}: {problem}")
        shapes.append(shape_here)
        before = shape_here.out_shape
    problem = network_problem(spec, eps, n_banks, shapes)
    if problem:
        raise cursor.corrupt(problem)
    return NetworkShape(spec, eps, n_banks, tuple(shapes))


def _shape(record: tuple[int, ...], before: tuple[int, ...], where: str) -> LayerShape:
    kind, n_in, n_out, *geometry = record
    kernel_size, stride, pool, padding = geometry
    if kind == _DENSE and not any(geometry):
        return LayerShape(n_out, n_in)
    if kind == _CONVOLUTION and padding < len(_PADDINGS):
        maps = maps_of(before) or (0, 0, 0)  # no maps: refused with the shape that is there
        window = Window(maps, kernel_size, stride, _PADDINGS[padding], pool)
        return LayerShape(n_out, n_in, window)
    raise FormatError(
        f"{where}: layer kind {kind} is unknown to this version; update metabit",
        code="E-LAYER-KIND",
    )
