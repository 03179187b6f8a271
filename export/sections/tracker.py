"""The section TRCK: a tracking head that has learnt (docs/FORMAT.md)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from metabit.export.head_spec import MAX_CLASSES, CountingHead, HeadSource, TrackingHead
from metabit.export.sections.cursor import Cursor
from metabit.export.sections.network import NetworkShape
from metabit.export.shapes import LayerShape
from metabit.export.spec import Float32Array

#: With more inputs than this there are no hidden units, and what does not fit the tables is seen as
#: the first layer sees it.
TRACKED_INPUTS = 64
MAX_UNITS = 64
TABLE_VALUES, LEAST_VALUES, MOST_VALUES = 1400, 32, 128
_MOST_VALUE = 2.0**34

_START = struct.Struct("<III")  # hidden units, classes, answers
KEPT = struct.Struct("<II")  # counter of the rounding of weights, samples measured


def what_is_tracked(
    n_inputs: int, shapes: Sequence[LayerShape], n_classes: int
) -> tuple[HeadSource, int, int, int]:
    """What a tracking head sees of a network: source, layer, values there, values that it sees."""
    few = n_inputs <= TRACKED_INPUTS
    most = n_inputs if few else min(max(TABLE_VALUES // n_classes, LEAST_VALUES), MOST_VALUES)
    source: HeadSource = "inputs"
    layer, n_source = 0, n_inputs
    if n_inputs > most and len(shapes) > 1:
        dense = [i for i, shape in enumerate(shapes[:-1]) if shape.window is None]
        source, layer = ("sums", dense[0]) if dense else ("ones", len(shapes) - 2)
        n_source = shapes[layer].n_out
    return source, layer, n_source, min(n_source, most)


def sizes(d: int, k: int, h: int) -> tuple[int, int]:
    """How many floats and weights a head keeps of d values, k classes and h hidden units."""
    n = 2 * d + 1
    return 4 + 2 * (d + k + k * d), h * n + 2 * k * (n + h)


def dump_tracker(head: TrackingHead) -> bytes:
    """The bytes of the section."""
    start = _START.pack(head.n_units, head.n_classes, int(head.answers))
    kept = KEPT.pack(head.dither, head.n_measured)
    return start + kept + head.values.astype("<f4").tobytes() + head.weights.astype("<i2").tobytes()


def read_tracker(cursor: Cursor, network: NetworkShape, head: CountingHead | None) -> TrackingHead:
    """Read the section and check everything that it says.

    Args:
        cursor: at its start.
        network: what the file holds.
        head: the counting head of the file, which has the same classes.

    Raises:
        CorruptError: a value is out of range, or the section too long or too short.
    """
    n_units, n_classes, answers = map(int, cursor.unpack(_START))
    if not _has_its_classes(n_classes, head, network.shapes[-1].n_out):
        raise cursor.corrupt(f"{n_classes} classes, where the file has others")
    *_, d = what_is_tracked(network.input.n_inputs, network.shapes, n_classes)
    if answers > 1 or n_units > MAX_UNITS:
        raise cursor.corrupt("a number of hidden units, or a choice that is neither 0 nor 1")
    dither, n_measured = map(int, cursor.unpack(KEPT))
    n_floats, n_weights = sizes(d, n_classes, n_units)
    values = cursor.array("<f4", n_floats).astype(np.float32)
    weights = cursor.array("<i2", n_weights).astype(np.int16)
    cursor.finish()
    tracker = TrackingHead(n_units, n_classes, dither, n_measured, values, weights, bool(answers))
    problem = tracker_problem(tracker, network.input.n_inputs, network.shapes, head)
    if problem:
        raise cursor.corrupt(problem)
    return tracker


def tracker_answers(cursor: Cursor) -> bool:
    """Only whether the head answers in place of the last layer."""
    return bool(cursor.unpack(_START)[2])


def _has_its_classes(k: int, head: CountingHead | None, n_outputs: int) -> bool:
    if head is not None:
        return k == head.n_classes
    return k == n_outputs or n_outputs < k <= MAX_CLASSES


def tracker_problem(
    tracker: TrackingHead, n_inputs: int, shapes: Sequence[LayerShape], head: CountingHead | None
) -> str | None:
    """What breaks a limit of the format, or None."""
    k = tracker.n_classes
    if not _has_its_classes(k, head, shapes[-1].n_out):
        return f"{k} classes, where the network and its other head have others"
    *_, d = what_is_tracked(n_inputs, shapes, k)
    most = 0 if n_inputs > TRACKED_INPUTS else MAX_UNITS
    if not 0 <= tracker.n_units <= most:
        return f"{tracker.n_units} hidden units; up to {most} are possible"
    if (len(tracker.values), len(tracker.weights)) != sizes(d, k, tracker.n_units):
        return f"values and weights do not fit {d} values and {k} classes"
    low, high = bounds(d, k)
    if not bool(((tracker.values >= low) & (tracker.values <= high)).all()):
        return "a value of its tracking head is out of range"
    return None


def bounds(d: int, k: int) -> tuple[Float32Array, Float32Array]:
    """The least and the largest of each value of a head of d values and k classes. Within them all
    arithmetic is finite, and every conversion to an integer fits."""
    parts = [
        (4, 0.0, 2.0), (d, -_MOST_VALUE, _MOST_VALUE), (d, 0.0, _MOST_VALUE), (k, 0.0, 1024.0),
        (k, 0.0, 1.0), (k * d, -4.0, 4.0), (k * d, 0.0, 128.0),
    ]  # fmt: skip
    counts = [count for count, *_ in parts]
    low = np.repeat(np.array([low for _, low, _ in parts], dtype=np.float32), counts)
    high = np.repeat(np.array([high for *_, high in parts], dtype=np.float32), counts)
    return low, high
