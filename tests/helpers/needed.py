"""What a test needs of the machine. A person may lack it; in CI it has to be there."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def give_up(why: str) -> NoReturn:
    """Skip the test; where all checks run (CI), a skipped one would check nothing, so it fails."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def program(name: str) -> str:
    """Path of an installed program; without it, see `give_up`."""
    return shutil.which(name) or give_up(f"{name} is not installed")
