"""The head of a model, in words and in numbers."""

from __future__ import annotations

from metabit.cli.common import Answer
from metabit.edge_runtime.sizes import format_kib
from metabit.export.head_spec import CountingHead, TrackingHead
from metabit.export.heads.home import ram_of
from metabit.export.spec import Model

_SOURCES = {
    "inputs": "the inputs",
    "sums": "the sums of {layer}",
    "ones": "the ones of each channel of {layer}",
}


def facts(model: Model) -> Answer | None:
    """What the answer of a verb tells of a counting head; None where the model has none."""
    head = model.head
    if head is None:
        return None
    return {
        "kind": "counting",
        "source": head.source,
        "layer": None if head.source == "inputs" else model.layers[head.layer].name,
        "n_features": head.n_features,
        "n_classes": head.n_classes,
        "n_spare_classes": head.n_classes - model.n_outputs,
        "n_samples": [int(count) for count in head.counts],
        "ram_bytes": ram_of(head),
        "answers": head.answers,
    }


def in_words(model: Model) -> str:
    """A line for people, such as "counting, 104 features of the sums of fc1, ..."."""
    head = model.head
    assert isinstance(head, CountingHead)
    of = _SOURCES[head.source].format(layer=model.layers[head.layer].name)
    known, spare = int((head.counts > 0).sum()), int((head.counts[model.n_outputs :] == 0).sum())
    return (
        f"counting, {head.n_features} features: {of} and the scores; knows {known} classes, "
        f"{spare} spare; {format_kib(ram_of(head))} of RAM"
        + ("; it answers" if head.answers else "")
    )


def tracking_facts(model: Model) -> Answer | None:
    """What the answer of a verb tells of a tracking head that has learnt; None without one."""
    head = model.tracker
    if head is None:
        return None
    return {
        "kind": "tracking",
        "n_units": head.n_units,
        "n_classes": head.n_classes,
        "n_samples": head.n_measured,
        "answers": head.answers,
    }


def tracking_in_words(head: TrackingHead) -> str:
    """A line for people, such as "tracking, 64 hidden units, has seen 1,200 samples"."""
    return f"tracking, {head.n_units} hidden units, has seen {head.n_measured:,} samples" + (
        "; it answers" if head.answers else ""
    )
