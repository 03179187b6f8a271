"""What each export costs: size, exactness over whole test sets, and time. Fills docs/EXPORTS.md.

    python -m benchmarks.other_tools.exports [--only NAME ...]

Trains five networks, writes each in every form, and runs each form over the whole test set beside
the C engine. A network whose data are not on this machine is left out, and its row stays as it was.
Results go to benchmarks/results/exports.json; the tables of docs/EXPORTS.md are made from it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.bench.subject import Subject
from metabit.bench.timing import Contestant, Limits, take_turns
from metabit.cli import run
from metabit.compare.artefact import Artefact
from metabit.compare.kinds import KINDS, open_artefact
from metabit.edge_runtime.inputs import Samples
from metabit.export import container
from metabit.export.spec import Model
from metabit.readers.read import read_samples
from metabit.trainer import data
from metabit.trainer.circumstances import commit_in_words

PAGE = Path(__file__).parents[2] / "docs" / "EXPORTS.md"
FROM_C = "C engine, called from C"
LIMITS = Limits(num_runs=60, warmup_runs=3, max_seconds=6.0)


@dataclass(frozen=True)
class Network:
    """What is trained and exported.

    Attributes:
        recipe: of `metabit train`.
        data: set whose test samples are run.
        task: of the stream, from 1; None for the whole set.
        bank: that all forms run.
        options: of the first `metabit export`.
    """

    recipe: str
    data: str
    task: int | None = None
    bank: int = 0
    options: tuple[str, ...] = ()


NETWORKS: dict[str, Network] = {
    "HAPT 768-256-256-12": Network("""
        name = "hapt"
        data = { name = "hapt", stream = "single" }
        network = { hidden = [256, 256] }
        method = { m = 1.0 }
        train = { epochs = 6, batch = 50 }""", data="hapt"),
    "digits, 4-bit thermometer, one bank per task": Network("""
        name = "thermometer"
        data = { name = "digits", stream = "permuted", n_tasks = 2, thermometer = 4 }
        network = { hidden = [100], banks = "task" }
        method = { m = 1.0 }
        train = { epochs = 10, batch = 25 }""", data="digits", task=2, bank=1),
    "digits, convolutional": Network("""
        name = "conv"
        data = { name = "digits", stream = "single" }
        network = { convolutions = [[16, 3, 1], [32, 3, 2]], hidden = [64] }
        method = { m = 1.0 }
        train = { epochs = 10, batch = 25 }""", data="digits"),
    "digits, convolutional, 3-bit thermometer as its first layer": Network("""
        name = "raw"
        data = { name = "digits", stream = "single", thermometer = 3 }
        network = { convolutions = [[16, 3, 1], [32, 3, 2]], hidden = [64] }
        method = { m = 1.0 }
        train = { epochs = 10, batch = 25 }""", data="digits", options=("--raw",)),
    "Fashion-MNIST 784-512-512-10": Network("""
        name = "fashion"
        data = { name = "fashion-mnist", stream = "single" }
        network = { hidden = [512, 512] }
        method = { m = 1.0 }
        train = { epochs = 2, batch = 100 }""", data="fashion-mnist"),
}  # fmt: skip

#: Forms: file, and options of `metabit export`.
FORMS: dict[str, tuple[str, list[str]]] = {
    "`.mbit`, inference only": ("model.mbit", ["--no-state"]),
    "ONNX `packed`": ("packed.onnx", ["--style", "packed"]),
    "ONNX `int2`": ("int2.onnx", ["--style", "int2"]),
    "ONNX `float`": ("float.onnx", ["--style", "float"]),
    "ONNX `qonnx`": ("qonnx.onnx", ["--style", "qonnx"]),
    "TFLite": ("model.tflite", []),
}


def call(*args: object) -> None:
    """One command line of metabit; a failure ends the benchmark."""
    if run([str(arg) for arg in args]) != 0:
        raise SystemExit(f"metabit {' '.join(map(str, args))} failed")


def trained(name: str, folder: Path) -> Path:
    """The network as a .mbit file."""
    recipe = folder / "recipe.toml"
    recipe.write_text(NETWORKS[name].recipe.replace("        ", ""), encoding="utf-8")
    call("train", recipe, "-o", folder / "run")
    options = NETWORKS[name].options
    call("export", folder / "run", "-o", folder / "whole.mbit", "--golden", 4, *options)
    return folder / "whole.mbit"


def forms_of(mbit: Path, bank: int) -> dict[str, Artefact]:
    """The model in every form that can be written and run here."""
    n_banks = container.load(mbit).n_banks
    opened: dict[str, Artefact] = {}
    for form, (file, options) in FORMS.items():
        path = mbit.parent / file
        if path.suffix not in KINDS:
            continue
        chosen = ["--bank", bank] if n_banks > 1 and path.suffix == ".tflite" else []
        call("export", mbit, "-o", path, *options, *chosen)
        opened[form] = open_artefact(path)
    return opened


def exactness(artefact: Artefact, reference: Artefact, x: Samples, bank: int) -> dict[str, Any]:
    """How many labels and scores equal the C engine's."""
    of_a, of_b = artefact.outputs(x, bank), reference.outputs(x, bank)
    scores = None
    if of_a.scores is not None and of_b.scores is not None:
        scores = int((of_a.scores == of_b.scores).sum())
    return {
        "n_samples": len(x),
        "labels_equal": int((of_a.labels == of_b.labels).sum()),
        "n_scores": len(x) * reference.n_outputs,
        "scores_equal": scores,
    }


def repeated(call_once: Callable[[], object]) -> Callable[[int], object]:
    """The same call n times."""

    def many(n: int) -> None:
        for _ in range(n):
            call_once()

    return many


def weight_bytes(model: Model) -> int:
    """Of the packed weights in the .mbit file."""
    return sum(4 * -(-layer.n_in // 32) * layer.n_out for layer in model.layers)


def measure(name: str) -> dict[str, Any]:
    """Everything about one network."""
    network = NETWORKS[name]
    bank = network.bank
    with tempfile.TemporaryDirectory(prefix="metabit-exports-") as folder:
        mbit = trained(name, Path(folder))
        model = container.load(mbit)
        samples = read_samples(network.data, model, task=network.task)
        artefacts = forms_of(mbit, bank)
        reference = next(iter(artefacts.values()))
        contestants = [
            Contestant(form, repeated(artefact.caller(samples.x[:1], bank)))
            for form, artefact in artefacts.items()
        ]
        subject = Subject(container.dumps(model), samples.x, learn="none", bank=bank)
        contestants.append(Contestant(FROM_C, subject.predicting().run))
        times = take_turns(contestants, LIMITS)
        rows = {
            form: {
                "runner": artefact.runner,
                "file_bytes": (mbit.parent / FORMS[form][0]).stat().st_size,
                **exactness(artefact, reference, samples.x, bank),
                **times[form].to_dict(),
            }
            for form, artefact in artefacts.items()
        }
        labels = reference.outputs(samples.x, bank).labels
        return {
            "weight_bytes": weight_bytes(model),
            "from_c": times[FROM_C].to_dict(),
            "samples": samples.where,
            "accuracy": float(np.mean(labels == samples.y)),
            "forms": rows,
        }


# ---- the page --------------------------------------------------------------------------------


def write_page() -> None:
    """Put the tables made from the JSON file between their marks in docs/EXPORTS.md."""
    record = results.load("exports")
    text = "\n\n".join(
        _table(name, record["results"][name]) for name in NETWORKS if name in record["results"]
    )
    measured = record["circumstances"].values()
    dates = sorted({(c["date"], commit_in_words(c["commit"])) for c in measured})
    machine = next(iter(measured))
    text += (
        f"\n\nMeasured by `python -m benchmarks.other_tools.exports` on {machine['processor']}, "
        f"commit {', '.join(f'{commit} ({date})' for date, commit in dates)}."
    )
    rewrite(PAGE, "exports", text)


def _table(name: str, of: dict[str, Any]) -> str:
    lines = [
        f"**{name}**: {of['samples']}, {100 * of['accuracy']:.1f} % right; the packed weights are "
        f"{of['weight_bytes'] / 1024:.1f} KiB. Called from C, a sample takes the C engine "
        f"{of['from_c']['min_us']:.1f} / {of['from_c']['median_us']:.1f} µs.\n",
        "| form | runs in | file | labels equal | scores equal | one sample, µs (min / median) |",
        "|---|---|---|---|---|---|",
    ]
    for form in (form for form in FORMS if form in of["forms"]):
        row = of["forms"][form]
        scores = "-" if row["scores_equal"] is None else f"{row['scores_equal']:,}"
        lines.append(
            f"| {form} | {row['runner']} | {row['file_bytes'] / 1024:.1f} KiB "
            f"| {row['labels_equal']:,} of {row['n_samples']:,} | {scores} of {row['n_scores']:,} "
            f"| {row['min_us']:.1f} / {row['median_us']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), help="only these networks")
    chosen = parser.parse_args().only or list(NETWORKS)
    for name in chosen:
        needed = NETWORKS[name].data
        if data.find(needed) is None:
            print(f"{name}: {needed} is not on this machine, left out")
            continue
        results.save("exports", "python -m benchmarks.other_tools.exports", {name: measure(name)})
    write_page()


if __name__ == "__main__":
    main()
