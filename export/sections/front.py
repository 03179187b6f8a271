"""The section FRNT: a front end (docs/FORMAT.md)."""

from __future__ import annotations

import struct

import numpy as np

from metabit.export.sections.cursor import Cursor
from metabit.export.spec import FrontEnd, InputSpec
from metabit.trainer.frontend.front_end import LOGS, MAX_BANDS, MAX_CHANNELS, STATISTICS, Operations

_FRONT = struct.Struct("<8I")  # channels, length, hop, statistics, bands, log, stack, zero
_CHANNEL = np.dtype([("offset", "<i4"), ("multiplier", "<u2"), ("shift", "<u2"), ("unit", "<f4")])
_SCALE = np.dtype([("centre", "<i4"), ("gain", "<u2"), ("shift", "<u2")])


def dump_front(front_end: FrontEnd) -> bytes:
    """The bytes of the section."""
    does = front_end.does
    mask = sum(1 << i for i, name in enumerate(STATISTICS) if name in does.statistics)
    start = _FRONT.pack(
        does.n_channels, does.length, does.hop, mask, does.n_bands, LOGS.index(does.log),
        does.stack, 0,
    )  # fmt: skip
    channels = np.zeros(does.n_channels, _CHANNEL)
    channels["offset"], channels["multiplier"] = front_end.offset, front_end.multiplier
    channels["shift"], channels["unit"] = front_end.shift, front_end.unit
    scales = np.zeros(does.n_features, _SCALE)
    scales["centre"], scales["gain"] = front_end.centre, front_end.gain
    scales["shift"] = front_end.gain_shift
    edges = np.zeros(-(-len(does.edges) // 2) * 2, "<u2")
    edges[: len(does.edges)] = does.edges
    return b"".join([start, channels.tobytes(), edges.tobytes(), scales.tobytes()])


def read_front(cursor: Cursor, spec: InputSpec) -> FrontEnd:
    """Read the section and check everything that it says.

    Raises:
        CorruptError: a value is out of range, or the section too long or too short.
    """
    n_channels, length, hop, mask, n_bands, log, stack, zero = map(int, cursor.unpack(_FRONT))
    if zero or mask >> len(STATISTICS) or log >= len(LOGS):
        raise cursor.corrupt("unknown statistics or logarithms, or a reserved field is not zero")
    if n_channels > MAX_CHANNELS or n_bands > MAX_BANDS:
        raise cursor.corrupt(f"{n_channels} channels and {n_bands} bands")
    channels = cursor.array("u1", n_channels, _CHANNEL.itemsize).view(_CHANNEL)[:, 0]
    n_edges = n_bands + 1 if n_bands else 0
    filled = cursor.array("<u2", -(-n_edges // 2) * 2)
    if filled[n_edges:].any():
        raise cursor.corrupt("what fills the edges up is not zero")
    statistics = tuple(name for i, name in enumerate(STATISTICS) if mask >> i & 1)
    edges = tuple(int(edge) for edge in filled[:n_edges])
    does = Operations(n_channels, length, hop, statistics, edges, LOGS[log], stack)
    problem = does.problem()
    if problem:
        raise cursor.corrupt(problem)
    scales = cursor.array("u1", does.n_features, _SCALE.itemsize).view(_SCALE)[:, 0]
    cursor.finish()
    front_end = FrontEnd(
        does,
        channels["offset"].astype(np.int32),
        channels["multiplier"].astype(np.int32),
        channels["shift"].astype(np.int32),
        channels["unit"].astype(np.float32),
        scales["centre"].astype(np.int32),
        scales["gain"].astype(np.int32),
        scales["shift"].astype(np.int32),
    )
    problem = front_problem(front_end, spec)
    if problem:
        raise cursor.corrupt(problem)
    return front_end


def front_problem(front_end: FrontEnd, spec: InputSpec) -> str | None:
    """What breaks a limit of the format, or None."""
    problem = front_end.problem()
    if problem:
        return problem
    if spec.n_inputs != front_end.does.n_inputs:
        return f"it makes {front_end.does.n_inputs} values, the network reads {spec.n_inputs}"
    if spec.dtype != "int8" or spec.zero_point != 0:
        return "the network must read int8 with zero point 0"
    return None
