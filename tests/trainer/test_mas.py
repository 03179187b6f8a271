"""MAS: importance by sensitivity or by Hebb's rule, for the samples that the recipe names."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from helpers.small_networks import binary, convolutional, real, real_convolutional, samples
from torch import Tensor, nn

from metabit import InputError
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.local_importance import local_importance
from metabit.trainer.methods.mas import Mas, global_importance
from metabit.trainer.methods.per_sample import CHUNK, MAP_CHUNK, protected
from metabit.trainer.networks.outputs import Outputs, single_head
from metabit.trainer.networks.real_convnet import RealConv2d
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import RealMLPConfig
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.method_options import MasOptions

ALL = torch.arange(3)


def test_local_importance_is_the_agreement_of_a_layers_bits_with_its_inputs() -> None:
    model = binary()
    x = samples()[0].float()
    found = local_importance(model, x, ALL)
    model.eval()
    first = np.sign(model.norms[0](model.linears[0](x)).detach().numpy() + 1e-12)
    second = np.sign(model.norms[1](model.linears[1](torch.tensor(first))).detach().numpy() + 1e-12)
    expected = np.abs((second[:, :, None] * first[:, None, :]).mean(0))
    np.testing.assert_allclose(
        found["linears.1.weight"].numpy(), expected / expected.max(), rtol=1e-5
    )


def test_local_importance_of_a_real_network_multiplies_rectified_activations() -> None:
    model = RealMLP(RealMLPConfig(6, (5,), 3), torch.Generator().manual_seed(4))
    x = samples(CHUNK + 3)[0].float()
    found = local_importance(model, x, torch.tensor([0, 2]))
    scaled = x * model.config.scale - model.config.shift
    first = model.linears[0](scaled).relu().detach()
    products = (first[:, :, None] * scaled[:, None, :]).mean(0).abs()
    torch.testing.assert_close(found["linears.0.weight"], products / products.max())
    bias = first.mean(0) / products.max()
    torch.testing.assert_close(found["linears.0.bias"], bias)
    assert not found["linears.1.weight"][1].any()  # a class that does not compete
    assert found.keys() == protected(model).keys()


def test_local_importance_of_a_convolution_is_the_mean_over_positions() -> None:
    model = convolutional()
    x = torch.randint(0, 17, (MAP_CHUNK + 3, 1, 6, 5), generator=torch.Generator().manual_seed(7))
    found = local_importance(model, x.float(), ALL)
    assert found.keys() == protected(model).keys()
    model.eval()
    _, conv, norm = model.blocks[0]
    bits = torch.where(norm(conv(x.float())) >= 0, 1.0, -1.0).flatten(2)
    patches = conv.patches(x.float())
    products = torch.einsum("nop,nip->oi", bits, patches).abs() / (len(x) * bits.shape[2])
    expected = (products / products.max()).view_as(conv.weight)
    torch.testing.assert_close(found["convs.0.weight"], expected)


def test_local_importance_of_a_real_convolution_multiplies_rectified_maps() -> None:
    model = real_convolutional()
    x = torch.randint(0, 17, (MAP_CHUNK + 3, 1, 6, 5), generator=torch.Generator().manual_seed(7))
    found = local_importance(model, x.float(), ALL)
    assert found.keys() == protected(model).keys()
    model.eval()
    conv, scaled = cast(RealConv2d, model.convs[0]), x / 16
    maps = model.norms[0](conv(scaled)).relu().flatten(2).detach()
    products = torch.einsum("nop,nip->oi", maps, conv.patches(scaled)) / (len(x) * maps.shape[2])
    expected = (products.abs() / products.abs().max()).view_as(conv.weight)
    torch.testing.assert_close(found["convs.0.weight"], expected)
    bias = maps.mean((0, 2)) / products.abs().max()
    torch.testing.assert_close(found["convs.0.bias"], bias)
    last = model.dense.linears[0](model.vectors(x.float())).relu()
    scores = model.dense.linears[1](last)
    products = (scores.T @ last / len(x)).abs().detach()
    torch.testing.assert_close(found["dense.linears.1.weight"], products / products.max())


def test_local_importance_is_refused_for_other_networks() -> None:
    with pytest.raises(InputError, match='use rule = "global"'):
        Mas(MasOptions(name="mas", rule="local"), real(), Setting())


def told(model: nn.Module, **options: Any) -> dict[str, Tensor]:
    """The importance after the second of two tasks, whose test samples are their training samples
    backwards; a sample's class is its place modulo 3."""
    pairs = [
        (samples()[0], torch.arange(40) % 3),
        (samples()[0].flip(1), torch.arange(40) % 3),
    ]
    setting = Setting(
        n_tasks=2, outputs=single_head(3), samples=lambda task: pairs[task],
        test_samples=lambda task: (255 - pairs[task][0], pairs[task][1]),
    )  # fmt: skip
    mas = Mas(MasOptions(name="mas", **options), model, setting)
    for task in range(2):
        mas.consolidate(model, *pairs[task], task)
    return mas.importance


def test_importance_is_measured_on_the_samples_that_the_recipe_names() -> None:
    model = binary()
    x = samples()[0]
    pairs = [x, x.flip(1)]
    some = torch.arange(40) % 3 < 2
    for options, shown in (
        ({}, pairs),
        ({"measure_on": "test"}, [255 - task for task in pairs]),
        ({"measure_classes": (0, 1)}, [task[some] for task in pairs]),
        ({"measure_on": "test", "measure_classes": (0, 1)}, [255 - task[some] for task in pairs]),
    ):
        found = told(model, **options)
        parts = [global_importance(model, task.float(), ALL) for task in shown]
        for name, importance in found.items():
            torch.testing.assert_close(importance, parts[0][name] + parts[1][name])
    with pytest.raises(InputError, match="no sample of these classes"):
        told(model, measure_classes=(7,))


def test_classes_to_measure_are_counted_within_the_head_of_a_task() -> None:
    model = binary()
    x, y = samples()[0], torch.arange(40) % 3
    setting = Setting(outputs=Outputs(3, [(1, 2), (0,)], "task"))
    mas = Mas(MasOptions(name="mas", measure_classes=(1,)), model, setting)
    mas.consolidate(model, x, y, 0)
    expected = global_importance(model, x[y == 2].float(), torch.tensor([1, 2]))
    for name, importance in mas.importance.items():
        torch.testing.assert_close(importance, expected[name])
    with pytest.raises(InputError, match="no sample of these classes"):
        mas.consolidate(model, x, y, 1)  # its head has a single class


def test_importance_measured_again_is_of_the_network_as_it_is() -> None:
    model = binary()
    pairs = [samples()[0], samples()[0].flip(1)]
    setting = Setting(
        n_tasks=2,
        outputs=single_head(3),
        samples=lambda task: (pairs[task], torch.zeros(40)),
    )
    mas = Mas(MasOptions(name="mas", accumulate="again"), model, setting)
    mas.consolidate(model, pairs[0], torch.zeros(40), 0)
    with torch.no_grad():
        for p in protected(model).values():
            p.add_(torch.randn_like(p))
    mas.consolidate(model, pairs[1], torch.zeros(40), 1)
    parts = [global_importance(model, task.float(), ALL) for task in pairs]
    for name, importance in mas.importance.items():
        torch.testing.assert_close(importance, parts[0][name] + parts[1][name])


@pytest.mark.parametrize(
    ("method", "network", "message"),
    [
        ({"accumulate": "online", "measure_on": "test"}, {}, "measures on the batches of training"),
        ({"consolidate_samples": 9, "accumulate": "again"}, {}, "for whole tasks"),
        ({"accumulate": "again"}, {"banks": "task"}, "earlier tasks are measured again"),
    ],
)
def test_ways_of_measuring_that_do_not_go_together_are_refused(
    method: dict[str, Any], network: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        recipe_from_dict(
            {
                "name": "x",
                "data": {"name": "digits", "stream": "permuted", "n_tasks": 2},
                "network": {"hidden": [4], **network},
                "method": {"name": "mas", **method},
                "train": {"epochs": 1},
            }
        )


def test_mas_needs_no_labels_and_follows_the_samples_it_is_shown() -> None:
    model = binary()
    mas = Mas(MasOptions(name="mas"), model, Setting(outputs=single_head(3)))
    x, y = samples()
    mas.consolidate(model, x, torch.zeros_like(y), 0)
    labelled = Mas(MasOptions(name="mas"), model, Setting(outputs=single_head(3)))
    labelled.consolidate(model, x, y, 0)
    seen = x.clone()
    seen[:, 2] = 0  # in use, this input is always silent
    followed = mas.measure(model, seen, 0)
    for name in mas.importance:
        assert torch.equal(mas.importance[name], labelled.importance[name])
    assert (mas.importance["linears.0.weight"][:, 2] > 0).any()
    assert (followed["linears.0.weight"][:, 2] == 0).all()


def test_mas_online_is_the_mean_over_the_batches_of_training() -> None:
    model = binary()
    mas = Mas(MasOptions(name="mas", accumulate="online"), model, Setting(outputs=single_head(3)))
    x, y = samples()
    for part in (slice(0, 10), slice(10, 40)):  # the weights stay, so the mean is that of all
        mas.batch(x[part], y[part])
        mas.after_step(model)
    mas.consolidate(model, x[:0], y[:0], 0)
    for name, value in global_importance(model, x.float(), ALL).items():
        torch.testing.assert_close(mas.importance[name], value)
