"""Everything that can refuse a run, before PyTorch is loaded and before a file is written.

A recipe without a mistake may still name a data set that is not on this machine, more samples than
there are, layers that do not fit the samples, or a folder that holds another run. All of that is
checked here, within about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.networks.recipe_shape import (
    banks_of,
    heads_of,
    outputs_of,
    recipe_shape,
    trunk_file,
)
from metabit.trainer.recipe import Recipe
from metabit.trainer.runs.run_folder import check_folder
from metabit.trainer.streams import Stream, build


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run that has passed all checks.

    Attributes:
        recipe: what to train on which data.
        out: the folder to write, which need not exist yet.
        resume: whether to continue the run in that folder.
        dataset, stream: the data set and the stream that [data] of the recipe describes.
    """

    recipe: Recipe
    out: Path
    resume: bool
    dataset: DataSet
    stream: Stream


def prepare(recipe: Recipe, out: str | Path, resume: bool = False) -> Prepared:
    """Check a run and load its data.

    Args:
        recipe: what to train on which data.
        out: the folder to write.
        resume: continue the run in `out`.

    Raises:
        InputError: the folder does not fit (see `check_folder`), the data set is not on this
            machine or cannot be cut into these tasks, the layers of the network do not fit the
            samples, or the method cannot work with them.
        FormatError, CorruptError, StorageError: a file of the data set or of the folder is
            damaged or cannot be read.
    """
    check_folder(Path(out), recipe, resume)
    dataset, stream = build(recipe.data, recipe.frontend)
    _check_network(recipe, dataset, stream)
    if reason := recipe.method.cannot_read(dataset.input_shape):
        raise InputError(f'[method] name = "{recipe.method.name}": {reason}', code="E-METHOD")
    return Prepared(recipe, Path(out), resume, dataset, stream)


def _check_network(recipe: Recipe, dataset: DataSet, stream: Stream) -> None:
    network = recipe.network
    groups = [task.classes for task in stream]
    heads_of(stream.n_classes, groups, outputs_of(network, stream))
    if network.trunk is not None:
        trunk_file(network.trunk)
        return
    n_banks = banks_of(network, len(stream))
    recipe_shape(network, dataset.input_shape, stream.n_classes, n_banks)
