"""The two layers of a binary network: linear with binary weights, and normalisation in banks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.errors import InputError
from metabit.trainer.networks.quantizers import sign_weight


class BinaryLinear(nn.Module):
    """Linear layer whose weights are the signs of its hidden weights; it has no bias.

    With integer inputs the output is an exact integer in float32, as long as
    n_inputs * max|x| < 2**24.

    Args:
        n_inputs: length of an input vector.
        n_outputs: number of outputs.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
        generator: random numbers for the start; the global generator of PyTorch if None.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        init_width: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_inputs = n_inputs
        self.n_outputs = n_outputs
        hidden = torch.empty(n_outputs, n_inputs)
        hidden.uniform_(-init_width / 2, init_width / 2, generator=generator)
        self.weight = nn.Parameter(hidden)  # hidden weights, (n_outputs, n_inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Sums of shape (n, n_outputs) for `x` of shape (n, n_inputs)."""
        return functional.linear(x, sign_weight(self.weight))

    def extra_repr(self) -> str:
        """What print() shows."""
        return f"n_inputs={self.n_inputs}, n_outputs={self.n_outputs}"


class Normalization(nn.Module):
    """Batch normalisation with one bank of statistics, scale and offset per task.

    Training normalises with the statistics of the batch, and updates the running statistics of the
    active bank. Evaluation uses running statistics only, so the result for a sample never depends
    on the other samples. It computes in float32, in this order, and rounds after each operation:

        inv_std = 1 / sqrt(running_var + eps)
        y = ((x - running_mean) * inv_std) * gamma + beta

    NumPy and C give the same bits for these operations; the fused kernels of PyTorch do not.

    Scale and offset are one parameter per bank. A bank that is not active then has no gradient, and
    no optimizer moves it.

    Args:
        n_features: length of a sample.
        n_banks: number of banks.
        affine: whether gamma and beta are learnt; otherwise they stay 1 and 0.
        eps: added to the variance.
        momentum: weight of the batch in an update of the running statistics.

    Attributes:
        running_mean, running_var: (n_banks, n_features).
        gamma, beta: lists with one tensor of shape (n_features,) per bank.
        active_bank: the bank that `forward` uses.

    Reference:
        Ioffe and Szegedy 2015, "Batch normalization"; banks per task: Laborieux et al. 2021.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        n_features: int,
        n_banks: int = 1,
        affine: bool = True,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.n_features = n_features
        self.n_banks = n_banks
        self.affine = affine
        self.eps = eps
        self.momentum = momentum
        self.active_bank = 0
        self.register_buffer("running_mean", torch.zeros(n_banks, n_features))
        self.register_buffer("running_var", torch.ones(n_banks, n_features))
        self.gamma = nn.ParameterList(
            nn.Parameter(torch.ones(n_features), requires_grad=affine) for _ in range(n_banks)
        )
        self.beta = nn.ParameterList(
            nn.Parameter(torch.zeros(n_features), requires_grad=affine) for _ in range(n_banks)
        )

    def use_bank(self, bank: int) -> None:
        """Make `forward` use this bank.

        Raises:
            InputError: there is no such bank.
        """
        if not 0 <= bank < self.n_banks:
            raise InputError(
                f"bank {bank}: this network has normalisation banks 0 to {self.n_banks - 1}",
                code="E-BANK",
            )
        self.active_bank = bank

    @torch.no_grad()
    def take_bank(self, source: Normalization, bank: int) -> None:
        """Copy one bank of another normalisation of the same length into every bank."""
        for mine in range(self.n_banks):
            self.running_mean[mine] = source.running_mean[bank]
            self.running_var[mine] = source.running_var[bank]
            self.gamma[mine].copy_(source.gamma[bank])
            self.beta[mine].copy_(source.beta[bank])

    @torch.no_grad()
    def start_bank(self, bank: int) -> None:
        """Begin a task: copy the previous bank (if any) into `bank`, then use it.

        Raises:
            InputError: there is no such bank.
        """
        self.use_bank(bank)
        if bank > 0:
            self.running_mean[bank] = self.running_mean[bank - 1]
            self.running_var[bank] = self.running_var[bank - 1]
            self.gamma[bank].copy_(self.gamma[bank - 1])
            self.beta[bank].copy_(self.beta[bank - 1])

    def forward(self, x: Tensor) -> Tensor:
        """Normalised values of `x`, both of shape (n, n_features).

        Raises:
            InputError: training on a batch of one sample, whose variance is zero.
        """
        if self.training:
            return self._train(x)
        return self._evaluate(x)

    def _train(self, x: Tensor) -> Tensor:
        if x.shape[0] < 2:
            raise InputError(
                "a training batch of one sample has no variance to normalise with: "
                "use batches of two or more samples",
                code="E-BATCH",
            )
        bank = self.active_bank
        return functional.batch_norm(
            x,
            self.running_mean[bank],
            self.running_var[bank],
            self.gamma[bank],
            self.beta[bank],
            training=True,
            momentum=self.momentum,
            eps=self.eps,
        )

    def _evaluate(self, x: Tensor) -> Tensor:
        bank = self.active_bank
        variance = self.running_var[bank] + torch.tensor(self.eps, dtype=torch.float32)
        # On some processors PyTorch's float32 square root is wrong in the last bit for a fifth of
        # all numbers. The square root in float64, rounded once, is the correctly rounded result.
        inv_std = torch.ones(()) / torch.sqrt(variance.double()).float()
        gamma, beta = self.gamma[bank], self.beta[bank]
        y: Tensor = ((x - self.running_mean[bank]) * inv_std) * gamma + beta
        return y

    def extra_repr(self) -> str:
        """What print() shows."""
        return f"n_features={self.n_features}, n_banks={self.n_banks}, affine={self.affine}"
