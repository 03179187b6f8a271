"""Everything a training run needs to go on from any step, in one file.

One file, because two could be from different steps after a crash: the tensors (weights, statistics,
optimizer moments, what the method keeps, random state) with the position and the results so far
beside them.
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
    """Where a run stands; all counts are of what is finished.

    Attributes:
        task: index of the task being learnt; the number of tasks at the end.
        epoch: epochs of this task.
        step: steps of this epoch.
        total_steps: steps of the whole run.
        accuracy_rows: one list a finished task: accuracies on the tasks up to it.
        ahead: accuracy on each task but the first just before it was learnt.
        untrained: accuracy of the untrained network on each task.
        seconds: training and evaluation time, over all sessions.
    """

    task: int = 0
    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    accuracy_rows: list[list[float]] = field(default_factory=list)
    ahead: list[float] = field(default_factory=list)
    untrained: list[float] = field(default_factory=list)
    seconds: float = 0.0


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
        model: the network, whose active bank is kept too.
        optimizer: its moments and step counts are kept.
        method: what the method and its schedule keep, by name.
        order_state: state of the random generator at the start of the current epoch, uint8.
        position: where the run stands.

    Raises:
        StorageError: the file cannot be written.
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"method/{name}": tensor for name, tensor in method.items()}
    tensors["order_state"] = order_state
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if value is not None:  # SGD without momentum keeps a place for none
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
    """Put a checkpoint into a fresh model, optimizer and method of the same recipe.

    Args:
        path: the file.
        model, optimizer: to be filled.
        load_method: takes what `save` was given as `method`; KeyError where something is missing.

    Returns:
        the random state at the start of the current epoch, and the position.

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
            state: dict[str, Any] = _under(tensors, f"optimizer/{name}/")
            if state:
                optimizer.state[parameter] = state
        load_method(_under(tensors, "method/"))
        return tensors["order_state"], Position(**content["position"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise CorruptError(
            f"{path}: not a checkpoint of this recipe ({error})", code="E-CHECKPOINT"
        ) from error


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
