"""Why a model cannot be opened as asked."""

from __future__ import annotations

from metabit.edge_runtime import _native
from metabit.errors import InputError


def no_replay(where: str) -> InputError:
    """Samples are to be kept where what learns sees them whole."""
    return InputError(
        f"{where}: replay is for a tracking head, and for the last layers where those below them "
        "do not learn; open with learn='tracking' or learn='head'",
        code="E-REPLAY",
    )


def too_many_classes(where: str, n_classes: int) -> InputError:
    """Labels of samples that are kept are bytes."""
    return InputError(
        f"{where}: replay is for up to {_native.MAX_CLASSES} classes, the model has {n_classes}",
        code="E-REPLAY",
    )


def no_contexts(where: str) -> InputError:
    """Contexts are asked for where not all layers learn."""
    return InputError(
        f"{where}: contexts are for networks whose layers all learn; open it with learn='all'",
        code="E-CONTEXTS",
    )
