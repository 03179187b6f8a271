"""Training in PyTorch: processor time of the parts of a step, as they were and as they are.

    python -m benchmarks.speed.training_speed [--only 512 1024 4096]

"Before" is PyTorch's Adam as it is by default, followed by the formula of the metaplastic step as
`metabit.trainer.metaplasticity.withheld` writes it: that is what metabit did until fused optimizers
and damping in blocks replaced it. The quadratic penalty of EWC, MAS, SI and ANPyC was left to
autograd before; now its gradient is added in blocks. Both move the same weights in turns, on one
thread. Processor time is not disturbed by other programs, but their use of the cache and of memory
is; each figure is the least of several. Results go to results/training_speed.json here, and from
there into docs/benchmarks/speed.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import page, results
from metabit.trainer.metaplasticity import withheld
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.ewc import Ewc
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.optim import MetaplasticAdam, learning_weights, parameter_groups
from metabit.trainer.recipe.method_options import EwcOptions

Record = dict[str, Any]

WIDTHS = (512, 1024, 4096)
"""Both hidden layers of 784-WIDTH-WIDTH-10, as in the papers."""

BATCH, M, LR, WEIGHT_DECAY = 100, 1.35, 0.005, 1e-7
N_TIMES = 15


class AdamThenFormula:
    """The optimizer of before: default Adam, then the formula on whole tensors."""

    def __init__(self, model: BinaryMLP) -> None:
        self.weights = list(learning_weights(model).values())
        self.adam = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter, and damp the weights."""
        before = [weight.detach().clone() for weight in self.weights]
        self.adam.step()
        for weight, old in zip(self.weights, before, strict=True):
            weight.sub_(withheld(old, weight - old, M))


def penalty_by_autograd(ewc: Ewc, model: BinaryMLP) -> None:
    """The penalty of before, and its gradient added to the others."""
    parts = [
        (ewc.importance[name] * (weight - ewc.anchor[name]) ** 2).sum()
        for name, weight in protected(model).items()
    ]
    (ewc.options.strength * torch.stack(parts).sum()).backward()


def penalty_in_blocks(ewc: Ewc, model: BinaryMLP) -> None:
    """The penalty of now, and its gradient added to the others."""
    ewc.penalty(model)
    ewc.gradients(model)


def measure(width: int) -> Record:
    """Milliseconds of processor time for the parts of a step."""
    random = torch.Generator().manual_seed(width)
    model = BinaryMLP(MLPConfig(784, (width, width), 10), random)
    x = torch.randint(0, 256, (BATCH, 784), generator=random).float()
    y = torch.randint(0, 10, (BATCH,), generator=random)
    before = AdamThenFormula(model)
    now = MetaplasticAdam(parameter_groups(model, M), lr=LR, weight_decay=WEIGHT_DECAY)
    ewc = Ewc(EwcOptions(name="ewc", strength=1e-6), model, Setting())
    ewc.remember(model, {name: torch.ones_like(p) for name, p in protected(model).items()})
    parts: dict[str, Callable[[], object]] = {
        "gradients": lambda: gradients(model, x, y),
        "penalty_before": lambda: penalty_by_autograd(ewc, model),
        "penalty_now": lambda: penalty_in_blocks(ewc, model),
        "optimizer_before": before.step,
        "optimizer_now": now.step,
    }
    for part in parts.values():  # memory is taken and modules are imported in the first call
        part()
    least = dict.fromkeys(parts, float("inf"))
    for _ in range(N_TIMES):
        for name, part in parts.items():
            begun = time.process_time()
            part()
            least[name] = min(least[name], time.process_time() - begun)
    n_weights = sum(weight.numel() for weight in model.weights.values())
    return {"n_weights": n_weights} | {f"{name}_ms": 1e3 * t for name, t in least.items()}


def gradients(model: BinaryMLP, x: Tensor, y: Tensor) -> None:
    """Forward and backward pass."""
    model.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", type=int, choices=WIDTHS, help="only these widths")
    chosen = parser.parse_args().only or WIDTHS
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    record = {str(width): measure(width) for width in chosen}
    results.save("training_speed", "python -m benchmarks.speed.training_speed", record)
    page.write()


if __name__ == "__main__":
    main()
