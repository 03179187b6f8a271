"""Reads what a verb wrote, and makes its page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metabit.edge_runtime.states.state_history import history
from metabit.errors import InputError, StorageError
from metabit.plain_file import plain_bytes
from metabit.report import of_demo, of_fit, of_learning, of_profile, of_states, of_training
from metabit.report.page import Page

Maker = Callable[[dict[str, Any], dict[str, str]], Page]

#: How the page of each schema is made.
PAGES: dict[str, Maker] = {
    "metabit.metrics": of_training.page,
    "metabit/train/1": of_training.page,
    "metabit/learn/1": of_learning.page,
    "metabit/profile/1": of_profile.page,
    "metabit/fit/1": of_fit.page,
    "metabit/demo/1": of_demo.page,
}
#: Files in which folders keep what was found out, the most telling first.
IN_FOLDERS = ("fit.json", "metrics.json", "report.json")


def page_of(source: Path, facts: dict[str, str]) -> Page:
    """The page about what is in a file or folder.

    Args:
        source: a folder of `metabit train`, `fit` or `demo`, a folder of states, or a file with the
            --json answer of train, fit, learn or profile.
        facts: what is known besides.

    Raises:
        InputError: it is nothing of that kind, or a field is missing (E-REPORT).
        StorageError: it cannot be read.
        CorruptError: no commit of a folder of states is whole (E-STATE-CRC).
    """
    if source.is_dir() and any(source.glob("state-*.mbs")):
        return of_states.page(source, history(source), facts)
    found = _read(_file(source))
    schema = found.get("schema")
    if schema not in PAGES:
        raise _refuse(source, f"it says schema {schema!r}, of which there is no page")
    try:
        return PAGES[schema](found, facts)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise _refuse(source, f"a field is missing or of another kind ({error!r})") from error


def _file(source: Path) -> Path:
    if not source.is_dir():
        return source
    for name in IN_FOLDERS:
        if (source / name).exists():
            return source / name
    names = ", ".join(IN_FOLDERS)
    raise _refuse(source, f"the folder has none of {names}, and no states")


def _read(path: Path) -> dict[str, Any]:
    try:
        text = plain_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(path, "it is no text") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", code="E-IO") from error
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _refuse(path, f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise _refuse(path, "it is JSON, but no answer of a verb")
    return found


def _refuse(where: Path, why: str) -> InputError:
    return InputError(
        f"{where}: no report can be made of this: {why}; give the folder of train or fit, a folder "
        "of states, or what train, fit, learn or profile print with --json",
        code="E-REPORT",
    )
