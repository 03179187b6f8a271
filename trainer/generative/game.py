"""Generator against critic, for one task: a Wasserstein game with a gradient penalty.

    critic:     mean score(drawn) - mean score(real) + penalty * mean (|slope| - 1)^2
                + class_strength * cross-entropy of its class head on real samples
    generator:  -mean score(drawn) + class_strength * cross-entropy of that head on drawn samples
                + mask_strength * growth * sparsity

The two players never come to a standstill, and the generator of the last step is kept. Therefore
learning rates fall to 0 in the second half of a task.

Reference:
    Ostapenko et al. 2019, "Learning to remember"; Gulrajani et al. 2017 for penalty and betas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from metabit.trainer.generative.critic import Critic, gradient_penalty
from metabit.trainer.generative.generator import Generator
from metabit.trainer.generative.masks import slope

BETAS = (0.0, 0.9)


@dataclass(frozen=True)
class Rules:
    """Constants of the game.

    Attributes:
        critic_hidden: widths of the critic.
        critic_maps: channels, rows and columns of what a convolutional critic judges; None for a
            dense one.
        generator_lr, critic_lr: learning rates of Adam at the start of a task.
        gradient_penalty: factor of the gradient penalty.
        mask_strength: factor of the sparsity of masks.
        class_strength: factor of the class head, in both losses.
        s_max: slope of the masks at the end of a task.
    """

    critic_hidden: tuple[int, ...]
    generator_lr: float
    critic_lr: float
    gradient_penalty: float
    mask_strength: float
    class_strength: float
    s_max: float
    critic_maps: tuple[int, int, int] | None = None


class Game:
    """The critic of one task and the steps of both players.

    Args:
        generator: the generator, after `begin_task`.
        n_classes: number of classes of the class head.
        rules: the constants.
        random: random numbers for the critic's initial weights, noise and mixtures.
    """

    def __init__(
        self, generator: Generator, n_classes: int, rules: Rules, random: torch.Generator
    ) -> None:
        self.generator, self.rules, self.random = generator, rules, random
        self.n_classes = n_classes
        self.n_noise = generator.plan.n_inputs - n_classes
        n_values, hidden = generator.plan.n_values, rules.critic_hidden
        critic = Critic(n_values, hidden, n_classes, random, rules.critic_maps)
        self.critic = critic.to(generator.device)
        drawers = list(generator.parameters().values())
        self.generator_adam = torch.optim.Adam(
            drawers, lr=rules.generator_lr, betas=BETAS, fused=True
        )
        judges = list(self.critic.parameters())
        self.critic_adam = torch.optim.Adam(judges, lr=rules.critic_lr, betas=BETAS, fused=True)

    def codes(self, y: Tensor) -> Tensor:
        """Inputs of the generator for these classes: one-hot codes and new noise, (n, n_inputs)."""
        return codes(y, self.n_classes, self.n_noise, self.random)

    def step(self, real: Tensor, y: Tensor, done: float) -> tuple[float, float]:
        """Do one step of the critic, then one step of the generator.

        Args:
            real: samples of the task in -1 .. 1, shape (n, n_values).
            y: their classes, int64, shape (n,).
            done: share of the task that has passed, from 0 to 1.

        Returns:
            the losses of critic and generator.
        """
        self._slow_down(done)
        s = slope(self.rules.s_max, done)
        drawn, sparsity = self.generator.draw(self.codes(y), s, self.rules.s_max)
        judged = self._judge(real, drawn.detach(), y)
        self.generator_adam.zero_grad()
        scores, classes = self.critic(drawn)
        loss = -scores.mean() + self.rules.mask_strength * self.generator.growth * sparsity
        if self.rules.class_strength:
            loss = loss + self.rules.class_strength * functional.cross_entropy(classes, y)
        loss.backward(inputs=self.generator_adam.param_groups[0]["params"])  # not the critic's
        self.generator.freeze_reserved()
        self.generator_adam.step()
        return judged, float(loss.item())

    def _slow_down(self, done: float) -> None:
        rest = max(0.0, min(1.0, 2 - 2 * done))
        self.generator_adam.param_groups[0]["lr"] = self.rules.generator_lr * rest
        self.critic_adam.param_groups[0]["lr"] = self.rules.critic_lr * rest

    def _judge(self, real: Tensor, drawn: Tensor, y: Tensor) -> float:
        """Do one step of the critic; return its loss."""
        self.critic_adam.zero_grad()
        scores, classes = self.critic(torch.cat([real, drawn]))
        shares = torch.rand(len(y), 1, generator=self.random).to(y.device)
        loss = scores[len(y) :].mean() - scores[: len(y)].mean()
        penalty = gradient_penalty(self.critic, real, drawn, shares)
        loss = loss + self.rules.gradient_penalty * penalty
        if self.rules.class_strength:
            wrong = functional.cross_entropy(classes[: len(y)], y)
            loss = loss + self.rules.class_strength * wrong
        loss.backward()
        self.critic_adam.step()
        return float(loss.item())

    def state(self) -> dict[str, Tensor]:
        """Critic and moments, by names "field/part"; the generator has a state of its own."""
        tensors = {f"critic/{name}": value for name, value in self.critic.state_dict().items()}
        for kind, adam in self._adams().items():
            for i, parameter in enumerate(adam.param_groups[0]["params"]):
                for key, value in adam.state.get(parameter, {}).items():
                    tensors[f"{kind}/{i}.{key}"] = value
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        names = self.critic.state_dict()
        self.critic.load_state_dict({name: tensors[f"critic/{name}"] for name in names})
        for kind, adam in self._adams().items():
            for i, parameter in enumerate(adam.param_groups[0]["params"]):
                keys = ("step", "exp_avg", "exp_avg_sq")
                if f"{kind}/{i}.step" in tensors:
                    adam.state[parameter] = {key: tensors[f"{kind}/{i}.{key}"] for key in keys}

    def _adams(self) -> dict[str, torch.optim.Adam]:
        return {"generator_moments": self.generator_adam, "critic_moments": self.critic_adam}


def codes(y: Tensor, n_classes: int, n_noise: int, random: torch.Generator) -> Tensor:
    """Inputs of a generator: one-hot codes of classes, each followed by noise.

    Args:
        y: classes, int64, shape (n,).
        n_classes: length of a code.
        n_noise: number of normal random numbers that follow a code.
        random: source of the random numbers.

    Returns:
        float32, shape (n, n_classes + n_noise).
    """
    noise = torch.randn(len(y), n_noise, generator=random).to(y.device)
    return torch.cat([functional.one_hot(y, n_classes).to(torch.float32), noise], dim=1)
