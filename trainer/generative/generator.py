"""A generator that does not forget: each task has a mask, and the weights that it uses are frozen.

    x = relu(norm(W1 x)) ... tanh(Wn x + offset)          W and the hidden units under masks

There are two variants: "weights" has a mask for every weight, "units" for every hidden unit. The
weights that a task uses at its end never move again, and each task has its own normalisation and
offset. The same noise therefore gives the same sample, bit for bit, whatever is learnt later.

A matrix grows, and an old task reads only the corner that was there when the task was learnt. Sums
over a corner of the same shape are added in the same order; padding with zeros would not promise
that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.trainer.generative.growth import grown_by_units, grown_by_weights
from metabit.trainer.generative.masks import pack, soft_mask, sparsity, unpack
from metabit.trainer.generative.plan import GeneratorPlan

EPS = 1e-5


@dataclass(frozen=True)
class TaskMemory:
    """What is kept of a finished task.

    Attributes:
        masks: packed bits, for every matrix or for the units of every hidden layer.
        scales, shifts: the folded normalisation of each hidden layer, shape (width,).
        offset: offset of the outputs, shape (n_outputs,).
    """

    masks: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]
    shifts: tuple[Tensor, ...]
    offset: Tensor

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers when the task was learnt."""
        return tuple(len(scale) for scale in self.scales)


class Learning:
    """The parameters that only the task being learnt has.

    Attributes:
        embeddings: embeddings of the masks.
        gammas, betas: normalisation of the hidden layers.
        offset: offset of the outputs.
    """

    def __init__(self, embeddings: list[Tensor], widths: Sequence[int], n_outputs: int) -> None:
        device = embeddings[0].device
        self.embeddings = [nn.Parameter(e) for e in embeddings]
        self.gammas = [nn.Parameter(torch.ones(width, device=device)) for width in widths]
        self.betas = [nn.Parameter(torch.zeros(width, device=device)) for width in widths]
        self.offset = nn.Parameter(torch.zeros(n_outputs, device=device))

    def parameters(self) -> dict[str, nn.Parameter]:
        """The parameters by name."""
        lists = {"embedding": self.embeddings, "gamma": self.gammas, "beta": self.betas}
        named = {f"{kind}.{i}": p for kind, ps in lists.items() for i, p in enumerate(ps)}
        return {**named, "offset": self.offset}


class Generator:
    """Weights that all tasks share, and what each task has of its own.

    Args:
        plan: the layers.
        hidden: widths of the hidden layers at the start.
        variant: "weights" or "units".
        random: random numbers for new weights.
        device: where its parameters are.

    Attributes:
        weights: one matrix per layer, shape (units after, units before, *kernel).
        memories: the finished tasks.
        learning: the task being learnt; None between tasks.
        reserved: which weights finished tasks use, bool, in the shapes of `weights`.
        free: 1 for what no finished task uses and 0 for the rest, in the shapes of the masks.
    """

    def __init__(
        self,
        plan: GeneratorPlan,
        hidden: Sequence[int],
        variant: str,
        random: torch.Generator,
        device: torch.device | None = None,
    ) -> None:
        self.plan, self.variant = plan, variant
        self.device = device or torch.device("cpu")
        self.start_widths = tuple(hidden)
        self.random = random
        self.weights: list[nn.Parameter] = []
        self.memories: list[TaskMemory] = []
        self.learning: Learning | None = None
        self.free: list[Tensor] = []
        self._resize(self.start_widths)
        self.reserved = self._reserved_weights()

    @property
    def widths(self) -> tuple[int, ...]:
        """Present widths of the hidden layers."""
        return tuple(len(weight) for weight in self.weights[:-1])

    @property
    def growth(self) -> float:
        """Present number of hidden units divided by the number at the start."""
        return sum(self.widths) / sum(self.start_widths)

    def growth_curve(self) -> list[tuple[int, int]]:
        """After each finished task, the number of weights, and how many tasks so far use."""
        curve = []
        for n in range(1, len(self.memories) + 1):
            sizes = self.plan.shapes(self.memories[n - 1].widths)
            used = sum(int(taken.sum()) for taken in self._reserved_weights(n))
            curve.append((sum(math.prod(size) for size in sizes), used))
        return curve

    def begin_task(self, grow: bool) -> None:
        """Give a new task its masks, normalisation and offset.

        Args:
            grow: first add as much as finished tasks have reserved.
        """
        if grow and self.memories:
            self._resize(self._grown_widths())
            self.reserved = self._reserved_weights()
        shapes = [tuple(w.shape) for w in self.weights]
        if self.variant == "units":
            shapes = [(width,) for width in self.widths]
        embeddings = [torch.zeros(shape, device=self.device) for shape in shapes]
        self.learning = Learning(embeddings, self.widths, self.plan.n_outputs)
        self.free = [(~taken).to(torch.float32) for taken in self.reserved_masks()]

    def parameters(self) -> dict[str, nn.Parameter]:
        """All parameters that are trained in a task, by name."""
        shared = {f"weight.{i}": weight for i, weight in enumerate(self.weights)}
        return {**shared, **self._now().parameters()}

    def draw(self, inputs: Tensor, s: float, s_max: float) -> tuple[Tensor, Tensor]:
        """Draw samples of the task being learnt; also return its `sparsity`.

        Args:
            inputs: class code and noise, shape (n, n_inputs).
            s, s_max: slope of the masks now, and at the end of the task.

        Returns:
            samples in -1 .. 1, shape (n, n_outputs), and a scalar.
        """
        now = self._now()
        masks = [soft_mask(e, s, s_max) for e in now.embeddings]
        return self._through(inputs, masks), sparsity(masks, self.free)

    def freeze_reserved(self) -> None:
        """Set the gradient of the weights that finished tasks use to zero."""
        for weight, reserved in zip(self.weights, self.reserved, strict=True):
            if weight.grad is not None:
                weight.grad.masked_fill_(reserved, 0.0)

    @torch.no_grad()
    def end_task(self, inputs: Tensor) -> None:
        """Turn masks into bits, fold the normalisation, and reserve what the task uses.

        Args:
            inputs: class codes and noise, shape (n, n_inputs). The statistics of the normalisation
                are measured on them, with the final masks.
        """
        now = self._now()
        masks = [embedding > 0 for embedding in now.embeddings]
        statistics: list[tuple[Tensor, Tensor]] = []
        self._through(inputs, [mask.to(torch.float32) for mask in masks], statistics)
        scales = [g / torch.sqrt(v + EPS) for g, (_, v) in zip(now.gammas, statistics, strict=True)]
        parts = zip(now.betas, statistics, scales, strict=True)
        shifts = [beta - mean * scale for beta, (mean, _), scale in parts]
        if self.variant == "units":  # the mask acts after the normalisation, so it is folded too
            scales = [scale * mask for scale, mask in zip(scales, masks, strict=True)]
            shifts = [shift * mask for shift, mask in zip(shifts, masks, strict=True)]
        packed = tuple(pack(mask) for mask in masks)
        offset = now.offset.detach().clone()
        self.memories.append(TaskMemory(packed, tuple(scales), tuple(shifts), offset))
        self.learning = None
        self.reserved = self._reserved_weights()

    @torch.no_grad()
    def redraw(self, task: int, inputs: Tensor) -> Tensor:
        """Draw samples of a finished task, shape (n, n_outputs), in -1 .. 1.

        The same inputs always give the same bits.
        """
        memory = self.memories[task]
        matrices = self._matrices(memory)
        *layers, last = self.plan.layers
        x = self.plan.spread(inputs)
        for i, layer in enumerate(layers):
            sums = layer.apply(x, matrices[i])
            x = torch.relu(
                sums * _per_unit(memory.scales[i], sums) + _per_unit(memory.shifts[i], sums)
            )
        sums = last.apply(x, matrices[-1])
        return torch.tanh(sums + _per_unit(memory.offset, sums)).flatten(1)

    def reserved_masks(self) -> list[Tensor]:
        """What finished tasks use, bool, in the shapes of the masks of a new task."""
        if self.variant == "weights":
            return self.reserved
        taken = [torch.zeros(n, dtype=torch.bool, device=self.device) for n in self.widths]
        for memory in self.memories:
            for mask, old in zip(taken, self._masks(memory), strict=True):
                mask[: len(old)] |= old
        return taken

    def state(self) -> dict[str, Tensor]:
        """Weights, finished tasks and the task being learnt, by names "field/part"."""
        tensors: dict[str, Tensor] = {f"generator/{i}": w for i, w in enumerate(self.weights)}
        for task, memory in enumerate(self.memories):
            tensors |= {f"masks/{task}.{i}": mask for i, mask in enumerate(memory.masks)}
            tensors |= {f"norms/{task}.scale.{i}": s for i, s in enumerate(memory.scales)}
            tensors |= {f"norms/{task}.shift.{i}": s for i, s in enumerate(memory.shifts)}
            tensors[f"norms/{task}.offset"] = memory.offset
        if self.learning is not None:
            tensors |= {f"learning/{n}": p for n, p in self.learning.parameters().items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor], n_finished: int) -> None:
        """Restore what `state` returned when so many tasks were finished."""
        n_layers = len(self.weights)
        self.weights = [nn.Parameter(tensors[f"generator/{i}"]) for i in range(n_layers)]
        n_masks = n_layers - (self.variant == "units")
        self.memories = [
            TaskMemory(
                tuple(tensors[f"masks/{task}.{i}"] for i in range(n_masks)),
                tuple(tensors[f"norms/{task}.scale.{i}"] for i in range(n_layers - 1)),
                tuple(tensors[f"norms/{task}.shift.{i}"] for i in range(n_layers - 1)),
                tensors[f"norms/{task}.offset"],
            )
            for task in range(n_finished)
        ]
        self.reserved = self._reserved_weights()
        self.learning = None
        if "learning/offset" in tensors:
            self.begin_task(grow=False)
            for name, parameter in self._now().parameters().items():
                parameter.data = tensors[f"learning/{name}"]

    def _now(self) -> Learning:
        if self.learning is None:
            raise RuntimeError("no task is being learnt: begin_task() comes first")
        return self.learning

    def _through(
        self,
        x: Tensor,
        masks: Sequence[Tensor],
        statistics: list[tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        """Draw with the statistics of the batch; a list `statistics`, if given, gets them."""
        now = self._now()
        weights: list[Tensor] = list(self.weights)
        by_weight = self.variant == "weights"
        if by_weight:
            weights = [w * mask for w, mask in zip(weights, masks, strict=True)]
        *layers, last = self.plan.layers
        x = self.plan.spread(x)
        for i, layer in enumerate(layers):
            sums = layer.apply(x, weights[i])
            if statistics is not None:
                over = [axis for axis in range(sums.ndim) if axis != 1]
                statistics.append((sums.mean(over), sums.var(over, unbiased=False)))
            scale, shift = now.gammas[i], now.betas[i]
            x = functional.batch_norm(sums, None, None, scale, shift, training=True, eps=EPS)
            x = torch.relu(x) if by_weight else torch.relu(x) * _per_unit(masks[i], x)
        sums = last.apply(x, weights[-1])
        return torch.tanh(sums + _per_unit(now.offset, sums)).flatten(1)

    def _masks(self, memory: TaskMemory) -> list[Tensor]:
        shapes: list[tuple[int, ...]] = [(width,) for width in memory.widths]
        if self.variant == "weights":
            shapes = self.plan.shapes(memory.widths)
        return [unpack(bits, shape) for bits, shape in zip(memory.masks, shapes, strict=True)]

    def _matrices(self, memory: TaskMemory) -> list[Tensor]:
        corners = self.plan.shapes(memory.widths)
        pairs = zip(self.weights, corners, strict=True)
        parts = [w.detach()[: corner[0], : corner[1]] for w, corner in pairs]
        if self.variant == "units":
            return [part.contiguous() for part in parts]
        return [part * mask for part, mask in zip(parts, self._masks(memory), strict=True)]

    def _reserved_weights(self, n_tasks: int | None = None) -> list[Tensor]:
        """Which weights the first tasks use, or all finished tasks."""
        reserved = [torch.zeros_like(w, dtype=torch.bool) for w in self.weights]
        for memory in self.memories[:n_tasks]:
            masks = self._masks(memory)
            if self.variant == "units":
                masks = self._between_units(masks)
            for taken, mask in zip(reserved, masks, strict=True):
                taken[: mask.shape[0], : mask.shape[1]] |= mask
        return reserved

    def _grown_widths(self) -> tuple[int, ...]:
        if self.variant == "units":
            free = [int((~taken).sum()) for taken in self.reserved_masks()]
            missing = [s - f for s, f in zip(self.start_widths, free, strict=True)]
            return grown_by_units(self.widths, missing)
        taken = [int(mask.sum()) for mask in self.reserved]
        wanted = [math.prod(shape) for shape in self.plan.shapes(self.start_widths)]
        return grown_by_weights(self.plan, self.widths, taken, wanted)

    def _between_units(self, units: Sequence[Tensor]) -> list[Tensor]:
        """Which weights connect units in use; all inputs and all outputs are in use."""
        sides = self.plan.n_inputs, self.plan.n_outputs
        ends = [torch.ones(n, dtype=torch.bool, device=self.device) for n in sides]
        pairs = zip(pairwise([ends[0], *units, ends[1]]), self.plan.layers, strict=True)
        between = []
        for (before, after), layer in pairs:
            both = after[:, None] & before
            between.append(both.reshape(*both.shape, *[1] * len(layer.kernel)))
        shapes = self.plan.shapes([len(mask) for mask in units])
        return [mask.expand(shape) for mask, shape in zip(between, shapes, strict=True)]

    def _resize(self, widths: Sequence[int]) -> None:
        """Make matrices for these widths: the old ones in a corner, new random weights around."""
        old, self.weights = self.weights, []
        for layer, shape in enumerate(self.plan.shapes(widths)):
            bound = 1 / math.sqrt(math.prod(shape[1:]))
            weight = torch.empty(shape).uniform_(-bound, bound, generator=self.random)
            if old:
                rows, columns = old[layer].shape[:2]
                weight[:rows, :columns] = old[layer].detach().cpu()
            self.weights.append(nn.Parameter(weight.to(self.device)))


def _per_unit(values: Tensor, sums: Tensor) -> Tensor:
    """One value per unit, (units,), in a shape that broadcasts over `sums`, (n, units, ...)."""
    return values.reshape(-1, *[1] * (sums.ndim - 2))
