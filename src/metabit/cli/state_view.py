"""States of a folder and state files, as people and programs are shown them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.tables import percent, table, table_below
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.sizes import format_kib
from metabit.edge_runtime.states.state_history import KeptState, history, newest_of, state_called
from metabit.edge_runtime.status import Status
from metabit.errors import MismatchError
from metabit.export.blob import Blob
from metabit.export.state_diff import difference
from metabit.export.states.facts import StateFacts, facts_of


def state_answer(state: KeptState) -> Answer:
    """One state, for programs."""
    return {
        "number": state.number,
        "names": list(state.names),
        "file": state.path,
        "date": datetime.fromtimestamp(state.date, UTC).isoformat(timespec="seconds"),
        "n_bytes": len(state.image),
        "damage": state.damage or None,
        **({} if state.facts is None else facts_answer(state.facts)),
    }


def facts_answer(facts: StateFacts) -> Answer:
    """What an image says of itself, for programs."""
    return {
        "version": facts.version,
        "model_id": f"{facts.model_id:08x}",
        "head": facts.choice.head,
        "learn_layers": facts.choice.learn_layers,
        "bits": facts.choice.bits,
        "bank": facts.choice.bank,
        "n_steps": facts.n_steps,
        "n_learnt": facts.n_learnt,
        "prequential_accuracy": facts.accuracy,
        "n_drifts": facts.n_drifts,
        "n_contexts": facts.n_contexts,
        "context": facts.context,
    }


def contexts_told(n_open: int, room: int, current: int) -> str:
    """Contexts of an engine that learns, for people: "2 of 5 open, number 2 learns"."""
    return f"{n_open} of {room} open, number {current + 1} learns"


def show_states(out: Output, folder: Path, states: tuple[KeptState, ...]) -> list[Answer]:
    """All states of a folder as a table; returns them for programs."""
    rows = table(
        str(folder), ">state", "name", "date", ">size", ">samples", ">right", ">drifts", "learnt",
    )  # fmt: skip
    now = next((s for s in states if s.number is not None and s.facts is not None), None)
    for state in states:
        number = "-" if state.number is None else str(state.number)
        names = [*state.names, *(["← loaded"] if state is now else [])]
        if state.facts is None:
            what = ("-", "-", "-", f"damaged: {state.damage}")
        else:
            facts = state.facts
            right, drifts = _right(facts.accuracy), str(facts.n_drifts)
            what = (f"{facts.n_steps:,}", right, drifts, facts.choice.in_words())
        rows.add_row(number, ", ".join(names), date_of(state), format_kib(len(state.image)), *what)
    out.show(rows)
    out.line("right: of the last 512 samples or so, before each was learnt", "dim")
    return [state_answer(state) for state in states]


def view_of(out: Output, folder: Path, which: str | None, base: Path | None) -> Answer:
    """One state of a folder, the newest whole one where none is named."""
    states = history(folder)
    state = newest_of(states, folder) if which is None else state_called(states, which, folder)
    assert state.facts is not None
    names = f' "{", ".join(state.names)}"' if state.names else ""
    title = f"{folder}: {state}{names if state.number is not None else ''}, {date_of(state)}"
    return {
        **state_answer(state),
        **show_image(out, title, state.image, state.facts, base, folder),
    }


def show_file(out: Output, file: Path, image: bytes) -> Answer:
    """One state file, whatever folder it lies in."""
    facts = facts_of(image, str(file))
    return {**facts_answer(facts), **show_image(out, str(file), image, facts, None, None)}


def show_image(
    out: Output, title: str, image: bytes, facts: StateFacts, base: Path | None,
    folder: Path | None,
) -> Answer:  # fmt: skip
    """Counters of an image; with the model file that learnt, its classes and layers too."""
    rows = table(title, "", "")
    rows.show_header = False
    rows.add_row("learnt", facts.choice.in_words())
    rows.add_row("bank", str(facts.choice.bank))
    rows.add_row("model file", f"{facts.model_id:08x}")
    rows.add_row("image", f"{format_kib(len(image))}, version {facts.version}, whole")
    rows.add_row("samples since export", f"{facts.n_steps:,}")
    if facts.choice.head is None:
        rows.add_row("learnt by layers", f"{facts.n_learnt:,}")
    rows.add_row("right of late", _right(facts.accuracy))
    rows.add_row("drifts found", str(facts.n_drifts))
    if facts.choice.contexts:
        told = contexts_told(facts.n_contexts, facts.choice.contexts, facts.context)
        rows.add_row("contexts", told)
    out.show(rows)
    if base is None:
        return {}
    return _with_model(out, Blob.of(base), image, facts, folder)


def _with_model(
    out: Output, blob: Blob, image: bytes, facts: StateFacts, folder: Path | None
) -> Answer:
    engine = engine_of(blob, facts)
    engine.load_state(image)
    status, names = engine.status(), ClassNames(blob.model, engine.n_outputs, folder)
    if any(recall is not None for recall in status.class_accuracy):
        rows = table_below("classes", "class", ">right of late")
        for label, recall in enumerate(status.class_accuracy):
            if recall is not None:
                rows.add_row(names(label), percent(recall))
        out.show(rows)
    _show_layers(out, blob, status)
    return {"status": vars(status), "class_names": names.known}


def _show_layers(out: Output, blob: Blob, status: Status) -> None:
    if not status.layer_plasticity:
        return
    rows = table_below("layers", "name", ">plasticity left", ">at the end of their range")
    layers = blob.model.layers[-len(status.layer_plasticity) :]
    for layer, left, end in zip(layers, status.layer_plasticity, status.layer_at_end, strict=True):
        rows.add_row(layer.name, percent(left), percent(end))
    out.show(rows)


def engine_of(blob: Blob, facts: StateFacts) -> Engine:
    """An engine that a state of these facts can be loaded into.

    Raises:
        MismatchError: it belongs to another model file (E-STATE-MODEL).
    """
    if facts.model_id != blob.model_id:
        raise MismatchError(
            f"{blob.where} is model file {blob.model_id:08x}; the state was learnt with "
            f"{facts.model_id:08x}",
            code="E-STATE-MODEL",
        )
    made_by = facts.choice
    return Engine(
        blob, learn=made_by.head or made_by.learn_layers, bits=made_by.bits, bank=made_by.bank,
        units=made_by.units if made_by.head == "tracking" else None, replay=made_by.replay,
        contexts=made_by.contexts,
    )  # fmt: skip


def show_difference(
    out: Output, folder: Path, old: KeptState, new: KeptState, blob: Blob | None
) -> Answer:
    """What lies between two states of a folder."""
    assert old.facts is not None
    assert new.facts is not None
    rows = table(f"{folder}", "", f">{old}", f">{new}")
    rows.add_row("date", date_of(old), date_of(new))
    cells: dict[str, Callable[[StateFacts], str]] = {
        "samples since export": lambda facts: f"{facts.n_steps:,}",
        "learnt by layers": lambda facts: f"{facts.n_learnt:,}",
        "right of late": lambda facts: _right(facts.accuracy),
        "drifts found": lambda facts: str(facts.n_drifts),
        "learnt": lambda facts: facts.choice.in_words(),
    }
    if old.facts.choice.head is not None:
        del cells["learnt by layers"]
    for name, cell in cells.items():
        rows.add_row(name, cell(old.facts), cell(new.facts))
    out.show(rows)
    if old.image == new.image:
        out.line("they hold the same, byte for byte")
    answer: Answer = {
        "old": state_answer(old), "new": state_answer(new), "equal": old.image == new.image,
        "n_samples_between": new.facts.n_steps - old.facts.n_steps,
    }  # fmt: skip
    if blob is None:
        out.line(
            "with --model FILE: the weights of each layer, or the samples of each class", "dim"
        )
        return answer
    return {**answer, **_weights(out, folder, old, new, blob)}


def _weights(out: Output, folder: Path, old: KeptState, new: KeptState, blob: Blob) -> Answer:
    assert old.facts is not None
    changed = difference(old.image, new.image, blob, str(folder))
    if changed.layers:
        rows = table_below("layers", "name", ">weights", ">moved", ">flipped", ">levels per move")
        for layer in changed.layers:
            rows.add_row(
                layer.name, f"{layer.n_weights:,}", f"{layer.n_moved:,}", f"{layer.n_flipped:,}",
                f"{layer.mean_move:.2f}",
            )  # fmt: skip
        out.show(rows)
    if changed.class_counts:
        names = ClassNames(blob.model, len(changed.class_counts), folder)
        rows = table_below("samples of each class", "class", f">{old}", f">{new}")
        for label, (before, after) in enumerate(changed.class_counts):
            if before or after:
                rows.add_row(names(label), f"{before:,}", f"{after:,}")
        out.show(rows)
    return {
        "layers": [vars(layer) for layer in changed.layers],
        "class_counts": [list(pair) for pair in changed.class_counts],
    }


def date_of(state: KeptState) -> str:
    """When the file of a state was written, in local time."""
    return datetime.fromtimestamp(state.date).strftime("%Y-%m-%d %H:%M:%S")


def _right(accuracy: float | None) -> str:
    return "-" if accuracy is None else percent(accuracy)
