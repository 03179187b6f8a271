"""What a state image says of itself, whatever model it belongs to."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metabit.export.state_image import FIRST_VERSION, RECORD_BITS, Choice, choice

_VERSION, _MODEL_ID, _N_STEPS, _RECORD = 8, 16, 80, 88  # offsets, as docs/FORMAT.md has them
_COUNTS = struct.Struct("<II")  # samples that came, samples that layers learnt
_JUDGED = struct.Struct("<6I")


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
    """

    version: int
    model_id: int
    choice: Choice
    n_steps: int
    n_learnt: int
    accuracy: float | None
    n_drifts: int


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
    n_judged, right, *_, n_drifts = _JUDGED.unpack_from(image, _RECORD)
    accuracy = right / (1 << RECORD_BITS) if n_judged else None
    return StateFacts(version, name, made_by, n_steps, n_learnt, accuracy, n_drifts)
