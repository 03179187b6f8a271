"""Binary linear layers, and normalisation that NumPy can repeat bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metabit import InputError
from metabit.trainer.networks.layers import BinaryLinear, Normalization


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def awkward_norm(n_features: int, n_banks: int = 1) -> Normalization:
    """A layer with statistics as after training, negative and zero scales among them."""
    norm = Normalization(n_features, n_banks=n_banks)
    generator = seeded(7)
    norm.running_mean.normal_(0, 40, generator=generator)
    norm.running_var.uniform_(0, 900, generator=generator)
    for bank in range(n_banks):
        norm.gamma[bank].data.normal_(0, 1, generator=generator)
        norm.beta[bank].data.normal_(0, 1, generator=generator)
        norm.gamma[bank].data[::7] = 0
    norm.running_var[0, 0] = 0
    return norm.eval()


def numpy_eval(norm: Normalization, acc: NDArray[np.float32], bank: int) -> NDArray[Any]:
    """The formula of ARCHITECTURE: separate float32 operations in this order."""
    mean, var = norm.running_mean[bank].numpy(), norm.running_var[bank].numpy()
    gamma, beta = norm.gamma[bank].detach().numpy(), norm.beta[bank].detach().numpy()
    inv_std = np.float32(1) / np.sqrt(var + np.float32(norm.eps))
    y: NDArray[Any] = ((acc - mean) * inv_std) * gamma + beta
    return y


def test_a_linear_layer_uses_signs_and_its_sums_are_exact_integers() -> None:
    layer = BinaryLinear(784, 32, generator=seeded(1))
    layer.weight.data[0, 0] = 0.0
    x = torch.randint(0, 256, (5, 784), generator=seeded(2))
    signs = np.where(layer.weight.detach().numpy() >= 0, 1, -1)
    expected = x.numpy() @ signs.T
    assert np.array_equal(layer(x.float()).detach().numpy(), expected)


def test_hidden_weights_start_within_half_the_width() -> None:
    hidden = BinaryLinear(300, 300, init_width=0.1, generator=seeded(3)).weight
    assert hidden.abs().max() <= 0.05
    assert hidden.abs().max() > 0.049
    assert abs(hidden.mean()) < 1e-3


@pytest.mark.parametrize("bank", [0, 1])
def test_evaluation_equals_numpy_bit_for_bit(bank: int) -> None:
    norm = awkward_norm(257, n_banks=2)
    norm.use_bank(bank)
    acc = torch.randint(-2000, 2000, (64, 257), generator=seeded(4)).float()
    got = norm(acc).detach().numpy()
    expected = numpy_eval(norm, acc.numpy(), bank)
    assert got.dtype == np.float32
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))


def test_the_standard_deviation_is_correctly_rounded() -> None:
    """PyTorch's own float32 square root is not: one number in five differs in the last bit."""
    n = 200_000
    norm = Normalization(n).eval()
    norm.running_var[0] = torch.logspace(-12, 12, n)
    got = norm(torch.ones(1, n)).detach().numpy()
    expected = numpy_eval(norm, np.ones((1, n), dtype=np.float32), 0)
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))


def test_evaluation_does_not_depend_on_the_batch() -> None:
    norm = awkward_norm(33)
    acc = torch.randint(-99, 99, (50, 33), generator=seeded(5)).float()
    whole = norm(acc)
    alone = torch.cat([norm(acc[i : i + 1]) for i in range(50)])
    assert torch.equal(whole, alone)


def test_evaluation_changes_no_statistics() -> None:
    norm = awkward_norm(33)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    norm(torch.ones(4, 33))
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())


def test_training_is_batch_normalisation_of_pytorch() -> None:
    ours, reference = Normalization(6, n_banks=2), torch.nn.BatchNorm1d(6)
    ours.use_bank(1)
    for seed in range(5):
        x = torch.randn(9, 6, generator=seeded(seed)) * 3 + 1
        assert torch.equal(ours(x), reference(x))
    assert torch.equal(ours.running_mean[1], reference.running_mean)  # type: ignore[arg-type]
    assert torch.equal(ours.running_var[1], reference.running_var)  # type: ignore[arg-type]
    assert torch.equal(ours.running_mean[0], torch.zeros(6))


def test_training_leaves_the_other_banks_without_gradient_or_update() -> None:
    norm = Normalization(4, n_banks=3)
    norm.use_bank(1)
    optimizer = torch.optim.Adam(norm.parameters(), lr=0.1, weight_decay=0.1)
    norm(torch.randn(8, 4, generator=seeded(6))).square().sum().backward()
    optimizer.step()
    for bank in (0, 2):
        assert norm.gamma[bank].grad is None
        assert torch.equal(norm.gamma[bank], torch.ones(4))
        assert torch.equal(norm.beta[bank], torch.zeros(4))
        assert torch.equal(norm.running_mean[bank], torch.zeros(4))
    assert not torch.equal(norm.gamma[1], torch.ones(4))


def test_a_new_bank_starts_as_a_copy_of_the_one_before() -> None:
    norm = awkward_norm(5, n_banks=3)
    norm.start_bank(2)
    assert norm.active_bank == 2
    assert torch.equal(norm.running_mean[2], norm.running_mean[1])
    assert torch.equal(norm.running_var[2], norm.running_var[1])
    assert torch.equal(norm.gamma[2], norm.gamma[1])
    assert torch.equal(norm.beta[2], norm.beta[1])


@pytest.mark.parametrize("bank", [-1, 2])
def test_a_bank_that_is_not_there_is_refused(bank: int) -> None:
    with pytest.raises(InputError, match="banks 0 to 1"):
        Normalization(3, n_banks=2).use_bank(bank)


def test_a_training_batch_of_one_sample_is_refused_and_changes_nothing() -> None:
    norm = Normalization(3)
    with pytest.raises(InputError, match="two or more"):
        norm(torch.ones(1, 3))
    assert torch.equal(norm.running_mean, torch.zeros(1, 3))


def test_without_affine_there_is_nothing_to_learn() -> None:
    norm = Normalization(3, affine=False)
    assert not any(p.requires_grad for p in norm.parameters())
    assert torch.equal(norm.gamma[0], torch.ones(3))
