"""Training several seeds at once: does one batched product for all of them save time on a core?

    python -m benchmarks.speed.stacked_seeds [--only 128 512]

Networks of N_SEEDS seeds take the same step, gradients and Adam, on batches of their own: one
network after the other, and all as one stacked network, whose products are batched (torch.bmm) and
whose normalisation sees the features of all side by side. Both take turns in one process, on one
thread, and processor time is measured. Other programs disturb it less than the clock, but they do
use the cache and memory: what counts is the ratio. Results go to results/stacked_seeds.json here,
and from there into docs/benchmarks/speed.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import page, results
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.quantizers import sign_activation, sign_weight
from metabit.trainer.networks.shapes import MLPConfig

Record = dict[str, Any]

WIDTHS = (128, 512)
"""Both hidden layers of 784-WIDTH-WIDTH-10, as at small scale and in the width study."""

N_SEEDS, BATCH, LR = 3, 100, 0.005
N_TURNS, STEPS_PER_TURN = 15, 4


class Stacked(nn.Module):
    """Networks of one shape as one: their weights in a row of matrices.

    Args:
        models: networks with one bank each; their weights are copied.
    """

    def __init__(self, models: Sequence[BinaryMLP]) -> None:
        super().__init__()
        layers = list(zip(*(model.layers for model in models), strict=True))
        norms = [[norm for _, norm in layer] for layer in layers]
        self.weights = nn.ParameterList(
            torch.stack([linear.weight.detach() for linear, _ in layer]) for layer in layers
        )
        self.gammas, self.betas = (
            nn.ParameterList(
                torch.cat([getattr(norm, key)[0].detach() for norm in row]) for row in norms
            )
            for key in ("gamma", "beta")
        )
        self.eps, self.momentum = norms[0][0].eps, norms[0][0].momentum
        self.means = [torch.cat([norm.running_mean[0] for norm in row]) for row in norms]
        self.variances = [torch.cat([norm.running_var[0] for norm in row]) for row in norms]

    def forward(self, x: Tensor) -> Tensor:
        """Scores, shape (n_seeds, n, n_classes), of samples, shape (n_seeds, n, n_inputs)."""
        last = len(self.weights) - 1
        for layer, weight in enumerate(self.weights):
            sums = torch.bmm(x, sign_weight(weight).transpose(1, 2))
            x = self._normalized(sums, layer)
            if layer < last:
                x = sign_activation(x)
        return x

    def _normalized(self, sums: Tensor, layer: int) -> Tensor:
        n_seeds, n, width = sums.shape
        side_by_side = sums.transpose(0, 1).reshape(n, n_seeds * width)
        normal = functional.batch_norm(
            side_by_side, self.means[layer], self.variances[layer], self.gammas[layer],
            self.betas[layer], training=True, momentum=self.momentum, eps=self.eps,
        )  # fmt: skip
        return normal.reshape(n, n_seeds, width).transpose(0, 1)


def networks(width: int) -> list[BinaryMLP]:
    """One network of each seed."""
    return [
        BinaryMLP(MLPConfig(784, (width, width), 10), torch.Generator().manual_seed(seed))
        for seed in range(N_SEEDS)
    ]


def batches() -> tuple[Tensor, Tensor]:
    """Samples (n_seeds, n, 784) and labels (n_seeds, n), another batch for each seed."""
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (N_SEEDS, BATCH, 784), generator=random).float()
    return x, torch.randint(0, 10, (N_SEEDS, BATCH), generator=random)


def stacked_loss(model: Stacked, x: Tensor, y: Tensor) -> Tensor:
    """Sum over seeds of the mean loss of each: what each network would minimise alone."""
    scores = model(x).flatten(0, 1)
    return functional.cross_entropy(scores, y.flatten(), reduction="sum") / y.shape[1]


def measure(width: int) -> Record:
    """Milliseconds of a step per seed, in turn and stacked, and the ratio of the two."""
    models, (x, y) = networks(width), batches()
    stacked = Stacked(models)
    adams = [torch.optim.Adam(model.parameters(), lr=LR, fused=True) for model in models]
    adam = torch.optim.Adam(stacked.parameters(), lr=LR, fused=True)

    def in_turn() -> None:
        for model, optimizer, samples, labels in zip(models, adams, x, y, strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(model(samples), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def at_once() -> None:
        adam.zero_grad()
        stacked_loss(stacked, x, y).backward()  # type: ignore[no-untyped-call]
        adam.step()

    ways = {"in_turn": in_turn, "stacked": at_once}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(N_TURNS + 1):
        for name, step in ways.items():
            begun = time.process_time()
            for _ in range(STEPS_PER_TURN):
                step()
            if turn > 0:  # memory is taken and modules are imported in the first
                seconds[name].append((time.process_time() - begun) / STEPS_PER_TURN / N_SEEDS)
    ratios = [a / b for a, b in zip(seconds["in_turn"], seconds["stacked"], strict=True)]
    return {
        "n_weights": sum(a * b for a, b in pairwise((784, width, width, 10))),
        "in_turn_ms": 1e3 * min(seconds["in_turn"]),
        "stacked_ms": 1e3 * min(seconds["stacked"]),
        "gain": min(seconds["in_turn"]) / min(seconds["stacked"]),
        "median_gain": statistics.median(ratios),
    }


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", type=int, choices=WIDTHS, help="only these widths")
    chosen = parser.parse_args().only or WIDTHS
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    record = {str(width): measure(width) for width in chosen}
    results.save("stacked_seeds", "python -m benchmarks.speed.stacked_seeds", record)
    page.write()


if __name__ == "__main__":
    main()
