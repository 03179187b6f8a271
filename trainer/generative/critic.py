"""The critic judges how real a sample looks, and which class it shows.

Reference:
    Gulrajani et al. 2017, "Improved training of Wasserstein GANs"; the second head is from Odena
    et al. 2017, "Conditional image synthesis with auxiliary classifier GANs".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Critic(nn.Module):
    """Layers with leaky rectifiers, and two heads.

    There is no normalisation, because the gradient penalty looks at each sample alone.

    Args:
        n_inputs: number of values in a sample.
        hidden: widths of the hidden layers.
        n_classes: number of outputs of the class head.
        random: random numbers for the initial weights.
        maps: channels, rows and columns of a sample; the hidden layers are then convolutions with
            4 x 4 kernels, each of which halves the sides. None for dense layers.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden: Sequence[int],
        n_classes: int,
        random: torch.Generator,
        maps: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__()
        self.maps = maps
        make = _linear if maps is None else _convolution
        widths = [n_inputs if maps is None else maps[0], *hidden]
        self.trunk = nn.ModuleList(make(a, b, random) for a, b in pairwise(widths))
        n_features = widths[-1]
        if maps is not None:
            n_features *= (maps[1] >> len(hidden)) * (maps[2] >> len(hidden))
        self.score_head = _linear(n_features, 1, random)
        self.class_head = _linear(n_features, n_classes, random)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Judge samples (n, n_inputs): how real they look, (n,), and class scores, (n, classes)."""
        if self.maps is not None:
            x = x.reshape(len(x), *self.maps)
        for layer in self.trunk:
            x = functional.leaky_relu(layer(x), 0.2)
        x = x.flatten(1)
        return self.score_head(x)[:, 0], self.class_head(x)


def gradient_penalty(critic: Critic, real: Tensor, false: Tensor, shares: Tensor) -> Tensor:
    """Mean of (|slope of the critic| - 1)^2 at mixtures of real and generated samples.

    Args:
        critic: the critic.
        real, false: real and generated samples, shape (n, n_inputs).
        shares: share of the real sample in each mixture, shape (n, 1).
    """
    mixed = (shares * real + (1 - shares) * false).requires_grad_(True)
    scores, _ = critic(mixed)
    (gradient,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
    penalty: Tensor = ((gradient.norm(dim=1) - 1) ** 2).mean()
    return penalty


def _linear(n_inputs: int, n_outputs: int, random: torch.Generator) -> nn.Linear:
    layer = nn.Linear(n_inputs, n_outputs, device="meta").to_empty(device="cpu")
    _start(layer, n_inputs, random)
    return layer


def _convolution(n_inputs: int, n_outputs: int, random: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(n_inputs, n_outputs, 4, stride=2, padding=1, device="meta")
    layer = layer.to_empty(device="cpu")
    _start(layer, n_inputs * 4 * 4, random)
    return layer


@torch.no_grad()
def _start(layer: nn.Module, n_inputs: int, random: torch.Generator) -> None:
    """Draw weights and biases from -b to b, b = 1 / sqrt(inputs of an output)."""
    bound = 1 / math.sqrt(n_inputs)
    for parameter in layer.parameters():
        parameter.uniform_(-bound, bound, generator=random)
