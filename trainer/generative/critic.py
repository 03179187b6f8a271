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
    """

    def __init__(
        self, n_inputs: int, hidden: Sequence[int], n_classes: int, random: torch.Generator
    ) -> None:
        super().__init__()
        widths = [n_inputs, *hidden]
        self.trunk = nn.ModuleList(_linear(a, b, random) for a, b in pairwise(widths))
        self.score_head = _linear(widths[-1], 1, random)
        self.class_head = _linear(widths[-1], n_classes, random)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Judge samples (n, n_inputs): how real they look, (n,), and class scores, (n, classes)."""
        for layer in self.trunk:
            x = functional.leaky_relu(layer(x), 0.2)
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
    bound = 1 / math.sqrt(n_inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=random)
        layer.bias.uniform_(-bound, bound, generator=random)
    return layer
