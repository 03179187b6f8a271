"""What `metabit learn` says at the end."""

from __future__ import annotations

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.guarding import say_guard
from metabit.cli.state_view import contexts_told
from metabit.cli.tables import class_table, confusion_table, percent


def say_learnt(out: Output, answer: Answer, classes: ClassNames) -> None:
    """How well it went, what learnt and how, and where it is kept."""
    out.line(
        f"learnt {answer['n_samples']:,} samples of {answer['data']}: right "
        f"{percent(answer['accuracy_before'])} before, {percent(answer['prequential_accuracy'])} "
        f"as they came (last tenth {percent(answer['last_accuracy'])}), "
        f"{percent(answer['accuracy_after'])} after",
        "bold",
    )
    if answer["contexts"]:
        told = contexts_told(answer["n_contexts"], answer["contexts"], answer["context"])
        out.line(f"contexts: {told}")
    classes_told = answer["classes"]
    for rows in (class_table(classes_told), confusion_table(classes_told, answer["confusion"])):
        if rows is not None:
            out.show(rows)
    if answer["new_classes"]:
        out.line(f"new classes: {', '.join(map(classes, answer['new_classes']))}")
    if answer["guard"] is not None:
        say_guard(out, answer["guard"])
    _say_gauges(out, answer)
    if answer["state"] is None:
        out.line("nothing is kept: give --state DIR to keep it", "yellow")
    else:
        out.line(f"kept in {answer['state']}")


def _say_gauges(out: Output, answer: Answer) -> None:
    drift = f"; errors rose {answer['n_drifts']} times" if answer["n_drifts"] else ""
    drift += ", the last time just now: the stream drifts" if answer["is_drifting"] else ""
    if not answer["n_weights"]:
        out.line(f"{answer['n_steps']:,} samples since export{drift}")
        return
    layers, ends = (
        " ".join(map(percent, answer[name])) for name in ("layer_plasticity", "layer_at_end")
    )
    out.line(
        f"{answer['n_steps']:,} samples since export, {answer['n_learnt']:,} of them learnt"
        f"{drift}; the last step changed {answer['last_writes']:,} hidden weights and flipped "
        f"{answer['last_flips']:,} of {answer['n_weights']:,}"
    )
    out.line(
        f"plasticity left {percent(answer['plasticity_left'])}; by layer: {layers}; at the end of "
        f"their range: {ends}"
    )
