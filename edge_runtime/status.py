"""Counters and gauges of an engine that learns."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metabit.edge_runtime import _native


@dataclass(frozen=True)
class Status:
    """Counters and gauges of a learning engine.

    Attributes:
        n_steps: samples that came since export, learnt or not.
        n_learnt: of these, samples that layers learnt; the others had nothing to say, or their
            label had come too often. 0 where a head learns.
        n_weights: weights that learn.
        n_consolidated: how many of them take less than 2 % of a shrinking step.
        last_writes: hidden weights changed by the last step.
        last_flips: of these, how many changed their sign.
        plasticity_left: share of a shrinking step that the weights still take, on average (the mean
            of f_meta); 1 where none learns.
        layer_plasticity: the same by layer, the lowest layer that learns first.
        layer_at_end: share of weights at the end of their range, likewise.
        accuracy: prequential accuracy: share of samples predicted right before they were learnt, of
            the last 512 or so; None before the first.
        class_accuracy: the same by class, of its last 32 samples or so; None for a class of which
            no sample has come. Empty where nothing learns.
        n_drifts: how often the test of Page and Hinkley has found that errors rise.
        is_drifting: whether the last of these is less than 512 samples ago.
        n_contexts: contexts that are open; 0 where there is room for one network only. With
            contexts, `n_steps` and `n_learnt` count samples of all; everything else is said of the
            context that learns.
        context: which of them learns, from 0.
        n_waited: samples that came while it was not clear whether they are something else, and
            were not learnt.
    """

    n_steps: int
    n_learnt: int
    n_weights: int
    n_consolidated: int
    last_writes: int
    last_flips: int
    plasticity_left: float
    layer_plasticity: tuple[float, ...]
    layer_at_end: tuple[float, ...]
    accuracy: float | None
    class_accuracy: tuple[float | None, ...]
    n_drifts: int
    is_drifting: bool
    n_contexts: int = 0
    context: int = 0
    n_waited: int = 0


def read_status(handle: ctypes.c_void_p, n_classes: int, learns: bool, where: str) -> Status:
    """The status of an open model; walks all hidden weights once.

    Args:
        handle: the `mb_model`.
        n_classes: labels that it gives.
        learns: whether anything of it does.
        where: its name, for messages.
    """
    lib, raw = _native.library(), _native.NativeStatus()
    _native.check(lib.mb_get_status(handle, ctypes.byref(raw)), where)
    recalls = np.empty(n_classes if learns else 0, dtype=np.uint16)
    if learns:
        _native.check(lib.mb_get_recalls(handle, recalls.ctypes.data), where)
    return status_of(raw, recalls.tolist())


def status_of(raw: _native.NativeStatus, recalls: Sequence[int]) -> Status:
    """A status as the C core gives it.

    Args:
        raw: of `mb_get_status`.
        recalls: of `mb_get_recalls`.
    """
    layers = slice(raw.learn_layers)
    return Status(
        n_steps=raw.n_steps,
        n_learnt=raw.n_learnt,
        n_weights=raw.n_weights,
        n_consolidated=raw.n_consolidated,
        last_writes=raw.last_writes,
        last_flips=raw.last_flips,
        plasticity_left=_share(raw.plasticity) if raw.n_weights else 1.0,
        layer_plasticity=tuple(_share(one) for one in raw.layer_plasticity[layers]),
        layer_at_end=tuple(_share(one) for one in raw.layer_at_end[layers]),
        accuracy=_share(raw.accuracy) if raw.n_judged else None,
        class_accuracy=tuple(None if r == _native.ALL else _share(r) for r in recalls),
        n_drifts=raw.n_drifts,
        is_drifting=bool(raw.is_drifting),
        n_contexts=raw.n_contexts,
        context=raw.context,
        n_waited=raw.n_waited,
    )


def _share(of_65535: int) -> float:
    return of_65535 / _native.ALL
