"""`metabit import`: an ONNX network of binary layers, made elsewhere, into a .mbit file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from metabit.cli.common import Answer, Output, verb
from metabit.cli.heads import facts, in_words
from metabit.cli.options import SPLIT
from metabit.cli.paths import ReadName, ReadPath, WriteFile
from metabit.cli.tables import table
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import InputError, MismatchError
from metabit.export import container
from metabit.export.golden import with_random_golden
from metabit.export.heads.home import HEAD_DEFAULT, obstacle, with_chosen_head
from metabit.export.learnable import learnable
from metabit.export.onnx_import.foreign import refuse_foreign
from metabit.export.spec import Model
from metabit.extras import missing, need, pip_command
from metabit.readers.read import read_samples
from metabit.readers.samples import ReadSamples, need_labels
from metabit.trainer.frontend.front_end import FEATURE_LIMIT

if TYPE_CHECKING:
    import onnx

    from metabit.compare.imported import ImportCheck
    from metabit.export.onnx_import.importer import Imported
    from metabit.export.onnx_import.per_input import PerInput
    from metabit.export.onnx_import.samples import Quantization

NORM_SAMPLES = 500


@verb("import")
@click.argument("source", metavar="ONNX", type=ReadPath())
@click.option(
    "-o", "--out", "target", required=True, metavar="FILE", type=WriteFile(),
    help="The .mbit file to write.",
)  # fmt: skip
@click.option(
    "--samples", metavar="TYPE,SCALE,ZERO",
    help="For graphs that take floats: an 8-bit sample q of this type (uint8 or int8) stands for "
    "SCALE * (q - ZERO).",
)  # fmt: skip
@click.option(
    "--learn", "learn_from", metavar="DATA", type=ReadName(),
    help="Make the model able to learn on the device: all hidden weights start with the same "
    f"magnitude, and normalisation is fitted to the first {NORM_SAMPLES} samples of DATA (8-bit). "
    "Where DATA has labels, it also gets a counting head that knows these samples.",
)  # fmt: skip
@SPLIT
@click.option(
    "--check/--no-check", "check", default=True,
    help="Whether ONNX Runtime runs ONNX on random samples first; where the imported "
    "network gives another label, nothing is written. Default: --check.",
)  # fmt: skip
def command(
    out: Output, source: Path, target: Path, samples: str | None, learn_from: str | None,
    split: str, check: bool,
) -> Answer:  # fmt: skip
    """Convert ONNX, a network of binary layers, to a .mbit file, and report on every layer.

    A binary layer is a Gemm, MatMul or Conv whose weights are all -a or +a, as written by metabit,
    QONNX, Brevitas (with BipolarQuant) and Larq (with Sign). What follows it, up to the next sign,
    becomes integer thresholds. The model can predict; with --learn it can also learn. Before the
    file is written, ONNX Runtime runs ONNX too, and all labels must be equal.
    """
    refuse_foreign(source)
    need("import")

    told = None if samples is None else _quantization(samples)
    imported, checked = _imported(out, source, told, check)
    model = imported.model
    if learn_from is not None:
        found = read_samples(learn_from, model, split=split)
        model = _with_head(out, learnable(model, found.x[:NORM_SAMPLES]), found)
    model = with_random_golden(model)
    n_bytes = container.save(model, target)
    rows = table(f"{source} → {target}: {format_kib(n_bytes)}", "layer", "was", "is", ">packed",
                 ">MACs", "note")  # fmt: skip
    for layer in imported.layers:
        rows.add_row(
            layer.name, " ".join(layer.nodes), layer.became, format_kib(layer.packed_bytes),
            f"{layer.n_macs:,}", layer.note,
        )  # fmt: skip
    out.show(rows)
    spec = model.input
    if imported.per_input is not None:
        out.line(_front_end_line(imported.per_input))
    out.line(
        f"samples: {spec.dtype} {'×'.join(map(str, spec.shape))}, scale {spec.scale:.6g}, zero "
        f"point {spec.zero_point}"
        + (", channels last here, first in the graph" if imported.channels_first else "")
    )
    if model.head is not None:
        out.line(f"head: {in_words(model)}")
    if model.learn is None:
        out.line("it predicts; with --learn DATA it can learn on the device", "dim")
    out.line(f"next: metabit verify {target} {source}", "dim")
    return {
        "source": source,
        "file": target,
        "file_bytes": n_bytes,
        "channels_first": imported.channels_first,
        "can_learn": model.learn is not None,
        "head": facts(model),
        "layers": [vars(layer) for layer in imported.layers],
        "check": None if checked is None else vars(checked),
    }


def _imported(
    out: Output, source: Path, told: Quantization | None, check: bool
) -> tuple[Imported, ImportCheck | None]:
    """The network, and what the comparison with ONNX Runtime found, where there was one."""
    from metabit.export.onnx.read import load
    from metabit.export.onnx_import.importer import from_onnx

    proto = load(source)
    imported = from_onnx(proto, str(source), told)
    if not (check and _has_runner(out)):
        return imported, None
    try:
        return imported, _checked(out, proto, source, imported)
    except MismatchError:
        if not imported.n_zeros:
            raise
    return _with_zeros(out, proto, source, told)


def _has_runner(out: Output) -> bool:
    """Whether ONNX Runtime is installed; says so where it is not."""
    lacking = missing("verify an ONNX file")
    if lacking:
        out.line(
            f"not compared with ONNX Runtime, which is not installed: {pip_command(lacking)}",
            "yellow",
        )
    return not lacking


def _with_zeros(
    out: Output, proto: onnx.ModelProto, source: Path, told: Quantization | None
) -> tuple[Imported, ImportCheck]:
    """A network whose signs give 0 now and then, which changes labels: with a value for that."""
    from metabit.export.onnx_import.importer import from_onnx

    imported = from_onnx(proto, str(source), told, keep_zeros=True)
    checked = _checked(out, proto, source, imported)
    out.line(
        "signs of the graph give 0 for some sums, and labels differ where that is +1: layers have "
        "two bits per channel. A sign that is never 0, such as Where(x >= 0, 1, -1), needs one",
        "yellow",
    )
    return imported, checked


def _checked(out: Output, proto: onnx.ModelProto, source: Path, imported: Imported) -> ImportCheck:
    """What the comparison with ONNX Runtime found."""
    from metabit.compare.imported import check_import

    found = check_import(proto, str(source), imported)
    classes = "class" if found.n_classes_seen == 1 else "classes"
    out.line(
        f"compared with {found.runner}: labels of {found.n_samples} random samples (seed "
        f"{found.seed}) are equal; {found.n_classes_seen} {classes} among them"
        + (f"; {found.n_rounded} differ by its rounding to float" if found.n_rounded else "")
    )
    if found.n_drawn:
        n_equal = found.n_drawn - found.n_drawn_differ
        out.line(
            f"through the front end, which rounds to 8 bits: {n_equal} of {found.n_drawn} labels "
            "are equal, of samples drawn with the graph's own means and deviations"
        )
    return found


def _front_end_line(per_input: PerInput) -> str:
    """What the front end does for samples."""
    what = "real values" if per_input.dtype is None else f"{per_input.dtype} counts"
    return (
        f"a front end reads {what} and standardises each as the graph does: in steps of 1/"
        f"{per_input.steps:g}, from {-FEATURE_LIMIT / per_input.steps:.3g} to "
        f"{FEATURE_LIMIT / per_input.steps:.3g}"
    )


def _with_head(out: Output, model: Model, found: ReadSamples) -> Model:
    """The model with a head, where the samples have labels and a head is possible."""
    if found.y is None:
        return model
    why = obstacle(model, HEAD_DEFAULT)
    if why is not None:
        out.line(f"no head: {why}", "yellow")
        return model
    return with_chosen_head(model, found.x, need_labels(found, model.n_outputs), HEAD_DEFAULT)


def _quantization(text: str) -> Quantization:
    from metabit.export.onnx_import.samples import Quantization

    parts = text.split(",")
    try:
        dtype, scale, zero = parts[0], float(parts[1]), int(parts[2])
        info = np.iinfo(dtype)
        if len(parts) != 3 or dtype not in ("uint8", "int8") or not 1e-30 <= scale <= 1e30:
            raise ValueError
        if not info.min <= zero <= info.max:
            raise ValueError
    except (ValueError, IndexError) as error:
        raise InputError(
            f'--samples "{text}": write type, scale and zero point, such as uint8,0.00392157,0',
            code="E-USAGE",
        ) from error
    return Quantization("int8" if dtype == "int8" else "uint8", scale, zero)
