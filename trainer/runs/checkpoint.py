"""Everything that a training run needs to continue from any step, in one file.

The file has the tensors (weights, statistics, moments of the optimizer, state of the method, random
state), the position, and the results so far. After a crash, two files could be from different
steps; therefore it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metabit.errors import CorruptError, FormatError
from metabit.trainer.networks.network import Network
from metabit.trainer.tensor_files import read_tensors, write_tensors

SCHEMA = "metabit.checkpoint"
VERSION = 2

LoadMethod = Callable[[dict[str, Tensor]], None]


@dataclass
class Position:
    """How far a run is.

    Attributes:
        task: index of the task being learnt; at the end, the number of tasks.
        epoch: finished epochs of this task.
        step: finished steps of this epoch.
        total_steps: finished steps of the whole run.
        accuracy_rows: for each finished task a list of the accuracies on the tasks up to it.
        ahead: accuracy on each task, except the first, just before it was learnt.
        untrained: accuracy of the untrained network on each task.
        seconds: time for training and evaluation, summed over all sessions.
        processor_seconds: time of a processor for the same, which other programs do not lengthen.
    """

    task: int = 0
    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    accuracy_rows: list[list[float]] = field(default_factory=list)
    ahead: list[float] = field(default_factory=list)
    untrained: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0


def save(
    path: Path,
    model: Network,
    optimizer: torch.optim.Optimizer,
    method: Mapping[str, Tensor],
    order_state: Tensor,
    position: Position,
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: the file.
        model: the network; its active bank is kept too.
        optimizer: the optimizer, of which moments and step counts are kept.
        method: state of the method and its schedule, by name.
        order_state: state of the random generator at the start of the present epoch, uint8.
        position: how far the run is.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"method/{name}": tensor for name, tensor in method.items()}
    tensors["order_state"] = order_state
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if value is not None:  # SGD without momentum has an entry with None
                tensors[f"optimizer/{name}/{key}"] = value
    content = {
        "schema": SCHEMA,
        "version": VERSION,
        "active_bank": model.active_bank,
        "position": asdict(position),
    }
    write_tensors(path, tensors, content)


def restore(
    path: Path, model: Network, optimizer: torch.optim.Optimizer, load_method: LoadMethod
) -> tuple[Tensor, Position]:
    """Load a checkpoint into a new model, optimizer and method of the same recipe.

    Args:
        path: the file.
        model, optimizer: these are filled.
        load_method: gets what `save` got as `method`; it raises KeyError if something is missing.

    Returns:
        the random state at the start of the present epoch, and the position.

    Raises:
        StorageError: the file cannot be read.
        FormatError: not a checkpoint, or of a version that this metabit does not know.
        CorruptError: truncated, damaged, or of another network.
    """
    tensors, content = read_tensors(path)
    if (content.get("schema"), content.get("version")) != (SCHEMA, VERSION):
        raise FormatError(f"{path}: not a checkpoint of version {VERSION}", code="E-SCHEMA")
    try:
        model.load_state_dict(_under(tensors, "model/"))
        model.use_bank(content["active_bank"])
        for name, parameter in model.named_parameters():
            state: dict[str, Any] = _under(tensors, f"optimizer/{name}/", parameter.device)
            if state:
                optimizer.state[parameter] = state
        load_method(_under(tensors, "method/", model.device))
        return tensors["order_state"], Position(**content["position"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise CorruptError(
            f"{path}: not a checkpoint of this recipe ({error})", code="E-CHECKPOINT"
        ) from error


def _under(
    tensors: dict[str, Tensor], prefix: str, device: torch.device | None = None
) -> dict[str, Tensor]:
    """The tensors below a prefix, moved to a device; counters and random states stay here."""
    found = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    return {
        name: tensor if name.startswith("counters/") else tensor.to(device)
        for name, tensor in found.items()
    }
