"""`metabit data make`: a set of what is on this machine, kept where fetched sets are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Cli


def test_a_set_is_made_listed_and_refused_to_the_wrong_verb(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METABIT_DATA", str(tmp_path / "kept"))
    for part in ("train", "test"):
        folder = tmp_path / "pictures" / part / "frog"
        folder.mkdir(parents=True)
        Image.fromarray(np.full((32, 32, 3), 7, np.uint8)).save(folder / "1.png")
    listed = {each["name"]: each for each in cli("data", "--json").answer["sets"]}
    assert listed["cifar-10-grey"]["found"] is None
    cli("data", "fetch", "cifar-10-grey").refused(2, "E-DATA-MADE")
    cli("data", "make", "cifar-10-grey").refused(2, "E-USAGE")
    cli("data", "list", "cifar-10-grey", tmp_path / "pictures").refused(2, "E-USAGE")
    made = cli("data", "make", "cifar-10-grey", tmp_path / "pictures", "--json").answer
    assert made["found"] == str(tmp_path / "kept" / "cifar-10-grey" / "cifar-10-grey.npz")
    listed = {each["name"]: each for each in cli("data", "--json").answer["sets"]}
    assert (listed["cifar-10-grey"]["n_train"], listed["cifar-10-grey"]["shape"]) == (1, [28, 28])
