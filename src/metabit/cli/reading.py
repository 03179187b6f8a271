"""DATA of a verb, read for its model, with what has to be said of it."""

from __future__ import annotations

from typing import Any

from metabit.cli.common import Output
from metabit.cli.tables import percent
from metabit.export.spec import Model
from metabit.readers.read import read_samples
from metabit.readers.samples import ReadSamples

NOTICEABLE = 0.01
"""Share of limited values from which they are spoken of."""


def read_for(out: Output, data: str, model: Model, **options: Any) -> ReadSamples:
    """`read_samples`, and a note where values do not fit or a meaning was chosen.

    Raises:
        InputError, FormatError, CorruptError: see `read_samples`.
    """
    samples = read_samples(data, model, **options)
    say_limited(out, samples.where, samples.limited_share)
    if samples.codes is not None:
        taken = "integers of the model (--codes)" if samples.codes else "real values (--real)"
        out.note(f"{samples.where}: read as {taken}")
    return samples


def say_limited(out: Output, where: str, share: float) -> None:
    """Warn of values that the input of the model cannot hold."""
    if share > NOTICEABLE:
        out.note(
            f"warning: {percent(share)} of the values of {where} are beyond what the model can "
            "read and were limited: check their unit and scale"
        )
