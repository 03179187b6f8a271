"""A PyTorch network of somebody else, through torch.export: the same labels, packed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.export.from_exported import from_exported
from metabit.export.golden import model_scores
from metabit.export.onnx_import.samples import Quantization


class Theirs(nn.Module):
    """Latent weights made binary in two ways, normalised pixels, +1 padding, pooling, a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.head, self.norm3 = nn.Linear(6 * 3 * 3, 5, bias=False), nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d((x - 0.5) / 0.5, self.conv1.weight.sign())
        x = functional.pad(self.norm1(x).sign(), (1, 1, 1, 1), value=1.0)
        x = functional.max_pool2d(functional.conv2d(x, self.conv2.weight.sign()), 2)
        x = self.norm2(x).sign().view(x.size(0), -1)
        weight = torch.where(self.head.weight >= 0, 1.0, -1.0)
        result: Tensor = self.norm3(functional.linear(x, weight))
        return result


def test_a_network_of_others_keeps_its_labels() -> None:
    torch.manual_seed(0)
    net = Theirs()
    with torch.no_grad():
        for _ in range(20):
            net(torch.rand(64, 1, 8, 8))
    net.eval()
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(net, (torch.rand(3, 1, 8, 8),), dynamic_shapes=(batch,))
    imported = from_exported(program, Quantization("uint8", 1 / 255))
    q = np.random.default_rng(0).integers(0, 256, (300, 64)).astype(np.uint8)
    with torch.no_grad():
        expected = net(torch.from_numpy(q).float().view(-1, 1, 8, 8) / 255).argmax(1).numpy()
    assert len(np.unique(expected)) > 2
    assert np.array_equal(model_scores(imported.model, q).argmax(axis=1), expected)
    assert [layer.n_macs for layer in imported.layers] == [36 * 72, 36 * 432, 270]


class WithDetours(nn.Module):
    """Weights with a size per channel, as XNOR-Net has, and a sign with the gradient of a clamp."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Linear(24, 16, bias=False), nn.BatchNorm1d(16)
        self.last, self.norm2 = nn.Linear(16, 4, bias=False), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        size = self.first.weight.abs().mean(1, keepdim=True)
        h = self.norm1(functional.linear(x, self.first.weight.sign() * size)).clamp(-1, 1)
        h = (h.sign() - h).detach() + h
        result: Tensor = self.norm2(functional.linear(h, self.last.weight.sign()))
        return functional.log_softmax(result, dim=1)


@pytest.mark.long
def test_detached_signs_and_sizes_of_weights_keep_their_labels() -> None:
    torch.manual_seed(1)
    net = WithDetours()
    with torch.no_grad():
        for _ in range(20):
            net(torch.randint(-9, 10, (64, 24)).float())
    net.eval()
    program = torch.export.export(net, (torch.rand(2, 24),))
    imported = from_exported(program, Quantization("int8", 1.0))
    q = np.random.default_rng(0).integers(-9, 10, (300, 24)).astype(np.int8)
    with torch.no_grad():
        expected = net(torch.from_numpy(q).float()).argmax(1).numpy()
    assert len(np.unique(expected)) > 2
    assert np.array_equal(model_scores(imported.model, q).argmax(axis=1), expected)
