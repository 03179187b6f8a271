"""How large the parts of a packed model are, and the same weights as float32 or int8."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.export import layout
from metabit.export.spec import Model


@dataclass(frozen=True)
class FileSizes:
    """Bytes of the parts of a packed model: what a user compares."""

    file_bytes: int
    weight_bytes: int
    learn_bytes: int
    head_bytes: int
    float32_bytes: int
    int8_bytes: int


def file_sizes(model: Model, data: bytes) -> FileSizes:
    """Sizes of a model in this file, and as float32 or int8 weights with float32 channel values."""
    by_type = {s.type: s.length_bytes for s in layout.sections(data, "blob")}
    channel_bytes = 16 * model.n_channels
    return FileSizes(
        file_bytes=len(data),
        weight_bytes=by_type[layout.WEIGHTS],
        learn_bytes=by_type.get(layout.LEARN, 0),
        head_bytes=by_type.get(layout.HEAD, 0),
        float32_bytes=4 * model.n_weights + channel_bytes,
        int8_bytes=model.n_weights + channel_bytes,
    )
