"""Two artefacts on the same samples: are labels and scores equal, and if not, where first?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metabit.compare.artefact import Artefact, Predictions
from metabit.edge_runtime.inputs import Samples
from metabit.errors import InputError, MismatchError


@dataclass(frozen=True)
class Agreement:
    """How often two artefacts agree.

    Attributes:
        n_samples: samples compared.
        n_labels_differ: of their labels.
        n_scores: scores compared; 0 where one of the two has none.
        n_scores_differ: of these.
    """

    n_samples: int
    n_labels_differ: int
    n_scores: int
    n_scores_differ: int


def compare(a: Artefact, b: Artefact, samples: Samples, bank: int) -> Agreement:
    """Run both on samples of shape (n, n_inputs), and compare.

    Raises:
        MismatchError: a label or a score differs; the first place is named, in the first hidden
            layer that differs where both tell their bits.
    """
    of_a, of_b = a.outputs(samples, bank), b.outputs(samples, bank)
    labels = of_a.labels != of_b.labels
    scores = np.zeros((len(samples), 0), dtype=bool)
    if of_a.scores is not None and of_b.scores is not None:
        scores = of_a.scores != of_b.scores
    found = Agreement(len(samples), int(labels.sum()), scores.size, int(scores.sum()))
    if found.n_labels_differ or found.n_scores_differ:
        model = a.model or b.model
        name = str if model is None else model.class_name
        first = _first_hidden(a, b, samples, bank) or _first_output(of_a, of_b, name)
        raise MismatchError(
            f"{a.where} and {b.where} differ in {found.n_labels_differ} of {len(samples)} labels "
            f"and {found.n_scores_differ} of {scores.size} scores; first in {first}",
            code="E-DIFFERENT",
        )
    return found


def _first_hidden(a: Artefact, b: Artefact, samples: Samples, bank: int) -> str | None:
    hidden_a, hidden_b = a.hidden(samples, bank), b.hidden(samples, bank)
    for name, bits in hidden_a.items():
        if name not in hidden_b or hidden_b[name].shape != bits.shape:
            continue
        wrong = np.argwhere(bits != hidden_b[name])
        if len(wrong):
            sample, *index = (int(i) for i in wrong[0])
            at = ", ".join(map(str, index))
            return (
                f"layer {name}, sample {sample}, index [{at}]: "
                f"{_sign(bits[sample, *index])} and {_sign(hidden_b[name][sample, *index])}"
            )
    return None


def _sign(bit: bool) -> str:
    return "+1" if bit else "-1"


def _first_output(of_a: Predictions, of_b: Predictions, class_name: Callable[[int], str]) -> str:
    if of_a.scores is not None and of_b.scores is not None:
        wrong = np.argwhere(of_a.scores != of_b.scores)
        if len(wrong):
            sample, k = (int(i) for i in wrong[0])
            return (
                f"the scores, sample {sample}, class {class_name(k)}: {of_a.scores[sample, k]} and "
                f"{of_b.scores[sample, k]}"
            )
    sample = int(np.flatnonzero(of_a.labels != of_b.labels)[0])
    ours, theirs = (class_name(int(of.labels[sample])) for of in (of_a, of_b))
    return f"the label of sample {sample}: {ours} and {theirs}"


def bank_of(a: Artefact, b: Artefact, asked: int | None) -> int:
    """The bank to compare in: as asked, or the bank that a file was exported with, or 0.

    Raises:
        InputError: one of the two does not have it.
    """
    only = [x.only_bank for x in (a, b) if x.only_bank is not None]
    bank = asked if asked is not None else only[0] if only else 0
    for artefact in (a, b):
        artefact.check_bank(bank)
    return bank


def random_samples(a: Artefact, n: int) -> Samples:
    """Samples over the whole range of the input, the same ones every time, shape (n, n_inputs).

    Raises:
        InputError: n is negative.
    """
    if n < 0:
        raise InputError(f"{n} random samples: give 0 or more", code="E-RANGE")
    info = np.iinfo(a.input.dtype)
    values = np.random.default_rng(0).integers(
        info.min, info.max + 1, size=(n, a.input.n_inputs), dtype=np.int16
    )
    return values.astype(np.int8) if a.input.dtype == "int8" else values.astype(np.uint8)
