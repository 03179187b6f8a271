"""Outputs of a network apart from the rest: single, multi and growing heads on a trunk.

A trunk is a network without its last layer. It turns samples into binary features, and may be
frozen. A head is that last layer: a binary linear layer and normalisation, whose hidden weights are
metaplastic like any others. A frozen trunk with a metaplastic head is what a small device can learn
with: only the head needs hidden weights.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.conv import BinaryConv2d, network_error
from metabit.trainer.convnet import BinaryConvNet
from metabit.trainer.layers import BinaryLinear, Normalization
from metabit.trainer.models import BinaryMLP
from metabit.trainer.quantizers import sign_activation

Layer = tuple[BinaryLinear | BinaryConv2d, Normalization]
"""A layer with binary weights and the normalisation that follows it."""


class Head(nn.Module):
    """A single head: one score a class, the same classes for all tasks.

    Args:
        n_features: binary features that it reads.
        n_classes: scores that it gives.
        n_banks, affine, eps, momentum: of the normalisation; see `Normalization`.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
        generator: random numbers for the start; the global generator of PyTorch if None.

    Attributes:
        linear, norm: its two parts.

    Raises:
        InputError: no features or no classes.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        n_banks: int = 1,
        affine: bool = True,
        eps: float = 1e-5,
        momentum: float = 0.1,
        init_width: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if n_features < 1 or n_classes < 1:
            raise network_error(
                f"head with {n_features} features and {n_classes} classes: needs one of each"
            )
        self.init_width = init_width
        self.linear = BinaryLinear(n_features, n_classes, init_width, generator)
        self.norm = Normalization(n_classes, n_banks, affine, eps, momentum)

    @property
    def n_classes(self) -> int:
        """Scores that it gives."""
        return self.linear.n_outputs

    @property
    def layers(self) -> list[Layer]:
        """Its one layer, with the normalisation."""
        return [(self.linear, self.norm)]

    def forward(self, features: Tensor) -> Tensor:
        """Class scores, shape (n, n_classes), for features of shape (n, n_features)."""
        scores: Tensor = self.norm(self.linear(features))
        return scores


class MultiHead(nn.Module):
    """One head a task, for task-incremental learning: the task is known when labels are asked for.

    Only the head of the task at hand takes part, so the others have no gradient and no optimizer
    moves them. Labels count from 0 within a task.

    Args:
        n_features: binary features that every head reads.
        n_classes: classes of each task.
        affine, eps, momentum, init_width, generator: as for `Head`.

    Attributes:
        heads: one `Head` a task, in order.

    Raises:
        InputError: no tasks, no features, or a task without classes.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: Sequence[int],
        affine: bool = True,
        eps: float = 1e-5,
        momentum: float = 0.1,
        init_width: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if not n_classes:
            raise network_error("multi-head output without tasks: give the classes of each")
        self.heads = nn.ModuleList(
            Head(n_features, n, 1, affine, eps, momentum, init_width, generator) for n in n_classes
        )

    @property
    def layers(self) -> list[Layer]:
        """The layer of each head, in the order of the tasks."""
        return [layer for head in self.heads for layer in cast(Head, head).layers]

    def forward(self, features: Tensor, task: int) -> Tensor:
        """Class scores of one task, shape (n, n_classes[task]).

        Args:
            features: shape (n, n_features).
            task: whose head to ask, from 0.

        Raises:
            InputError: there is no head for this task.
        """
        if not 0 <= task < len(self.heads):
            raise InputError(
                f"task {task}: this output has heads for tasks 0 to {len(self.heads) - 1}",
                code="E-TASK",
            )
        scores: Tensor = self.heads[task](features)
        return scores


class GrowingHead(Head):
    """A single head that takes new classes in, for class-incremental learning.

    The rows of the classes it had stay as they are, bit for bit, in all banks: hidden weights,
    statistics, scale and offset. In evaluation so do their scores.

    Args: those of `Head`.

    Attributes:
        old_rows: bool, shape (n_classes,): the classes that were there before the last growth; all
            False before the first. It travels with the state dict.
    """

    old_rows: Tensor

    def __init__(self, n_features: int, n_classes: int, **options: Any) -> None:
        super().__init__(n_features, n_classes, **options)
        self.register_buffer("old_rows", torch.zeros(n_classes, dtype=torch.bool))

    @torch.no_grad()
    def grow(
        self,
        n_new: int,
        generator: torch.Generator | None = None,
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        """Add classes behind those that are there.

        New hidden weights start as those of a new head, new statistics at mean 0 and variance 1.
        Parameters are replaced by larger ones: an optimizer of the old ones must be given here, or
        be made anew. A method that keeps a tensor a weight carries it over with `extend_rows`.

        Args:
            n_new: classes to add.
            generator: random numbers for the new hidden weights; PyTorch's global ones if None.
            optimizer: goes on with the larger parameters. What it remembers of the old rows is
                kept; of the new rows it remembers zeros. A count of steps goes on, so Adam takes
                the moments of the new rows for settled: their first steps are up to three times as
                long as usual.

        Raises:
            InputError: n_new is not positive.
        """
        if n_new < 1:
            raise network_error(f"head grows by {n_new} classes: must be 1 or more")
        weight, norm = self.linear.weight, self.norm
        half = self.init_width / 2
        hidden = weight.new_empty(n_new, self.linear.n_inputs)
        self.linear.weight = _grown(
            weight, hidden.uniform_(-half, half, generator=generator), optimizer
        )
        for bank in range(norm.n_banks):
            gamma, beta = norm.gamma[bank], norm.beta[bank]
            norm.gamma[bank] = _grown(gamma, gamma.new_ones(n_new), optimizer)
            norm.beta[bank] = _grown(beta, beta.new_zeros(n_new), optimizer)
        mean, var = norm.running_mean, norm.running_var
        norm.running_mean = torch.cat([mean, mean.new_zeros(norm.n_banks, n_new)], dim=1)
        norm.running_var = torch.cat([var, var.new_ones(norm.n_banks, n_new)], dim=1)
        self.old_rows = extend_rows(torch.ones_like(self.old_rows), n_new)
        self.linear.n_outputs += n_new
        norm.n_features += n_new


def extend_rows(values: Tensor, n_new: int) -> Tensor:
    """`values` with `n_new` rows of zeros (False) behind the old ones, which stay bit for bit.

    For what a method keeps beside each weight, such as importances: a new weight has none.

    Args:
        values: shape (n_rows, ...).
        n_new: rows to add.

    Returns:
        shape (n_rows + n_new, ...), a new tensor.
    """
    return torch.cat([values, values.new_zeros(n_new, *values.shape[1:])])


def _grown(
    old: nn.Parameter, rows: Tensor, optimizer: torch.optim.Optimizer | None
) -> nn.Parameter:
    """A parameter with `rows` behind those of `old`, in the place of `old` in the optimizer.

    It is a new one: PyTorch keeps the shape of a parameter for as long as a loss that came from it
    lives, and would refuse the gradients of a larger tensor in the same parameter.
    """
    new = nn.Parameter(torch.cat([old.detach(), rows]), requires_grad=old.requires_grad)
    if optimizer is not None:
        for group in optimizer.param_groups:
            group["params"] = [new if p is old else p for p in group["params"]]
        if old in optimizer.state:
            optimizer.state[new] = {
                name: extend_rows(value, len(rows)) if _is_per_weight(value, old) else value
                for name, value in optimizer.state.pop(old).items()
            }
    return new


def _is_per_weight(value: object, parameter: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == parameter.shape


class Trunk(nn.Module):
    """A network without its last layer: from samples to binary features.

    It works on a copy: the network that it is made of is neither changed nor frozen.

    Args:
        network: trained or not; its active bank is used.
        frozen: nothing in it learns: no gradients, and evaluation mode whatever `train` says, so
            that its running statistics rest as well.

    Attributes:
        frozen: as given.
        n_features: binary features that it gives.

    Raises:
        InputError: the network has a single layer.
    """

    def __init__(self, network: BinaryMLP | BinaryConvNet, frozen: bool = False) -> None:
        super().__init__()
        if len(network.layers) < 2:
            raise network_error("a network of one layer has no features: give it a hidden layer")
        network = copy.deepcopy(network)
        dense = network.dense if isinstance(network, BinaryConvNet) else network
        self.n_features = dense.layers[-1][0].n_inputs
        del dense.linears[-1], dense.norms[-1]
        self.network = network
        self.frozen = frozen
        if frozen:
            self.requires_grad_(False)
            self.eval()

    def train(self, mode: bool = True) -> Trunk:
        """Set training mode, unless frozen."""
        return super().train(mode and not self.frozen)

    @property
    def layers(self) -> list[Layer]:
        """The layers that learn: none when frozen."""
        return [] if self.frozen else list(self.network.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Features -1 and +1, shape (n, n_features), for the input of the network it came from."""
        network = self.network
        if isinstance(network, BinaryConvNet):
            x, network = network.vectors(x), network.dense
        for linear, norm in network.layers:
            x = sign_activation(norm(linear(x)))
        return x


class HeadedNetwork(nn.Module):
    """A trunk and a head.

    Args:
        trunk: gives the features.
        head: reads them; of any kind.

    Attributes:
        trunk, head: as given.

    Raises:
        InputError: the head reads another number of features.
    """

    def __init__(self, trunk: Trunk, head: Head | MultiHead) -> None:
        super().__init__()
        n_read = head.layers[0][0].weight.shape[1]
        if n_read != trunk.n_features:
            raise network_error(
                f"the trunk gives {trunk.n_features} features, the head reads {n_read}"
            )
        self.trunk = trunk
        self.head = head

    @property
    def layers(self) -> list[Layer]:
        """Layers that learn, in order: those of the trunk unless it is frozen, then the head's."""
        return [*self.trunk.layers, *self.head.layers]

    def forward(self, x: Tensor, task: int | None = None) -> Tensor:
        """Class scores, shape (n, classes of the head).

        Args:
            x: as for the network that the trunk came from.
            task: the task at hand; for a multi-head output, and only there.

        Raises:
            InputError: a task is missing, not wanted, or unknown.
        """
        several = isinstance(self.head, MultiHead)
        if several != (task is not None):
            raise InputError(
                "a multi-head output needs the task"
                if several
                else f"task {task}: a single head serves all tasks; leave it out",
                code="E-TASK",
            )
        features = self.trunk(x)
        scores: Tensor = self.head(features, task) if several else self.head(features)
        return scores
