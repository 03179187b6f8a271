"""BiMU: a binary weight is a belief with a finite memory, one number without an optimizer.

The parameter called hidden weight holds lambda. The weight is +1 with probability
sigmoid(2 lambda). Its mean is tanh(lambda), and its likelier sign is the sign of lambda. In a step
on B samples

    g      = scale * gradient / (running root mean square of the layer's gradients)
    s      = sech(lambda) ** 2                         how undecided the belief is, from 1 to 0
    step   = 1 / (s + 2 g tanh(lambda) + 2 |g| + 1 / max_rate)
    lambda = lambda - step * (rate * g + lambda * s * B / window)

The denominator of a step against the belief is up to 4 |g| larger than the denominator of a step
for it: that is the metaplasticity. The last term makes beliefs that are not confirmed fade within
about `window` samples, so that a network never becomes rigid, however many tasks there are. The
method need not know where a task ends.

In the spirit of: Cottart et al. 2026, "BiMU", a metaplastic binary Bayesian network (arXiv
2605.30198). The update above is its rule as published accounts give it.

What differs:
* The gradient is divided by its running size, one number per layer. After a normalisation its size
  depends on widths and inputs, and one scale would not suit two layers. The paper's factor of s is
  omitted, because the other factors can replace it.
* Steps use batches with their mean gradient. The paper trains sample by sample, without
  normalisation and with another nonlinearity. Here the recipe's optimizer trains the normalisation,
  and the keys lr, momentum and weight_decay concern only that.
* samples = 0 trains with the likelier signs, which are also exported. With samples = k a step uses
  the mean gradient of k networks drawn from the beliefs, as in the paper. Running statistics then
  come from a further pass with the likelier signs, because these are deployed.

Bytes: lambda replaces the hidden weight; in addition 4 per layer. Binary networks only, dense or
convolutional.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.networks.diagnosis import Diverged, first_bad_sums
from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.network import Network
from metabit.trainer.optim import learning_weights
from metabit.trainer.recipe.method_options import BimuOptions
from metabit.trainer.recipe.registry import register

SHARE = 0.01
"""Weight of a new batch in the running mean square of a layer's gradients."""


@register
class Bimu(Method):
    """Beliefs in place of hidden weights."""

    name = "bimu"
    Options = BimuOptions

    def __init__(self, options: Any, model: Network, setting: Setting) -> None:
        super().__init__(options, model, setting)
        self.size = {name: weight.new_zeros(()) for name, weight in learning_weights(model).items()}
        self.generator = torch.Generator().manual_seed(setting.seed)
        self._n_samples = 0  # of the batch, within a step

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Note the number of samples of the step."""
        self._n_samples = len(y)
        return x, y

    @torch.no_grad()
    def gradients(self, model: Network) -> None:
        """Move the beliefs, and remove their gradients so that the optimizer does not move them."""
        faded = self._n_samples / self.options.window
        for name, belief in learning_weights(model).items():
            if belief.grad is None:
                raise RuntimeError(f"{name}: no gradient before gradients()")
            g = self.options.scale * belief.grad / self._running_size(name, belief.grad)
            mean = torch.tanh(belief)
            s = 1 - mean.square()
            step = 1 / (s + 2 * g * mean + 2 * g.abs() + 1 / self.options.max_rate)
            belief.sub_(step * (self.options.rate * g + belief * s * faded))
            belief.grad = None

    def _running_size(self, name: str, gradient: Tensor) -> Tensor:
        """Running root mean square of a layer's gradients, which starts with the first batch."""
        size, new = self.size[name], (gradient**2).mean()
        size.copy_(new if size == 0 else size + SHARE * (new - size))
        return size.sqrt().clamp(min=1e-30)

    def step(self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """Do a step with drawn networks or, with samples = 0, the plain step."""
        if self.options.samples == 0:
            return super().step(model, optimizer, x, y)
        optimizer.zero_grad()
        x, y = self.batch(x, y)
        inputs = self.inputs(x)
        with torch.no_grad():
            model(inputs)  # updates the running statistics, for the network that is deployed
        total = 0.0
        with self._drawing(model) as draw:
            for _ in range(self.options.samples):
                draw()
                loss = self.setting.outputs.loss(model(inputs), y) / self.options.samples
                if not torch.isfinite(loss):
                    bad = first_bad_sums(model, inputs)
                    raise Diverged(f"the loss is {loss.item()}, because of {bad}")
                loss.backward()
                total += loss.item()
        self.gradients(model)
        optimizer.step()
        return total

    @contextlib.contextmanager
    def _drawing(self, model: Network) -> Iterator[Any]:
        """A context in which weights can be drawn and running statistics do not change."""
        beliefs = {name: (p, p.detach().clone()) for name, p in learning_weights(model).items()}
        norms = [module for module in model.modules() if isinstance(module, Normalization)]
        momenta = [norm.momentum for norm in norms]

        def draw() -> None:
            for weight, belief in beliefs.values():
                chance = torch.rand(belief.shape, generator=self.generator).to(belief.device)
                weight.data = torch.where(chance < torch.sigmoid(2 * belief), 1.0, -1.0)

        try:
            for norm in norms:
                norm.momentum = 0.0
            yield draw
        finally:
            for weight, belief in beliefs.values():
                weight.data = belief
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum

    def state(self) -> dict[str, Tensor]:
        """Mean squares of the gradients; with drawn networks also the random state."""
        sizes = {f"size/{name}": tensor for name, tensor in self.size.items()}
        if self.options.samples == 0:
            return sizes
        return {**sizes, "counters/generator": self.generator.get_state()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self.size = {name: tensors[f"size/{name}"] for name in self.size}
        if self.options.samples:
            self.generator.set_state(tensors["counters/generator"])
