"""Normalisation of each sample by itself: PyTorch's values, no statistics, and no export."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from metabit import InputError
from metabit.export.from_torch import from_model
from metabit.export.spec import InputSpec
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.sample_norm import SampleNormalization
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MLPConfig


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def with_scales(n: int, per_channel: bool) -> SampleNormalization:
    norm = SampleNormalization(n, n_banks=2, per_channel=per_channel)
    norm.start_bank(1)
    norm.gamma[1].data.uniform_(0.5, 2, generator=seeded())
    norm.beta[1].data.uniform_(-1, 1, generator=seeded())
    return norm


@pytest.mark.parametrize("per_channel", [False, True])
def test_maps_and_vectors_are_normalised_as_pytorch_does(per_channel: bool) -> None:
    norm, maps = with_scales(4, per_channel), torch.rand(5, 4, 3, 2, generator=seeded())
    scales = norm.gamma[1], norm.beta[1]
    groups = 4 if per_channel else 1
    torch.testing.assert_close(norm(maps), functional.group_norm(maps, groups, *scales))
    vectors = maps[:, :, 0, 0]
    torch.testing.assert_close(norm(vectors), functional.layer_norm(vectors, (4,), *scales))


def test_a_sample_has_the_same_scores_in_any_batch_and_mode() -> None:
    shape = ConvNetConfig((1, 6, 6), (ConvBlock(5),), (8,), 3, normalization="instance")
    model = BinaryConvNet(shape, seeded()).train()
    x = torch.randint(0, 256, (7, 1, 6, 6), generator=seeded()).float()
    together = model(x)
    torch.testing.assert_close(model.eval()(x[2:3]), together[2:3])
    assert all(buffer.numel() == 0 for buffer in model.buffers())  # there are no statistics


def test_a_network_without_running_statistics_is_not_exported() -> None:
    model = BinaryMLP(MLPConfig(6, (4,), 3, normalization="sample"), seeded()).eval()
    with pytest.raises(InputError, match='normalization = "sample": a file holds running means'):
        from_model(model, InputSpec("uint8", (6,)), m=1.0)


def test_a_kind_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r'normalization "group".*known: batch, instance, sample'):
        MLPConfig(6, (4,), 3, normalization="group")
