"""`metabit importance`: which weights of a trained network samples need, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import BANK_OR_TASKS, CODES, DATA, LABEL, LIMIT, SPLIT, TASK, bank_for
from metabit.cli.paths import ReadPath
from metabit.cli.reading import read_for
from metabit.cli.tables import percent, table
from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.extras import need
from metabit.files import make_folder, write_whole
from metabit.readers.rows import CsvOptions

if TYPE_CHECKING:
    from metabit.trainer.importance import LayerImportance
    from metabit.trainer.networks.network import Network

NUMBERS, PICTURE = "importance.safetensors", "importance.png"
"""What is written into the folder of --out."""

SCHEMA, VERSION = "metabit.importance", 1


def _classes(_context: object, _parameter: object, text: str | None) -> list[int] | None:
    """The numbers of --classes."""
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text}: give numbers of classes, such as 0,1") from None


@verb("importance")
@click.argument("source", metavar="MODEL_OR_RUN", type=ReadPath())
@DATA
@click.option(
    "--rule", type=click.Choice(["global", "local"]), default="global", show_default=True,
    help="global: how much the scores change with a weight. local: how much the output of a layer "
    "agrees with its input.",
)  # fmt: skip
@click.option(
    "--classes", metavar="K,...", callback=_classes,
    help="Count the scores of these classes only, as of one head of many. Default: all.",
)  # fmt: skip
@LIMIT
@SPLIT
@TASK
@LABEL
@CODES
@BANK_OR_TASKS
@click.option(
    "-o", "--out", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="Also write the importance of every weight and a plot into this folder.",
)  # fmt: skip
def command(
    out: Output, source: Path, data: str, rule: str, classes: list[int] | None, limit: int | None,
    split: str, task: int | None, label: str | None, codes: bool | None, bank: int | None,
    folder: Path | None,
) -> Answer:  # fmt: skip
    """Measure how important each weight of MODEL_OR_RUN is for the samples DATA.

    MODEL_OR_RUN is a run folder of `metabit train`, real-valued networks included, or a .mbit file
    with hidden weights. DATA is what `metabit predict` reads; labels are not used. So DATA can be
    what a device has seen in use: the weights that matter there are those worth protecting, and the
    method mas protects them.
    """
    need("importance")
    network, reader, n_banks = _opened(source)
    chosen = bank_for(bank, task, n_banks)
    network.use_bank(chosen)
    read = read_for(
        out, data, reader, limit=limit, split=split, task=task, csv=CsvOptions(label, codes)
    )

    from metabit.trainer.importance import by_layer, measure_importance

    x = _as_trained(read.x, reader)
    found = measure_importance(network, x, reader.input.zero_point, rule, classes)
    layers = by_layer(found)
    _print(out, f"{source} on {len(x):,} samples of {read.where}", layers)
    written: list[Path] = []
    if folder is not None:
        content = {"rule": rule, "n_samples": len(x), "source": str(source), "data": read.where}
        written = _write(folder, found, content)
        out.line(f"written into {folder}: {', '.join(path.name for path in written)}")
    return {
        "source": source,
        "data": read.where,
        "n_samples": len(x),
        "rule": rule,
        "bank": chosen,
        "layers": [vars(layer) for layer in layers],
        "files": written,
    }


def _opened(source: Path) -> tuple[Network, Model, int]:
    """A network, what reads samples for it, and the number of its banks."""
    if source.is_dir():
        from metabit.export.from_run import reads_for
        from metabit.trainer.runs.run_folder import load_run

        run = load_run(source)
        return run.model, reads_for(run), run.model.config.n_banks
    if source.suffix.lower() != ".mbit":
        raise InputError(
            f"{source}: neither a run folder nor a .mbit file; `metabit train` makes the one, "
            "`metabit export` the other",
            code="E-READ",
        )

    from metabit.export.blob import Blob
    from metabit.export.from_torch import to_torch

    model = Blob.of(source).model
    return to_torch(model), model, model.n_banks


def _as_trained(x: NDArray[Any], reader: Model) -> NDArray[Any]:
    """Flat samples in the shape that a network of the trainer reads: maps have channels first."""
    shaped = x.reshape(len(x), *reader.input.shape)
    of_a_file = bool(reader.layers)
    if of_a_file and shaped.ndim == 4:
        shaped = np.ascontiguousarray(np.moveaxis(shaped, 3, 1))
    return shaped


def _print(out: Output, title: str, layers: list[LayerImportance]) -> None:
    rows = table(
        f"importance for {title}", "weights of", ">number", ">mean", ">largest", ">half is in",
        ">idle",
    )  # fmt: skip
    for layer in layers:
        rows.add_row(
            layer.name, f"{layer.n_weights:,}", f"{layer.mean:.3g}", f"{layer.largest:.3g}",
            percent(layer.half), percent(layer.idle),
        )  # fmt: skip
    out.show(rows)
    out.line("half is in: the share of the weights that hold half of the importance", "dim")


def _write(folder: Path, found: Any, content: dict[str, Any]) -> list[Path]:
    """Write the importances and their picture; returns the files."""
    from metabit.trainer.files import write_arrays
    from metabit.trainer.importance import importance_figure

    make_folder(folder)
    numbers, picture = folder / NUMBERS, folder / PICTURE
    write_arrays(numbers, found, content | {"schema": SCHEMA, "version": VERSION})
    title = f"importance for {content['n_samples']:,} samples, {content['rule']}"
    write_whole(picture, importance_figure(found, title))
    return [numbers, picture]
