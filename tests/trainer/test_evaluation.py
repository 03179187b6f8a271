"""Forward transfer and prequential accuracy, measured by the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabit.trainer.loop import train
from metabit.trainer.recipe import Recipe, recipe_from_dict
from metabit.trainer.runs.progress import Silent

N_TRAIN = 300


def stream(**tables: dict[str, Any]) -> Recipe:
    recipe: dict[str, Any] = {
        "name": "stream",
        "data": {"name": "digits", "stream": "parts", "n_parts": 3, "train_samples": N_TRAIN},
        "network": {"hidden": [64]},
        "train": {"epochs": 2, "batch": 10, "prequential": True},
    }
    for name, table in tables.items():
        recipe[name] = {**recipe[name], **table}
    return recipe_from_dict(recipe)


def test_every_sample_is_labelled_once_before_it_is_learnt(tmp_path: Path) -> None:
    metrics = train(stream(), tmp_path / "run").metrics
    curve = metrics["prequential"]
    assert curve["samples"][0] == 1
    assert curve["samples"][-1] == N_TRAIN
    assert np.all(np.diff(curve["samples"]) > 0)
    # It starts as guessing and ends near what the network knows: labelling after learning, or at
    # random, would show here.
    assert np.mean(curve["accuracy"][:10]) < 0.35
    assert np.mean(curve["accuracy"][-40:]) > 0.6
    assert 0.4 < metrics["prequential_acc"] < metrics["acc"]


def test_a_stream_of_noise_is_never_predicted(tmp_path: Path) -> None:
    """Labels that say nothing cannot be known before they are learnt."""
    noisy = stream(data={"label_noise": 0.9})
    assert train(noisy, tmp_path / "run").metrics["prequential_acc"] < 0.2


def test_it_is_not_there_unless_asked_for(tmp_path: Path) -> None:
    metrics = train(stream(train={"prequential": False}), tmp_path / "run").metrics
    assert not {"prequential", "prequential_acc"} & set(metrics)


def test_measuring_changes_nothing_and_resumes(tmp_path: Path) -> None:
    class Stop(Silent):
        def step_done(self, task: int, total_steps: int, loss: float) -> None:
            if total_steps == 33:
                raise KeyboardInterrupt

    whole = train(stream(train={"checkpoint_steps": 4}), tmp_path / "whole").metrics
    with pytest.raises(KeyboardInterrupt):
        train(stream(train={"checkpoint_steps": 4}), tmp_path / "cut", progress=Stop())
    again = train(stream(train={"checkpoint_steps": 4}), tmp_path / "cut", resume=True).metrics
    blind = train(stream(train={"prequential": False}), tmp_path / "blind").metrics
    assert again["prequential"] == whole["prequential"]
    assert again["accuracy_matrix"] == whole["accuracy_matrix"] == blind["accuracy_matrix"]


def test_forward_transfer_is_what_earlier_parts_do_for_the_next(tmp_path: Path) -> None:
    metrics = train(stream(), tmp_path / "run").metrics
    # All parts are tested on the same samples: what is ahead is what was known before.
    assert (
        metrics["accuracy_ahead"]
        == [row[i] for i, row in enumerate(metrics["accuracy_matrix"])][:2]
    )
    assert len(set(metrics["accuracy_untrained"])) == 1
    expected = np.mean(metrics["accuracy_ahead"]) - metrics["accuracy_untrained"][0]
    assert metrics["fwt"] == pytest.approx(expected)
    assert metrics["fwt"] > 0.4
