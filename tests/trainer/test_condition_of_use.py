"""What the experiment on conditions of use compares: half of the classes in use, half not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.trainer.experiments import condition_of_use
from metabit.trainer.experiments.condition_of_use import Setup, measure
from metabit.trainer.loop import train_in_memory
from metabit.trainer.methods.mas import Mas
from metabit.trainer.networks.network import Network
from metabit.trainer.prepare import Prepared

TINY = Setup(
    data={"name": "digits", "stream": "permuted", "n_tasks": 2, "scenario": "task",
          "train_samples": 200, "test_samples": 100},
    halves={"low": (0, 1, 2, 3, 4), "high": (5, 6, 7, 8, 9)},
    network={"kind": "real", "hidden": [8]},
    method={"lr": 0.01, "strength": 0.1},
    train={"epochs": 1, "batch": 50},
)  # fmt: skip


class Asked:
    """A network that notes the samples that it is asked."""

    def __init__(self, model: Network, rows: set[bytes]) -> None:
        self.model, self.rows = model, rows

    def predict(self, x: NDArray[Any], zero_point: int, among: Sequence[int]) -> NDArray[Any]:
        self.rows.update(row.tobytes() for row in x)
        return self.model.predict(x, zero_point, among)


def test_halves_are_asked_on_samples_that_were_not_seen_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(condition_of_use.SETUPS, "small", TINY)
    seen: list[set[bytes]] = []
    asked: set[bytes] = set()
    measuring = Mas.measure

    def measured(self: Mas, model: nn.Module, x: Tensor, task: int) -> dict[str, Tensor]:
        seen.append({row.tobytes() for row in x.numpy()})
        return measuring(self, model, x, task)

    def trained(prepared: Prepared) -> tuple[Any, float]:
        model, accuracy = train_in_memory(prepared)
        return Asked(model, asked), accuracy

    monkeypatch.setattr(Mas, "measure", measured)
    monkeypatch.setattr(condition_of_use, "train_in_memory", trained)
    numbers = measure(0, "small").numbers
    *_, low, _, high, _ = seen  # after each of two tasks: naive, all, then one half and the other
    assert low
    assert high
    assert len(asked) == 50
    assert not (low & high) | (asked & (low | high))
    assert numbers["advantage"] == pytest.approx(numbers["in_use"] - numbers["out_of_use"])
    halves = (numbers["advantage_low"], numbers["advantage_high"])
    assert np.mean(halves) == pytest.approx(numbers["advantage"])
