"""Single, growing and multi-head outputs: which classes compete, and which do not learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from metabit.errors import InputError
from metabit.trainer.loop import train
from metabit.trainer.networks.outputs import Outputs, single_head
from metabit.trainer.recipe import recipe_from_dict

GROUPS = [(0, 1), (2, 3), (4, 5)]
SCORES = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]).repeat(3, 1)
Y = torch.tensor([0, 3, 4])


def columns(outputs: Outputs, task: int) -> list[int]:
    return outputs.columns(task).tolist()


def test_in_a_single_head_every_class_competes() -> None:
    outputs = single_head(6, 3)
    assert columns(outputs, 1) == [0, 1, 2, 3, 4, 5]
    assert outputs.loss(SCORES, Y) == functional.cross_entropy(SCORES, Y)


def test_a_growing_head_takes_in_the_classes_of_each_task() -> None:
    outputs = Outputs(6, GROUPS, "seen")
    outputs.start_task(1)
    assert columns(outputs, 0) == columns(outputs, 1) == [0, 1, 2, 3]
    assert columns(outputs, 2) == [0, 1, 2, 3, 4, 5]  # asked about ahead of its time
    expected = functional.cross_entropy(SCORES[:2, :4], Y[:2])
    assert outputs.loss(SCORES[:2], Y[:2]) == pytest.approx(expected.item())
    assert [group.tolist() for group in outputs.old_groups()] == [[0, 1]]


def test_in_a_multi_head_a_label_competes_within_its_own_task() -> None:
    outputs = Outputs(6, GROUPS, "task")
    outputs.start_task(2)
    assert columns(outputs, 1) == [2, 3]
    each = [functional.cross_entropy(SCORES[:1, :2], torch.tensor([0]))]
    each.append(functional.cross_entropy(SCORES[:1, 2:4], torch.tensor([1])))
    each.append(functional.cross_entropy(SCORES[:1, 4:], torch.tensor([0])))
    assert outputs.loss(SCORES, Y) == pytest.approx(torch.stack(each).mean().item())
    assert [group.tolist() for group in outputs.old_groups()] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("kind", ["seen", "task"])
def test_outputs_that_do_not_compete_get_no_gradient(kind: str) -> None:
    outputs = Outputs(6, GROUPS, kind)
    scores = SCORES[:1].clone().requires_grad_()
    outputs.loss(scores, torch.tensor([1])).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad[0, 2:].eq(0).all()
    assert scores.grad[0, :2].ne(0).all()


def test_a_class_without_an_output_or_with_two_heads_is_refused() -> None:
    with pytest.raises(InputError, match="outputs 0 to 4"):
        Outputs(5, GROUPS)
    with pytest.raises(InputError, match="class 1 is in two tasks"):
        Outputs(3, [(0, 1), (1, 2)], "task")


@pytest.mark.parametrize(("scenario", "outputs"), [("class", "seen"), ("task", "all")])
def test_rows_of_classes_to_come_rest_until_their_task(
    tmp_path: Path, scenario: str, outputs: str
) -> None:
    """What a growing or a multi-head output must do: not touch what is not there yet."""
    recipe: dict[str, Any] = {
        "name": "heads",
        "data": {"name": "digits", "stream": "classes", "n_tasks": 5, "scenario": scenario},
        "network": {"hidden": [16], "outputs": outputs},
        "train": {"epochs": 1, "batch": 50},
    }
    whole = train(recipe_from_dict(recipe), tmp_path / "whole").model.weights["linears.1.weight"]
    recipe["data"] |= {"classes": [0, 1, 2, 3], "groups": [[0, 1], [2, 3]]}
    del recipe["data"]["n_tasks"]
    if scenario == "class":
        recipe["data"]["groups"] = [[0, 1], [2, 3]]
    start = train(recipe_from_dict(recipe), tmp_path / "start").model.weights["linears.1.weight"]
    fresh = recipe | {"train": {"epochs": 1, "batch": 50, "seed": 0}}
    fresh["data"] = recipe["data"] | {"groups": [[0, 1]], "classes": [0, 1]}
    least = train(recipe_from_dict(fresh), tmp_path / "least").model.weights["linears.1.weight"]
    assert torch.equal(start[4:], least[4:])  # never trained: as they were drawn
    assert not torch.equal(start[2:4], least[2:4])
    assert not torch.equal(whole[4:], start[4:])


def test_a_task_that_is_known_is_easier_than_one_that_is_not(tmp_path: Path) -> None:
    accuracy = {}
    for scenario in ("task", "class"):
        recipe = {
            "name": scenario,
            "data": {"name": "digits", "stream": "classes", "n_tasks": 5, "scenario": scenario},
            "network": {"hidden": [64]},
            "method": {"name": "naive"},
            "train": {"epochs": 3, "batch": 25},
        }
        accuracy[scenario] = train(recipe_from_dict(recipe), tmp_path / scenario).metrics["acc"]
    assert accuracy["class"] < 0.45
    assert accuracy["task"] > accuracy["class"] + 0.25
