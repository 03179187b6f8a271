"""The section HEAD: a counting head and what it knows from home (docs/FORMAT.md)."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from metabit.errors import FormatError
from metabit.export.head_spec import MAX_CLASSES, MAX_FEATURES, CountingHead, HeadSource
from metabit.export.sections.cursor import Cursor
from metabit.export.sections.network import NetworkShape
from metabit.export.shapes import LayerShape
from metabit.export.spec import Float32Array, Int32Array

# kind, source, layer, units, folds, scores, classes, cap, every, still; ridge, prior, scale;
# samples in the products; limit of novelty; answers
_HEAD = struct.Struct("<10I3fIfI")
_COUNTING, _COUNTING_WITH_BONUS = 1, 2
_MOST_BONUS = 16
_SOURCES: tuple[HeadSource, ...] = ("inputs", "sums", "ones")


def dump_head(head: CountingHead) -> bytes:
    """The bytes of the section."""
    start = _HEAD.pack(
        _COUNTING if head.bonus is None else _COUNTING_WITH_BONUS,
        _SOURCES.index(head.source),
        head.layer,
        head.n_units,
        int(head.folds),
        head.n_scores,
        head.n_classes,
        head.cap,
        head.every,
        head.still,
        head.ridge,
        head.prior,
        head.scale,
        head.n_products,
        head.limit,
        int(head.answers),
    )
    bonus = b"" if head.bonus is None else head.bonus.astype("<f4").tobytes()
    affine = np.stack([head.centre, head.gain], axis=1).astype("<f4")
    tables = [head.counts.astype("<u2"), head.fed.astype("<u2")]
    tables += [head.means.astype("<i2"), head.weights.astype("<i2")]
    products = head.products.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]
    parts = [affine, *tables, products]
    return b"".join([start, bonus, *(part.tobytes() for part in parts)])


def read_head(cursor: Cursor, network: NetworkShape) -> CountingHead:
    """Read the section and check everything that it says.

    Raises:
        FormatError: a kind of head that this version does not know.
        CorruptError: a value is out of range, or the section too long or too short.
    """
    values = cursor.unpack(_HEAD)
    kind, source, layer, n_units, folds, n_scores, k, cap, every, still = map(int, values[:10])
    ridge, prior, scale = (float(v) for v in values[10:13])
    if kind not in (_COUNTING, _COUNTING_WITH_BONUS):
        raise FormatError(f"head kind {kind} is unknown; update metabit", code="E-HEAD-KIND")
    shapes, n_inputs = network.shapes, network.input.n_inputs
    name = _SOURCES[source] if source < len(_SOURCES) else None
    n_source = 0 if name is None else n_values(name, layer, shapes, n_inputs)
    problem = _choice_problem(n_source, n_units, n_scores, k, shapes[-1].n_out)
    if name is None or problem or folds > 1 or values[15] > 1:
        raise cursor.corrupt(problem or "an unknown source, or a choice that is neither 0 nor 1")
    n = n_units + n_scores
    bonus = None
    if kind == _COUNTING_WITH_BONUS:
        bonus = cursor.array("<f4", k).astype(np.float32)
    affine = cursor.array("<f4", n_source, 2).astype(np.float32)
    counts, fed = cursor.array("<u2", 2, k).astype(np.uint16)
    means = cursor.array("<i2", k, n).astype(np.int16)
    weights = cursor.array("<i2", k, n).astype(np.int16)
    packed = cursor.array("u1", n * (n + 1) // 2, 3).astype(np.int32)
    cursor.finish()
    products = signed_24(packed)
    head = CountingHead(
        name, layer, affine[:, 0].copy(), affine[:, 1].copy(), n_units, bool(folds), n_scores,
        counts, fed, means, weights, products, int(values[13]), scale, cap, every, still, ridge,
        prior, float(values[14]), bool(values[15]), bonus,
    )  # fmt: skip
    problem = head_problem(head, shapes, n_inputs)
    if problem:
        raise cursor.corrupt(problem)
    return head


def answers(cursor: Cursor) -> bool:
    """Only whether the head answers in place of the last layer."""
    return bool(cursor.unpack(_HEAD)[15])


def signed_24(packed: Int32Array) -> Int32Array:
    """Rows of three bytes, the lowest first, as integers of 24 bits."""
    value = packed[:, 0] | packed[:, 1] << 8 | packed[:, 2] << 16
    signed: Int32Array = ((value ^ 0x800000) - 0x800000).astype(np.int32)
    return signed


def n_values(source: HeadSource, layer: int, shapes: Sequence[LayerShape], n_inputs: int) -> int:
    """How many values the features are made of; 0 where there is no such source."""
    if source == "inputs":
        return n_inputs if layer == 0 else 0
    if layer + 1 >= len(shapes) or (shapes[layer].window is None) != (source == "sums"):
        return 0
    return shapes[layer].n_out


def _choice_problem(n_source: int, n_units: int, n_scores: int, k: int, n_out: int) -> str | None:
    if n_source == 0:
        return "its features come from a layer that does not have them"
    if not 1 <= n_units <= n_source or n_scores not in (0, n_out):
        return f"{n_units} features of {n_source} values, and {n_scores} of {n_out} scores"
    if n_units + n_scores > MAX_FEATURES:
        return f"{n_units + n_scores} features; up to {MAX_FEATURES} are possible"
    if not n_out <= k <= MAX_CLASSES:
        return f"{k} classes of a network of {n_out}; up to {MAX_CLASSES} are possible"
    return None


def head_problem(head: CountingHead, shapes: Sequence[LayerShape], n_inputs: int) -> str | None:
    """What breaks a limit of the format, or None."""
    n_source = n_values(head.source, head.layer, shapes, n_inputs)
    problem = _choice_problem(
        n_source, head.n_units, head.n_scores, head.n_classes, shapes[-1].n_out
    )
    if problem:
        return problem
    if len(head.centre) != n_source or len(head.gain) != n_source:
        return f"centres and gains of {len(head.centre)} values, there are {n_source}"
    if not (_within(head.centre, 2.0**25) and _within(head.gain, 2.0**20)):
        return "centres must lie in [-2**25, 2**25] and gains in [-2**20, 2**20]"
    if not (1 <= head.cap <= 65_535 and 1 <= head.every <= 65_536 and 0 <= head.still <= 65_536):
        return "cap must lie in [1, 65535], every in [1, 65536] and still in [0, 65536]"
    if not (np.float32(1e-6) <= head.ridge <= 1 and 0 <= head.prior <= 16):
        return "ridge must lie in [1e-6, 1] and prior in [0, 16]"
    if head.limit != 0 and not np.float32(1e-6) <= head.limit <= np.float32(1e12):
        return f"a limit of novelty of {head.limit}; 0, or from 1e-6 to 1e12, is possible"
    if not (2.0**-40 <= head.scale <= 1 and math.frexp(head.scale)[0] == 0.5):
        return f"scale {head.scale}; a power of two from 2**-40 to 1 is possible"
    if head.bonus is not None and not ((head.bonus >= 0) & (head.bonus <= _MOST_BONUS)).all():
        return f"a bonus outside 0 to {_MOST_BONUS}"
    return None


def _within(values: Float32Array, limit: float) -> bool:
    return bool(np.isfinite(values).all() and (np.abs(values) <= limit).all())
