"""Binary convolution: exact sums, and pooling that folds into thresholds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from helpers.plain_maps import normalise_maps, plain_convolution

from metabit import InputError
from metabit.export.fold import apply_threshold, fold_threshold
from metabit.export.spec import Norm
from metabit.trainer.networks.conv import BinaryConv2d, MapNormalization, flatten_nhwc, max_pool
from metabit.trainer.networks.shapes import Padding


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def awkward_norm(n_channels: int, n_banks: int = 1) -> MapNormalization:
    """Statistics as after training; falling, constant and zero-variance channels among them."""
    norm = MapNormalization(n_channels, n_banks=n_banks)
    generator = seeded(7)
    norm.running_mean.normal_(0, 5, generator=generator)
    norm.running_var.uniform_(0, 90, generator=generator)
    for bank in range(n_banks):
        norm.gamma[bank].data.normal_(0, 1, generator=generator)
        norm.beta[bank].data.normal_(0, 1, generator=generator)
        norm.gamma[bank].data[::5] = 0
    norm.running_var[:, 0] = 0
    return norm.eval()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("padding", ["one", "valid"])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "rows", "columns"),
    [(1, 1, 4, 5), (3, 1, 7, 5), (3, 2, 7, 8), (4, 1, 6, 5), (4, 3, 9, 11), (5, 2, 5, 6)],
)
def test_sums_equal_a_plain_loop(
    kernel_size: int, stride: int, rows: int, columns: int, padding: Padding, training: bool
) -> None:
    conv = BinaryConv2d(3, 5, kernel_size, stride, padding, 255, generator=seeded(1))
    conv.weight.data[0, 0, 0, 0] = 0.0  # sign(0) is +1
    x = torch.randint(-255, 256, (2, 3, rows, columns), generator=seeded(2))
    weights = np.where(conv.weight.detach().numpy() >= 0, 1, -1)
    expected = plain_convolution(x.numpy(), weights, stride, padding)
    got = conv.train(training)(x.float()).detach().numpy()
    assert got.dtype == np.float32
    assert np.array_equal(got, expected)
    assert got.shape[2:] == (conv.output_size(rows), conv.output_size(columns))


def test_padding_with_one_keeps_the_side_divided_by_the_stride() -> None:
    for kernel_size in (1, 2, 3, 4, 5):
        for stride in (1, 2, 3):
            conv = BinaryConv2d(1, 1, kernel_size, stride)
            for side in (1, 2, 5, 6):
                sums = conv.eval()(torch.ones(1, 1, side, side))
                assert sums.shape[2:] == (math.ceil(side / stride),) * 2


def test_padding_counts_as_activations_of_plus_one() -> None:
    conv = BinaryConv2d(2, 1, 3).eval()
    conv.weight.data.fill_(1.0)
    minus = -torch.ones(1, 2, 1, 1)
    assert conv(minus).item() == 2 * (8 - 1)  # eight places outside, one inside


def test_large_sums_stay_exact() -> None:
    """A sum that rounds would lose its last bit: 7281 * 9 * 255 is just below 2**24."""
    conv = BinaryConv2d(7281, 1, 3, padding="valid", max_input=255).eval()
    conv.weight.data.fill_(1.0)
    x = torch.full((1, 7281, 3, 3), 255.0)
    x[0, 0, 0, 0] = 254
    assert conv(x).item() == 7281 * 9 * 255 - 1


def test_sums_that_could_reach_the_limit_of_float32_are_refused() -> None:
    with pytest.raises(InputError, match=r"7311 channels.*below 16777216") as caught:
        BinaryConv2d(7311, 1, 3, max_input=255)
    assert caught.value.code == "E-NETWORK"


def test_the_gradient_of_the_hidden_weights_is_that_of_the_binary_ones() -> None:
    """Straight through, for hidden weights of any size; training and evaluation agree."""
    conv = BinaryConv2d(2, 3, 3, 2, generator=seeded(1))
    conv.weight.data *= 100
    x = torch.randint(0, 2, (4, 2, 7, 7), generator=seeded(2)).float() * 2 - 1
    grads = []
    for training in (True, False):
        conv.zero_grad()
        conv.train(training)(x).square().sum().backward()
        assert conv.weight.grad is not None
        grads.append(conv.weight.grad.clone())
    assert torch.equal(*grads)
    binary = conv.weight.detach().sign().requires_grad_()
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), value=1.0)
    sums = torch.nn.functional.conv2d(padded, binary, stride=2)
    sums.square().sum().backward()  # type: ignore[no-untyped-call]
    assert binary.grad is not None
    assert torch.equal(grads[0], binary.grad)


def test_the_export_order_is_that_of_a_patch_with_channels_innermost() -> None:
    conv = BinaryConv2d(3, 4, 2, padding="valid", generator=seeded(1)).eval()
    x = torch.randint(-9, 9, (1, 3, 2, 2), generator=seeded(2)).float()
    signs = conv.nhwc_signs()
    assert signs.shape == (4, 2, 2, 3)
    assert signs.dtype == np.int8
    assert signs.flags.c_contiguous
    patch = x[0].permute(1, 2, 0).flatten().numpy()  # row, column, channel
    assert np.array_equal(signs.reshape(4, -1) @ patch, conv(x).detach().numpy().ravel())
    assert np.array_equal(flatten_nhwc(x)[0].numpy(), patch)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_in": 0}, "n_in = 0"),
        ({"n_out": 0}, "n_out = 0"),
        ({"kernel_size": 0}, "kernel_size = 0"),
        ({"stride": 0}, "stride = 0"),
        ({"max_input": 0}, "max_input = 0"),
        ({"padding": "zero"}, 'padding "zero": .*known: one, valid'),
    ],
)
def test_a_convolution_that_cannot_be_built_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        BinaryConv2d(**({"n_in": 1, "n_out": 1, "kernel_size": 3} | change))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 2, 8, 8), (1, 3, 64)])
def test_maps_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"need \(n, 3, rows, columns\)"):
        BinaryConv2d(3, 1, 3)(torch.ones(shape))


def test_a_map_smaller_than_the_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="on a map of side 2"):
        BinaryConv2d(1, 1, 3, padding="valid")(torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize(("rows", "columns", "size"), [(6, 8, 2), (7, 5, 2), (8, 9, 3), (5, 4, 1)])
def test_pooling_takes_the_largest_of_each_full_window(rows: int, columns: int, size: int) -> None:
    sums = torch.randint(-50, 50, (2, 3, rows, columns), generator=seeded(3))
    got = max_pool(sums.float(), size).numpy()
    assert got.shape == (2, 3, rows // size, columns // size)
    for n, c, i, j in np.ndindex(*got.shape):
        window = sums[n, c, i * size : (i + 1) * size, j * size : (j + 1) * size]
        assert got[n, c, i, j] == window.max().item()


def test_pooling_before_normalisation_folds_into_thresholds() -> None:
    """Largest sum against one threshold; and without sums: OR of bits, AND where they fall."""
    norm = awkward_norm(40)
    sums = torch.randint(-30, 31, (6, 40, 8, 8), generator=seeded(4)).float()
    bits = norm(max_pool(sums, 2)).detach().numpy() >= 0
    mean, var = norm.running_mean[0].numpy(), norm.running_var[0].numpy()
    gamma, beta = norm.gamma[0].detach().numpy(), norm.beta[0].detach().numpy()
    threshold = fold_threshold(Norm(mean, var, gamma, beta), norm.eps, 30)

    channels_last = sums.permute(0, 2, 3, 1).numpy().astype(np.int32)
    single = apply_threshold(channels_last, threshold)
    windows = single.reshape(6, 4, 2, 4, 2, 40)
    pooled_bits = np.where(threshold.flip, windows.all(axis=(2, 4)), windows.any(axis=(2, 4)))
    largest = channels_last.reshape(6, 4, 2, 4, 2, 40).max(axis=(2, 4))
    assert np.array_equal(bits.transpose(0, 2, 3, 1), apply_threshold(largest, threshold))
    assert np.array_equal(bits.transpose(0, 2, 3, 1), pooled_bits)
    assert {True, False} <= set(threshold.flip[threshold.value > -(2**31)].tolist())


@pytest.mark.parametrize("bank", [0, 1])
def test_evaluation_of_maps_equals_numpy_bit_for_bit(bank: int) -> None:
    norm = awkward_norm(17, n_banks=2)
    norm.use_bank(bank)
    acc = torch.randint(-2000, 2000, (9, 17, 5, 3), generator=seeded(5)).float()
    got = norm(acc).detach().numpy()
    expected = normalise_maps(norm, acc.numpy())
    assert got.dtype == np.float32
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))


def test_training_of_maps_is_batch_normalisation_of_pytorch() -> None:
    ours, reference = MapNormalization(4, n_banks=2), torch.nn.BatchNorm2d(4)
    ours.use_bank(1)
    for seed in range(3):
        x = torch.randn(6, 4, 5, 3, generator=seeded(seed)) * 3 + 1
        torch.testing.assert_close(ours(x), reference(x))
    torch.testing.assert_close(ours.running_mean[1], reference.running_mean)
    torch.testing.assert_close(ours.running_var[1], reference.running_var)
    assert torch.equal(ours.running_mean[0], torch.zeros(4))
