"""Plots: they can be drawn for every kind of run."""

from __future__ import annotations

import numpy as np
import pytest

from metabit.picture import png
from metabit.trainer.runs.plots import (
    accuracy_figure,
    by_task,
    by_task_figure,
    new_figure,
    weights_figure,
)

PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize("n_tasks", [1, 2, 12, 13, 60])
def test_accuracy_is_drawn_for_any_number_of_tasks(n_tasks: int) -> None:
    matrix = np.tril(np.random.default_rng(1).uniform(0, 1, (n_tasks, n_tasks)))
    matrix[np.triu_indices(n_tasks, 1)] = np.nan
    names = [f"permutation {k}" for k in range(n_tasks)]
    assert accuracy_figure(matrix, names, "a title").startswith(PNG)


@pytest.mark.parametrize("m", [0.0, 1.35, 1000.0])
def test_hidden_weights_are_drawn_for_any_m(m: float) -> None:
    random = np.random.default_rng(1)
    weights = [random.normal(0, 0.1, shape).astype(np.float32) for shape in ((8, 20), (3, 8))]
    assert weights_figure(weights, (m, m), "a title", "hidden weight h").startswith(PNG)


def test_hidden_weights_that_are_all_zero_are_drawn() -> None:
    weights = [np.zeros((3, 20), dtype=np.float32)]
    assert weights_figure(weights, (5.0,), "a title", "weight").startswith(PNG)


def test_numbers_after_each_task_become_curves() -> None:
    curves = by_task({"weights_after_task_1": 3.0, "weights_after_task_2": 5.0, "growth": 2.0})
    assert curves == {"weights": [3.0, 5.0]}
    assert by_task({"growth": 2.0}) == {}
    assert by_task_figure(curves, "a title").startswith(PNG)


@pytest.mark.parametrize("name", ["$x^{$", "a $ b $ c", r"\frac{$1$}{", "$$", "步行 🚶", "a\nb"])
def test_names_of_other_people_are_drawn_as_they_are(
    name: str, recwarn: pytest.WarningsRecorder
) -> None:
    """A dollar sign begins no formula, and letters that the font lacks are no cause to warn."""
    matrix = np.array([[0.5, np.nan], [0.5, 0.7]])
    assert accuracy_figure(matrix, [name, f"{name} again"], name).startswith(PNG)
    assert by_task_figure({name: [1.0, 2.0]}, name).startswith(PNG)
    assert not [str(each.message) for each in recwarn]


def test_a_scale_keeps_its_own_formulas() -> None:
    figure, axes = new_figure(3, 2)
    axes.set_xscale("log")
    axes.plot([1, 1e6], [0, 1])
    axes.set_title("$price$")
    assert png(figure).startswith(PNG)
    assert axes.title.get_parse_math() is False
    assert all(
        tick.get_parse_math() for tick in axes.get_xticklabels() if "mathdefault" in tick.get_text()
    )
