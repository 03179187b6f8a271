"""Numbers and circumstances as people read them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from metabit import __version__


def percent(share: float | None) -> str:
    """A share from 0 to 1; a dash for None."""
    return "-" if share is None else f"{100 * share:.1f} %"


def file_name(path: object) -> str:
    """The last part of a path, for headlines; footers have it whole."""
    return PurePath(str(path)).name or str(path)


def duration(microseconds: float) -> str:
    """A time with the unit that suits it."""
    for limit, unit in ((1e3, "µs"), (1e6, "ms")):
        if microseconds < limit:
            return f"{microseconds * 1e3 / limit:.3g} {unit}"
    return f"{microseconds / 1e6:.3g} s"


def seed_of(recipe: Mapping[str, Any]) -> str:
    """The seed that a recipe trained with."""
    return str(recipe.get("train", {}).get("seed", 0))


def made_now() -> dict[str, str]:
    """When, by which version and on which machine a page was made."""
    return {
        "page": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, metabit {__version__}, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    }
