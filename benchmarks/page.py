"""docs/BENCHMARKS.md and docs/benchmarks/: their tables are made from results/, between marks.

python -m benchmarks.page
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.marks import between
from benchmarks.tables import (
    convnets,
    drifting,
    figures,
    fitting,
    gates,
    heads,
    inference,
    learning,
    pictures,
    scaling,
    training,
)
from metabit.trainer.circumstances import commit_in_words

DOCS = Path(__file__).parent.parent / "docs"
PAGES = (DOCS / "BENCHMARKS.md", *sorted((DOCS / "benchmarks").glob("*.md")))

Record = dict[str, Any]

#: Mark in the page -> the results it is made from, and how.
TABLES: dict[str, tuple[str, Callable[[Record], str]]] = {
    "inference-dense": ("inference", inference.networks),
    "avx512-dense": ("inference_avx512", inference.networks),
    "avx512-layers": ("inference_avx512", inference.layers),
    "avx512-conv": ("inference_avx512", inference.convolutions),
    "inference-layers": ("inference", inference.layers),
    "inference-conv": ("inference", inference.convolutions),
    "binary-engines": ("binary_engines", inference.engines),
    "inference-rest": ("inference", inference.rest),
    "convnets": ("convnets", convnets.networks),
    "device-learning": ("device_learning", learning.accuracy_and_memory),
    "gates-old": ("learning_gates", gates.old),
    "gates-known": ("learning_gates", gates.known),
    "gates-prequential": ("learning_gates", gates.prequential),
    "gates-details": ("learning_gates", gates.details),
    "gates-not-run": ("learning_gates", gates.not_run),
    "unseen-old": ("unseen_problems", gates.old),
    "unseen-known": ("unseen_problems", gates.known),
    "drifting-reported": ("drifting_streams", drifting.reported),
    "drifting-chosen-on": ("drifting_streams", drifting.chosen_on),
    "state-bits": ("state_bits", learning.state_bits),
    "guarding": ("guarding", heads.guarding),
    "novelty": ("novelty", heads.novelty),
    "observing": ("observing", heads.observing),
    "new-people": ("new_people", heads.new_people),
    "many-tasks": ("many_tasks", learning.many_tasks),
    "new-pictures": ("new_pictures", pictures.new_pictures),
    "any-order": ("any_order", learning.any_order),
    "replaying": ("replaying", learning.replaying),
    "stream-speed": ("stream_speed", learning.stream_speed),
    "learning-speed": ("learning_speed", learning.speed),
    "learning-functions": ("learning_speed", learning.functions),
    "one-or-contexts": ("one_or_contexts", learning.one_or_contexts),
    "context-costs": ("context_costs", learning.context_costs),
    "scaling": ("scaling", scaling.summary),
    "threads": ("scaling", scaling.threads),
    "fit-answers": ("fit_answers", fitting.beside_rivals),
    "fitting": ("fitting", fitting.against_the_grid),
    "training-speed": ("training_speed", training.steps),
    "stacked-seeds": ("stacked_seeds", training.stacked),
    "gpu-training": ("gpu_training", training.on_gpu),
}


def made(mark: str) -> str:
    """The table of a mark."""
    name, of = TABLES[mark]
    return of(results.load(name)["results"])


def marks_of(document: str) -> list[str]:
    """Marks of a page, but for what it says of all pages or of all its tables."""
    return [mark for mark in TABLES if f"<!-- {mark} -->" in document]


def render(document: str) -> str:
    """A page with all tables made again."""
    if "<!-- figures -->" in document:
        document = between(document, "figures", figures.made(made))
    marks = marks_of(document)
    for mark in marks:
        document = between(document, mark, made(mark))
    if marks:
        names = sorted({TABLES[mark][0] for mark in marks})
        document = between(document, "circumstances", _circumstances(names))
    return document


def write() -> None:
    """Make the tables of all pages again, in place."""
    for page in PAGES:
        page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")


def _circumstances(names: list[str]) -> str:
    rows = [
        [f"{name}: {part}", c["processor"], _versions(c), commit_in_words(c["commit"]), c["date"],
         f"`{c['command']}`"]
        for name in names
        for part, c in sorted(results.load(name)["circumstances"].items())
    ]  # fmt: skip
    return results.table(["part", "processor", "versions", "commit", "date", "command"], rows)


def _versions(c: Record) -> str:
    """The versions that are known: without PyTorch there is none of it."""
    named = {"Python": c["python"], "NumPy": c["numpy"], "PyTorch": c["torch"]}
    return ", ".join(f"{name} {version}" for name, version in named.items() if version)


if __name__ == "__main__":
    write()
