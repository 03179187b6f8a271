"""benchmarks/speed/stacked_seeds.py: stacked networks do what each of them does alone."""

from __future__ import annotations

import torch
from torch.nn import functional

from benchmarks.speed.stacked_seeds import Stacked, batches, networks, stacked_loss


def test_a_stacked_network_has_the_gradients_and_statistics_of_each_network_alone() -> None:
    models, (x, y) = networks(16), batches()
    stacked = Stacked(models)
    stacked_loss(stacked, x, y).backward()  # type: ignore[no-untyped-call]
    for seed, (model, samples, labels) in enumerate(zip(models, x, y, strict=True)):
        functional.cross_entropy(model(samples), labels).backward()  # type: ignore[no-untyped-call]
        for layer, (linear, norm) in enumerate(model.layers):
            theirs = stacked.weights[layer].grad
            assert theirs is not None
            assert linear.weight.grad is not None
            assert linear.weight.grad.abs().max() > 1e-3
            assert torch.allclose(theirs[seed], linear.weight.grad, atol=1e-5)
            width = norm.n_features
            mean = stacked.means[layer][seed * width : (seed + 1) * width]
            assert torch.allclose(mean, norm.running_mean[0], rtol=1e-5, atol=1e-4)
