"""What a state image says of itself, whatever model it belongs to."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metabit.errors import CorruptError
from metabit.export.states.state_image import FIRST_VERSION, RECORD_BITS, Choice, choice

_VERSION, _MODEL_ID, _BLOCK, _N_STEPS, _RECORD = 8, 16, 64, 80, 88  # as docs/FORMAT.md has them
_COUNTS = struct.Struct("<II")  # samples that came, samples that layers learnt
_JUDGED = struct.Struct("<6I")
_ROUTER = struct.Struct("<4I")  # samples that came, waited; open contexts, the context that learns


@dataclass(frozen=True)
class StateFacts:
    """Counters of an image.

    Attributes:
        version: of its format.
        model_id: checksum in the header of the model file that it belongs to.
        choice: what learnt.
        n_steps: samples that came since export.
        n_learnt: of these, samples that layers learnt; 0 where a head learnt.
        accuracy: prequential accuracy: the share of the last 512 samples or so that was predicted
            right before it was learnt; None where no sample has been judged.
        n_drifts: how often the drift test has found that errors rise.
        n_contexts: contexts that are open; 0 of a network alone. With contexts, samples count
            in all of them; accuracy and drifts are of the context that learns.
        context: which of them learns, from 0.
    """

    version: int
    model_id: int
    choice: Choice
    n_steps: int
    n_learnt: int
    accuracy: float | None
    n_drifts: int
    n_contexts: int = 0
    context: int = 0


def facts_of(image: bytes, where: str = "state image") -> StateFacts:
    """Read an image as far as that needs no model.

    Raises:
        FormatError: not a state image, or of a version that is unknown.
        CorruptError: truncated or damaged.
    """
    made_by = choice(image, where)
    (version,), (name,) = (struct.unpack_from("<I", image, at) for at in (_VERSION, _MODEL_ID))
    n_steps, n_learnt = _COUNTS.unpack_from(image, _N_STEPS)
    if version == FIRST_VERSION:
        return StateFacts(version, name, made_by, n_steps, 0, None, 0)
    n_open = context = at = 0
    if made_by.contexts:
        router_at = _BLOCK + made_by.contexts * made_by.block_bytes
        n_steps, _, n_open, context = _of(_ROUTER, image, router_at, where)
        blocks = [k * made_by.block_bytes for k in range(min(n_open, made_by.contexts))]
        n_learnt = sum(_of(_COUNTS, image, _N_STEPS + block, where)[1] for block in blocks)
        at = min(context, made_by.contexts - 1) * made_by.block_bytes
    n_judged, right, *_, n_drifts = _of(_JUDGED, image, _RECORD + at, where)
    accuracy = right / (1 << RECORD_BITS) if n_judged else None
    return StateFacts(
        version, name, made_by, n_steps, n_learnt, accuracy, n_drifts, n_open, context
    )  # fmt: skip


def _of(layout: struct.Struct, image: bytes, at: int, where: str) -> tuple[int, ...]:
    """Numbers of an image, which may be shorter than its header says."""
    if at + layout.size > len(image):
        raise CorruptError(
            f"{where}: it ends before its values do; no engine wrote this: load the state before "
            "it",
            code="E-STATE-FIELDS",
        )
    return layout.unpack_from(image, at)
