"""How a model file learns where no option says otherwise: the table [learn] of its recipe."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from metabit.edge_runtime.plan import GOALS
from metabit.export.spec import Model


def as_the_file_says(model: Model, options: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """What learns, None where nobody says it, and the options with the file's in place of defaults.

    Args:
        model: the file.
        options: of the verb that runs now; those that were given stay, and with a goal that was
            given the file does not say what learns.
    """
    told = model.meta.get("learn")
    if not isinstance(told, dict):
        return None, options
    source = click.get_current_context().get_parameter_source
    said = {
        key: value
        for key, value in told.items()
        if (key == "goal" and value in GOALS) or (key in ("replay", "batch") and type(value) is int)
    }
    default = {key: v for key, v in said.items() if source(key) is ParameterSource.DEFAULT}
    what = told.get("what") if source("goal") is ParameterSource.DEFAULT else None
    return what if isinstance(what, str) else None, options | default
