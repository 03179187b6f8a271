"""`metabit verify`: a model against the scores it carries, or one form of it against another."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import FILE, LIMIT, SPLIT, TASK, bank_for
from metabit.cli.paths import ReadName, ReadPath
from metabit.cli.tables import table
from metabit.compare.align import align
from metabit.compare.artefact import Artefact
from metabit.compare.compare import bank_of, compare, random_samples
from metabit.compare.kinds import open_artefact
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.errors import InputError, MismatchError
from metabit.export.blob import Blob
from metabit.export.spec import Model
from metabit.readers.read import read_samples

RANDOM_DEFAULT = 256


@verb("verify")
@FILE
@click.argument("other", metavar="[OTHER]", required=False, type=ReadPath())
@click.option(
    "--data", metavar="DATA", type=ReadName(), help="With OTHER: also compare on these samples."
)
@LIMIT
@SPLIT
@TASK
@click.option(
    "--random", "n_random", type=click.IntRange(min=0), default=RANDOM_DEFAULT, metavar="N",
    show_default=True, help="With OTHER: also compare on N random samples.",
)  # fmt: skip
@click.option(
    "--bank", type=click.IntRange(min=0), metavar="K",
    help="With OTHER: which bank of normalisation values. Default: the bank of --task or of an "
    "exported file, otherwise 0.",
)  # fmt: skip
@click.option(
    "--model", "base", metavar="MBIT", type=ReadPath(),
    help="With a learnt state: the .mbit file that it belongs to.",
)  # fmt: skip
def command(
    out: Output, file: Path, other: Path | None, data: str | None, limit: int | None, split: str,
    task: int | None, n_random: int, bank: int | None, base: Path | None,
) -> Answer:  # fmt: skip
    """Check the scores of FILE, or check that FILE and OTHER hold the same model.

    Without OTHER: a .mbit file holds golden samples with the scores that PyTorch gave at export.
    The C engine and the NumPy reference must both give these scores, bit for bit.

    With OTHER: both are forms of one model, as `metabit export` writes them, or a learnt state.
    Labels and scores must be equal on golden samples, on random samples and on the samples of
    --data. If they are not, the exit code is 5, and the message names the first layer that differs.
    """
    if other is None:
        if data is not None or base is not None or bank is not None:
            raise InputError("--data, --bank and --model go with OTHER", code="E-USAGE")
        return _verify_golden(out, file)
    a, b = align(open_artefact(file, base), open_artefact(other, base))
    if bank is None and task is not None:
        bank = bank_for(None, task, a.n_banks)
    chosen = bank_of(a, b, bank)
    out.line(f"A: {a.where} ({a.runner})   B: {b.where} ({b.runner})   bank {chosen}")
    rows = table("", "samples", ">count", "labels", "scores")
    answers = []
    for where, samples in _samples(a, b, chosen, n_random, data, (limit, split, task)).items():
        found = compare(a, b, samples, chosen)
        scores = f"{found.n_scores:,} equal" if found.n_scores else "not comparable"
        rows.add_row(where, f"{found.n_samples:,}", "all equal", scores)
        answers.append({"samples": where, **vars(found)})
    if not answers:
        raise InputError("no samples to compare on: give --data or --random", code="E-NO-GOLDEN")
    out.show(rows)
    return {"file": file, "other": other, "bank": chosen, "compared": answers, "equal": True}


def _samples(
    a: Artefact, b: Artefact, bank: int, n_random: int, data: str | None,
    chosen: tuple[int | None, str, int | None],
) -> dict[str, Samples]:  # fmt: skip
    """Everything to compare on, by name."""
    found: dict[str, Samples] = {}
    models = [x.model for x in (a, b) if x.model is not None]
    golden = next((m.golden for m in models if m.golden is not None), None)
    if golden is not None and len(golden.inputs):
        found["golden"] = golden.inputs
    if n_random:
        found["random"] = random_samples(a, n_random)
    if data is not None:
        limit, split, task = chosen
        # Where neither form is a packed model, its input is all that is known of it.
        model = models[0] if models else Model(a.input, ())
        read = read_samples(data, model, limit=limit, split=split, task=task)
        found[read.where] = read.x
    return found


def _verify_golden(out: Output, file: Path) -> Answer:
    blob = Blob.of(file)
    data, model = blob.data, blob.model
    if model.golden is None or len(model.golden.inputs) == 0:
        raise InputError(
            f"{file}: carries no golden samples; export it with --golden 4", code="E-NO-GOLDEN"
        )
    golden = model.golden
    n = len(golden.inputs)
    runners: dict[str, Engine | ReferenceModel] = {
        "C engine": Engine(blob, learn="none"),
        "NumPy reference": ReferenceModel(data),
    }
    for name, runner in runners.items():
        _compare(f"{file}: {name}", model, runner.scores(golden.inputs), golden.scores)
        out.line(f"{name}: {n} golden samples, {golden.scores.size} scores, all equal")
    return {"file": file, "n_golden": n, "n_scores": golden.scores.size, "equal": True}


def _compare(
    where: str, model: Model, scores: NDArray[np.int32], expected: NDArray[np.int32]
) -> None:
    wrong = np.argwhere(scores != expected)
    if len(wrong):
        sample, output = (int(i) for i in wrong[0])
        found, wanted = scores[sample, output], expected[sample, output]
        raise MismatchError(
            f"{where}: {len(wrong)} of {expected.size} scores differ; first in sample {sample}, "
            f"class {model.class_name(output)}: {found}, expected {wanted}. "
            "Export the model again with this version",
            code="E-GOLDEN",
        )
