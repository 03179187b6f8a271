"""The .mbit file, written and read: its small sections here, each larger one in `sections/`.

docs/FORMAT.md is its twin.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, InputError
from metabit.export import layout
from metabit.export.bits import level_row_bytes, pack_bits, pack_levels, unpack_levels
from metabit.export.layout import Section
from metabit.export.limits import check_limits, learn_problem
from metabit.export.probes import dump_probes, read_probes
from metabit.export.sections.cursor import Cursor
from metabit.export.sections.front import dump_front, front_problem, read_front
from metabit.export.sections.goal import dump_goal, goal_problem, read_goal
from metabit.export.sections.head import answers, dump_head, head_problem, read_head
from metabit.export.sections.network import NetworkShape, dump_network, read_network
from metabit.export.sections.tracker import (
    dump_tracker,
    read_tracker,
    tracker_answers,
    tracker_problem,
)
from metabit.export.shapes import LayerShape, default_names, layer_of, shape_of
from metabit.export.spec import (
    ConvLayer,
    FrontEnd,
    Golden,
    InputSpec,
    LearnState,
    Model,
    Norm,
    Threshold,
)
from metabit.files import write_whole
from metabit.plain_file import plain_bytes

_LEARN = struct.Struct("<IffffIII")  # bits, step, norm rate, error rate, rms rate, 0, 0, 0
_GOLDEN = struct.Struct("<II")  # samples, 0


# ---- writing ---------------------------------------------------------------------------------


def dumps(model: Model) -> bytes:
    """The bytes of a .mbit file.

    Raises:
        InputError: the model breaks a limit of the format; nothing is written.
    """
    check_limits(model)
    shapes = [shape_of(layer) for layer in model.layers]
    if model.head is not None:
        problem = head_problem(model.head, shapes, model.n_inputs)
        if problem:
            raise InputError(f"the head: {problem}", code="E-LIMIT")
    if model.tracker is not None:
        problem = tracker_problem(model.tracker, model.n_inputs, shapes, model.head)
        if problem:
            raise InputError(f"the tracking head: {problem}", code="E-LIMIT")
    if model.told is not None:
        problem = goal_problem(model.told)
        if problem:
            raise InputError(f"how it learns: {problem}", code="E-LIMIT")
    if model.front_end is not None:
        problem = front_problem(model.front_end, model.input)
        if problem:
            raise InputError(f"the front end: {problem}", code="E-LIMIT")
    sections = [
        (layout.NETWORK, True, dump_network(model)),
        (layout.WEIGHTS, True, b"".join(pack_bits(la.weights).tobytes() for la in model.layers)),
        (layout.THRESHOLDS, True, _threshold_bytes(model)),
        (layout.NORM, True, b"".join(_norm_bytes(norm) for norm in model.layers[-1].norms)),
    ]
    if model.learn is not None:
        sections.append((layout.LEARN, False, _learn_bytes(model, model.learn)))
    if model.head is not None:
        sections.append((layout.HEAD, False, dump_head(model.head)))
    if model.tracker is not None:
        sections.append((layout.TRACKER, False, dump_tracker(model.tracker)))
    if model.told is not None:
        sections.append((layout.GOAL, False, dump_goal(model.told)))
    if model.front_end is not None:
        sections.append((layout.FRONT, False, dump_front(model.front_end)))
    if model.golden is not None:
        sections.append((layout.GOLDEN, False, _golden_bytes(model.golden)))
    if model.probes is not None:
        sections.append((layout.PROBES, False, dump_probes(model.probes)))
    if model.meta:
        text = json.dumps(dict(model.meta), sort_keys=True, ensure_ascii=False, allow_nan=False)
        sections.append((layout.META, False, text.encode()))
    return layout.assemble(sections, minor=_minor_version(model))


def _minor_version(model: Model) -> int:
    """The lowest minor version whose readers understand all of the model."""
    if model.told is not None:
        return layout.MINOR_GOAL
    if model.tracker is not None:
        return layout.MINOR_TRACKER
    if model.head is not None and model.head.bonus is not None:
        return layout.MINOR_BONUS
    if model.is_untrained:
        return layout.MINOR_UNTRAINED
    if model.front_end is not None:
        return layout.MINOR_FRONT
    if model.head is not None:
        return layout.MINOR_HEAD
    convolves = any(isinstance(layer, ConvLayer) for layer in model.layers)
    return layout.MINOR_CONVOLUTIONS if convolves else 0


def save(model: Model, path: str | Path) -> int:
    """Write a .mbit file, whole or not at all; returns its size in bytes."""
    return write_whole(path, dumps(model))


def _threshold_bytes(model: Model) -> bytes:
    parts = []
    for bank in range(model.n_banks):
        for layer in model.layers[:-1]:
            threshold = layer.thresholds[bank]
            parts.append(threshold.value.astype("<i4").tobytes())
            parts.append(pack_bits(threshold.flip[None, :]).tobytes())
    return b"".join(parts)


def _norm_bytes(norm: Norm) -> bytes:
    columns = (norm.mean, norm.var, norm.gamma, norm.beta)
    return b"".join(column.astype("<f4").tobytes() for column in columns)


def _learn_bytes(model: Model, learn: LearnState) -> bytes:
    parts = [
        _LEARN.pack(
            learn.bits,
            learn.step_levels,
            learn.norm_rate,
            learn.error_rate,
            learn.rms_rate,
            0,
            0,
            0,
        )
    ]
    parts += [struct.pack("<ff", m, w_max) for m, w_max in zip(learn.m, learn.w_max, strict=True)]
    for bank in range(model.n_banks):
        parts += [_norm_bytes(layer.norms[bank]) for layer in model.layers[:-1]]
    parts += [pack_levels(levels, learn.bits).tobytes() for levels in learn.levels]
    return b"".join(parts)


def _golden_bytes(golden: Golden) -> bytes:
    head = _GOLDEN.pack(len(golden.inputs), 0)
    return head + golden.scores.astype("<i4").tobytes() + golden.inputs.tobytes()


# ---- reading ---------------------------------------------------------------------------------


def load(path: str | Path) -> Model:
    """Read a .mbit file.

    Raises:
        InputError: there is no such file.
        FormatError, CorruptError: it is not a .mbit file, or a damaged one.
    """
    return loads(read_bytes(path), where=str(path))


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a model file, or an InputError that says why there are none."""
    try:
        return plain_bytes(path)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; `metabit export` makes a .mbit file",
            code="E-READ",
        ) from error


def loads(data: bytes, where: str = "blob") -> Model:
    """Parse the bytes of a .mbit file, checking everything that they say.

    Args:
        data: the whole file.
        where: its name, for messages.

    Raises:
        FormatError, CorruptError: not a .mbit file, a newer one, or damaged; names the section.
    """
    found = {section.type: section for section in layout.sections(data, where)}
    payload = {kind: Cursor(data, section, where) for kind, section in found.items()}
    for kind in layout.REQUIRED:
        if kind not in found:
            raise CorruptError(f"{where}: section {kind} is missing", code="E-SECTION-MISSING")
    network = read_network(payload[layout.NETWORK], where)
    shapes = network.shapes
    weights = [payload[layout.WEIGHTS].packed_signs(s.n_out, s.n_in) for s in shapes]
    payload[layout.WEIGHTS].finish()
    thresholds = _read_thresholds(payload[layout.THRESHOLDS], network)
    norms: list[tuple[Norm, ...]] = [() for _ in shapes]
    norms[-1] = tuple(payload[layout.NORM].norm(shapes[-1].n_out) for _ in range(network.n_banks))
    payload[layout.NORM].finish()
    learn = None
    if layout.LEARN in payload:
        learn, hidden_norms = _read_learn(payload[layout.LEARN], network)
        norms[:-1] = hidden_norms
        _check_signs(learn, weights, where)
    head = None
    if layout.HEAD in payload:
        head = read_head(payload[layout.HEAD], network)
    tracker = None
    if layout.TRACKER in payload:
        tracker = read_tracker(payload[layout.TRACKER], network, head)
    goal = read_goal(payload[layout.GOAL]) if layout.GOAL in payload else None
    front_end = front_end_in(payload, network.input)
    golden = None
    if layout.GOLDEN in payload:
        golden = _read_golden(payload[layout.GOLDEN], network.input, shapes[-1].n_out)
    probes = None
    if layout.PROBES in payload:
        probes = read_probes(payload[layout.PROBES], network.input, shapes[-1].n_out)
    told = _read_meta(payload[layout.META]) if layout.META in payload else {}
    names = _layer_names(told, shapes)
    layers = tuple(map(layer_of, shapes, names, weights, thresholds, norms))
    return Model(
        network.input, layers, network.eps, learn, golden, told, head, front_end, probes, tracker,
        goal,
    )  # fmt: skip


def input_spec(data: bytes, where: str = "blob") -> InputSpec:
    """Only the input of a model, without unpacking its weights.

    Raises:
        FormatError, CorruptError: see `loads`; only the envelope and the network are read.
    """
    found = {section.type: section for section in layout.sections(data, where)}
    if layout.NETWORK not in found:
        raise CorruptError(
            f"{where}: section {layout.NETWORK} is missing", code="E-SECTION-MISSING"
        )
    return read_network(Cursor(data, found[layout.NETWORK], where), where).input


def front_end_of(data: bytes, where: str = "blob") -> FrontEnd | None:
    """Only the front end of a model, or None; errors as for `input_spec`."""
    found = {section.type: section for section in layout.sections(data, where)}
    payload = {kind: Cursor(data, section, where) for kind, section in found.items()}
    return front_end_in(payload, input_spec(data, where))


def head_that_answers(data: bytes, where: str = "blob") -> Literal["counting", "tracking"] | None:
    """Which head of a file answers in place of the last layer, if any; errors as for `input_spec`.

    A head that has learnt in place of the other one is packed last, and has the say.
    """
    found = {section.type: section for section in layout.sections(data, where)}
    if layout.TRACKER in found and tracker_answers(Cursor(data, found[layout.TRACKER], where)):
        return "tracking"
    if layout.HEAD in found and answers(Cursor(data, found[layout.HEAD], where)):
        return "counting"
    return None


def front_end_in(payload: Mapping[str, Cursor], spec: InputSpec) -> FrontEnd | None:
    """The front end of a file's sections, checked; None where there is none."""
    return read_front(payload[layout.FRONT], spec) if layout.FRONT in payload else None


def meta(data: bytes, where: str = "blob") -> dict[str, object]:
    """What a file says of itself, without unpacking its weights.

    Raises:
        FormatError, CorruptError: see `loads`; only the envelope and this section are read.
    """
    found = {section.type: section for section in layout.sections(data, where)}
    if layout.META not in found:
        return {}
    return _read_meta(Cursor(data, found[layout.META], where))


def _read_thresholds(reader: Cursor, network: NetworkShape) -> list[tuple[Threshold, ...]]:
    banks: list[list[Threshold]] = [[] for _ in network.shapes]
    for _ in range(network.n_banks):
        for index, shape in enumerate(network.shapes[:-1]):
            value = reader.array("<i4", shape.n_out).astype(np.int32)
            flip = reader.packed_signs(1, shape.n_out)[0] > 0
            banks[index].append(Threshold(value, flip))
    reader.finish()
    return [tuple(thresholds) for thresholds in banks]


def _read_learn(reader: Cursor, network: NetworkShape) -> tuple[LearnState, list[tuple[Norm, ...]]]:
    bits, step, norm_rate, error_rate, rms_rate, *reserved = reader.unpack(_LEARN)
    shapes = network.shapes
    pairs = reader.array("<f4", len(shapes), 2).astype(np.float64)
    problem = learn_problem(
        int(bits), float(step), (float(norm_rate), float(error_rate), float(rms_rate)), pairs
    )
    if problem or any(reserved):
        raise reader.corrupt(problem or "reserved fields are not zero")
    norms: list[list[Norm]] = [[] for _ in shapes[:-1]]
    for _ in range(network.n_banks):
        for index, shape in enumerate(shapes[:-1]):
            norms[index].append(reader.norm(shape.n_out))
    levels = []
    for shape in shapes:
        row_bytes = level_row_bytes(shape.n_in, int(bits))
        packed = reader.array("u1", shape.n_out, row_bytes).astype(np.uint8)
        levels.append(unpack_levels(packed, shape.n_in, int(bits)))
        if not np.array_equal(pack_levels(levels[-1], int(bits)), packed):
            raise reader.corrupt("padding bits are not zero")
    reader.finish()
    state = LearnState(
        bits=int(bits),
        levels=tuple(levels),
        m=tuple(float(m) for m in pairs[:, 0]),
        w_max=tuple(float(w) for w in pairs[:, 1]),
        step_levels=float(step),
        norm_rate=float(norm_rate),
        error_rate=float(error_rate),
        rms_rate=float(rms_rate),
    )
    return state, [tuple(banks) for banks in norms]


def _check_signs(learn: LearnState, weights: list[NDArray[np.int8]], where: str) -> None:
    for index, (levels, signs) in enumerate(zip(learn.levels, weights, strict=True)):
        if not np.array_equal(levels >= 0, signs > 0):
            raise CorruptError(
                f"{where}: layer {index}: hidden weights and binary weights disagree; "
                "export the model again",
                code="E-SIGN-MISMATCH",
            )


def _read_golden(reader: Cursor, spec: InputSpec, n_out: int) -> Golden:
    n, reserved = (int(v) for v in reader.unpack(_GOLDEN))
    if reserved != 0:
        raise reader.corrupt("a reserved field is not zero")
    scores = reader.array("<i4", n, n_out).astype(np.int32)
    raw = reader.array("i1" if spec.dtype == "int8" else "u1", n, spec.n_inputs)
    reader.finish()
    return Golden(raw.astype(np.int8) if spec.dtype == "int8" else raw.astype(np.uint8), scores)


def _read_meta(reader: Cursor) -> dict[str, object]:
    try:
        meta = json.loads(reader.rest().decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise reader.corrupt(f"not JSON ({error})") from error
    if not isinstance(meta, dict):
        raise reader.corrupt("not a JSON object")
    return meta


def _layer_names(meta: dict[str, object], shapes: Sequence[LayerShape]) -> list[str]:
    names = meta.get("layer_names")
    if isinstance(names, list) and len(names) == len(shapes):
        return [str(name) for name in names]
    return default_names(shapes)


def sections(data: bytes, where: str = "blob") -> list[Section]:
    """The section table of a .mbit file, checked."""
    return layout.sections(data, where)
