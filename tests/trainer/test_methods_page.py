"""docs/METHODS.md: its example is a method that trains, and it names every method there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict, registry

PAGE = (Path(__file__).parents[2] / "docs" / "METHODS.md").read_text(encoding="utf-8")


SECTIONS = dict(re.findall(r"^### ([a-z]+)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_method_has_a_section() -> None:
    assert SECTIONS.keys() == registry.BUILT_IN.keys()


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_section_says_what_the_method_costs_and_what_it_achieved(name: str) -> None:
    assert "\n- Bytes: " in SECTIONS[name]
    assert re.search(r"\n- Measured: permuted MNIST \d\d\.\d %", SECTIONS[name])


def test_the_example_is_a_method_that_keeps_its_anchor(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "METHODS.md", "exec", dont_inherit=True), {"__name__": "example"})
    recipe: dict[str, Any] = {
        "name": "stay",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 200},
        "network": {"hidden": [16], "banks": "task"},
        "train": {"epochs": 3, "batch": 25},
    }
    held, free = (
        train(
            recipe_from_dict(recipe | {"method": {"name": "stay", "strength": strength}}),
            tmp_path / str(strength),
        ).metrics
        for strength in (100.0, 0.0)
    )
    assert held["state_bytes"] == {"anchor": 4 * (64 * 16 + 16 * 10)}
    assert held["bwt"] > free["bwt"]
