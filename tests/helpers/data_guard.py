"""Hides data sets that are not bundled from every test that does not name them.

A test that reads MNIST says so: `@pytest.mark.data("mnist")`. It sees that set and no other one
that is not bundled; where the machine lacks it, the test is skipped, or fails if METABIT_DATA
promised it. All other tests see bundled sets only, on every machine: one that forgets the marker
fails everywhere, not only where MNIST is missing. METABIT_DATA carries this to subprocesses too.

A pytest plugin: conftest.py loads it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from metabit.trainer import data

GIVEN = "METABIT_TEST_DATA"
"""What METABIT_DATA was before it was hidden: workers of pytest-xdist inherit both."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hide METABIT_DATA before a fixture of any scope can read it."""
    config.addinivalue_line(
        "markers",
        "data(*names): reads these data sets, which are not bundled; skipped where they are not "
        "found, a failure if METABIT_DATA is set",
    )
    os.environ.setdefault(GIVEN, os.environ.get("METABIT_DATA", ""))
    empty = tempfile.TemporaryDirectory(prefix="metabit-no-data-")
    config.add_cleanup(empty.cleanup)
    os.environ["METABIT_DATA"] = empty.name


@pytest.fixture(autouse=True)
def _named_sets_only(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """For a test marked `data`, a METABIT_DATA that holds links to the sets it names."""
    names = [name for mark in request.node.iter_markers("data") for name in mark.args]
    with pytest.MonkeyPatch.context() as patch:
        if names:
            found = {name: _find_or_skip(name) for name in names}
            folder = tmp_path_factory.mktemp("data-sets")
            for name, where in found.items():
                (folder / name).symlink_to(where, target_is_directory=True)
            patch.setenv("METABIT_DATA", str(folder))
        yield


def _find_or_skip(name: str) -> Path:
    """Where the machine has a set."""
    given = os.environ[GIVEN]
    with pytest.MonkeyPatch.context() as patch:
        if given:
            patch.setenv("METABIT_DATA", given)
        else:
            patch.delenv("METABIT_DATA")
        found, looked = data.find(name), data.search_path(name)
    if found is None:
        where = f"{name} is in none of: {', '.join(str(folder) for folder in looked)}"
        if given:
            pytest.fail(f"METABIT_DATA is set, but {where}")
        pytest.skip(where)
    return found.resolve()
