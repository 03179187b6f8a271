"""Probes: a few labelled samples that travel in the file and are never learnt from.

A guard asks them whether what a device has learnt has done harm. They are kept at two bits per
value, because only a change of their answers matters: on HAPT the network is right on 92 % of them
where it is right on 95 % of the samples that they are made from.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.export.sections.cursor import Cursor
from metabit.export.spec import InputSpec, Model, Probes

N_DEFAULT = 200
MOST_BYTES = 16 * 1024
"""Of the section, where the number of probes is not asked for."""
LEAST = 30
"""Fewer than this many say too little, and none are kept."""
MOST = 4096

_HEAD = struct.Struct("<II")  # probes, zero


def with_probes(
    model: Model,
    x: NDArray[np.generic],
    y: NDArray[np.generic],
    n: int | None = None,
    seed: int = 1,
) -> Model:
    """The model with probes that are drawn from these samples, about as many of every class.

    Args:
        model: a packed model.
        x: shape (n, n_inputs), the input's dtype: samples that nothing was trained on. Of samples
            that it was trained on, a network remains sure for long.
        y: shape (n,), labels of the network's classes.
        n: how many; None for up to 200 that fit 16 KiB. 0, or None where fewer than 30 fit, for
            none.
        seed: of the draw.

    Raises:
        InputError: fewer samples than probes (E-PROBES).
    """
    limit = (MOST_BYTES - _HEAD.size - 2 * model.n_inputs) // (2 + _row_bytes(model.n_inputs))
    wanted = min(N_DEFAULT, limit, len(x)) if n is None else n
    if n is not None and not 0 <= n <= min(len(x), MOST):
        raise InputError(
            f"{n} probes of {len(x)} samples: choose at most {min(len(x), MOST)}", code="E-PROBES"
        )
    if wanted < (LEAST if n is None else 1):
        return replace(model, probes=None)
    which = _balanced(y, wanted, seed)
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    middle = np.rint(mean).astype(x.dtype)
    step = np.clip(np.rint(deviation / 2), 0, 255).astype(np.uint8)
    away = (x[which].astype(np.float64) - mean) / np.maximum(step, 1)
    codes = np.clip(np.floor(away / 2) + 2, 0, 3).astype(np.uint8)
    return replace(model, probes=Probes(middle, step, codes, y[which].astype(np.uint16)))


def _balanced(y: NDArray[np.generic], n: int, seed: int) -> NDArray[np.int64]:
    """Indices of n samples: the first of every class, then the second, in a random order."""
    order = np.random.default_rng(seed).permutation(len(y))
    rank = np.zeros(len(y), np.int64)
    for label in np.unique(y):
        of_class = order[y[order] == label]
        rank[of_class] = np.arange(len(of_class))
    chosen: NDArray[np.int64] = order[np.argsort(rank[order], kind="stable")][:n]
    return chosen


def probe_inputs(probes: Probes, spec: InputSpec) -> NDArray[np.uint8] | NDArray[np.int8]:
    """The probes as samples, shape (n, n_inputs), the input's dtype."""
    low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
    away = (2 * probes.codes.astype(np.int32) - 3) * probes.step
    values = np.clip(probes.middle.astype(np.int32) + away, low, high)
    return values.astype(np.int8) if spec.dtype == "int8" else values.astype(np.uint8)


# ---- the section -------------------------------------------------------------------------------


def _row_bytes(n_inputs: int) -> int:
    return -(-n_inputs // 4)


def dump_probes(probes: Probes) -> bytes:
    """The bytes of the section `PROB`."""
    n, n_inputs = probes.codes.shape
    padded = np.zeros((n, 4 * _row_bytes(n_inputs)), np.uint8)
    padded[:, :n_inputs] = probes.codes
    four = padded.reshape(n, -1, 4)
    packed = four[:, :, 0] | four[:, :, 1] << 2 | four[:, :, 2] << 4 | four[:, :, 3] << 6
    tables = (probes.middle, probes.step, probes.labels.astype("<u2"), packed.astype(np.uint8))
    return _HEAD.pack(n, 0) + b"".join(table.tobytes() for table in tables)


def read_probes(cursor: Cursor, spec: InputSpec, n_outputs: int) -> Probes:
    """Read the section and check everything that it says.

    Raises:
        CorruptError: a value is out of range, or the section too long or too short.
    """
    n, zero = map(int, cursor.unpack(_HEAD))
    if not 1 <= n <= MOST or zero:
        raise cursor.corrupt(f"{n} probes, 1 to {MOST} are possible, or a reserved field is not 0")
    middle = cursor.array("i1" if spec.dtype == "int8" else "u1", spec.n_inputs)
    step = cursor.array("u1", spec.n_inputs).astype(np.uint8)
    labels = cursor.array("<u2", n).astype(np.uint16)
    packed = cursor.array("u1", n, _row_bytes(spec.n_inputs)).astype(np.uint8)
    cursor.finish()
    codes = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], axis=2).reshape(n, -1)
    if labels.max() >= n_outputs or codes[:, spec.n_inputs :].any():
        raise cursor.corrupt("a label is not one of the classes, or padding bits are not zero")
    return Probes(middle, step, codes[:, : spec.n_inputs].astype(np.uint8), labels)
