"""The bytes of a .mbit file, read once for all that look into them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from metabit.export.container import loads, read_bytes
from metabit.export.spec import Model
from metabit.export.states.state_image import model_id


@dataclass(frozen=True, eq=False)
class Blob:
    """The bytes of a .mbit file, and where they are from.

    Attributes:
        data: the whole file.
        where: its name, for messages.
    """

    data: bytes
    where: str = "blob"

    @classmethod
    def of(cls, source: ModelSource) -> Blob:
        """The bytes of a file, or those given.

        Raises:
            InputError: there is no such file (E-READ).
        """
        if isinstance(source, Blob):
            return source
        if isinstance(source, bytes):
            return cls(source)
        return cls(read_bytes(source), str(source))

    @cached_property
    def model(self) -> Model:
        """The model in it, parsed at the first call.

        Raises:
            FormatError, CorruptError: it is not a .mbit file, or a damaged one.
        """
        return loads(self.data, self.where)

    @cached_property
    def model_id(self) -> int:
        """What a learnt state names its model by."""
        return model_id(self.data)


#: A .mbit file, its bytes, or its bytes as they were read before.
ModelSource: TypeAlias = str | Path | bytes | Blob
