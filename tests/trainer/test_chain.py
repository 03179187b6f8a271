"""The chain that is coupled to each weight: its equations, and what it does to a memory."""

from __future__ import annotations

import pytest
import torch

from metabit import InputError
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.chain import CoupledChain
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.recipe.method_options import ChainOptions


class OneLayer:
    """A network with one layer of weights, two rows of three, all zero, and their chains."""

    def __init__(self, variables: int, coupling: float) -> None:
        self.model = BinaryMLP(MLPConfig(3, (), 2))
        self.weight = self.model.layers[0][0].weight.data.zero_()
        options = ChainOptions(name="chain", variables=variables, coupling=coupling)
        self.chain = CoupledChain(options, self.model, Setting())
        (self.slower,) = self.chain.slower.values()

    def flow(self, steps: int) -> None:
        for _ in range(steps):
            self.chain.after_step(self.model)


def test_a_step_has_the_figures_of_the_equations() -> None:
    layer = OneLayer(3, 0.1)
    layer.weight[:] = torch.tensor([[1.0, 0.0, -2.0]])
    layer.slower[0] = torch.tensor([[0.5, 0.0, 0.0]])
    layer.flow(1)
    # from the first to the second 0.1 * 0.5, from the second to the third 0.05 * 0.5
    assert torch.allclose(layer.weight, torch.tensor([[0.95, 0.0, -1.8]]).expand(2, 3))
    second, third = layer.slower
    moved = 0.5 + 0.05 / 2 - 0.025 / 2
    assert torch.allclose(second, torch.tensor([[moved, 0.0, -0.1]]).expand(2, 3))
    assert torch.allclose(third, torch.tensor([[0.025 / 4, 0.0, 0.0]]).expand(2, 3))


def test_what_is_learnt_is_shared_out_and_not_lost() -> None:
    layer = OneLayer(4, 0.3)
    layer.weight[:] = torch.tensor([[1.0, -1.0, 3.0]])
    layer.flow(2000)
    sizes = torch.tensor([1.0, 2.0, 4.0, 8.0])
    every = torch.stack([layer.weight, *layer.slower])
    learnt = torch.tensor([[1.0, -1.0, 3.0]]).expand(2, 3)
    assert torch.allclose((sizes[:, None, None] * every).sum(0), learnt, atol=1e-5)
    assert torch.allclose(every, learnt / sizes.sum(), atol=1e-3)  # at rest all are equal


def test_what_was_learnt_for_long_comes_back_after_something_short() -> None:
    """The same short change: after long training of the other sign the weight returns to it."""
    returned = {}
    for name, steps in (("long", 2000), ("short", 20)):
        layer = OneLayer(5, 0.1)
        for _ in range(steps):
            layer.weight.fill_(1.0)
            layer.flow(1)
        for _ in range(20):
            layer.weight.fill_(-1.0)
            layer.flow(1)
        layer.flow(200)
        returned[name] = layer.weight[0, 0].item()
    assert returned["long"] > 0.3
    assert returned["short"] < 0.05


@pytest.mark.parametrize(
    ("key", "value"), [("variables", 1), ("variables", 17), ("coupling", 0.0), ("coupling", 0.51)]
)
def test_a_chain_that_is_none_or_that_would_swing_is_refused(key: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"\[method\] {key}"):
        ChainOptions(**{"name": "chain", key: value})  # type: ignore[arg-type]
