"""`metabit state`: the history of what a device has learnt, in its state folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadPath
from metabit.cli.state_view import show_difference, show_states, state_answer, view_of
from metabit.edge_runtime.states import state_history
from metabit.errors import InputError
from metabit.export.blob import Blob

#: What can be done -> words that follow the folder, the last of them optional where it says so.
ACTIONS: dict[str, tuple[str, ...]] = {
    "list": (), "show": ("[STATE]",), "diff": ("STATE", "[STATE]"), "undo": ("[STATE]",),
    "keep": ("NAME", "[STATE]"), "forget": ("NAME",), "prune": (),
}  # fmt: skip
KEEP_DEFAULT = 3
_OPTIONS = {"base": ("--model", ("show", "diff")), "keep": ("--keep", ("prune",))}


@verb("state")
@click.argument("action", type=click.Choice(list(ACTIONS)))
@click.argument("folder", metavar="DIR", type=ReadPath())
@click.argument("words", metavar="[NAME] [STATE]...", nargs=-1)
@click.option(
    "--model", "base", metavar="FILE", type=ReadPath(),
    help="With show and diff: the .mbit file that learnt, for the accuracy of each class and for "
    "the weights of each layer.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N",
    help=f"With prune: how many commits stay. Default: {KEEP_DEFAULT}.",
)  # fmt: skip
def command(
    out: Output, action: str, folder: Path, words: tuple[str, ...], base: Path | None,
    keep: int | None,
) -> Answer:  # fmt: skip
    """Look at the states that `metabit learn` has kept in DIR; take back what harmed.

    \b
    list DIR                all states: date, prequential accuracy, what learnt
    show DIR [STATE]        one state; with --model, each class and layer too
    diff DIR STATE [STATE]  what lies between two states
    undo DIR [STATE]        go back to the state before, or to STATE
    keep DIR NAME [STATE]   name a state: it stays until it is forgotten
    forget DIR NAME         take the name away again
    prune DIR               remove all commits but the newest, see --keep

    STATE is the number or the name of a state. Where it is left out, show, diff and keep take the
    newest one, which an engine loads. An undo is a commit of its own, written as safely as every
    other one: the state that it took back is still there, by its number. While an engine keeps
    states in DIR, undo, keep, forget and prune are refused (E-BUSY).
    """
    _check_words(action, words, {"base": base, "keep": keep})
    which = words[-1] if words else None
    does: dict[str, Callable[[], Answer]] = {
        "list": lambda: _list(out, folder),
        "show": lambda: view_of(out, folder, which, base),
        "diff": lambda: _diff(out, folder, words, base),
        "undo": lambda: _undo(out, folder, which),
        "keep": lambda: _keep(out, folder, words),
        "forget": lambda: _forget(out, folder, words[0]),
        "prune": lambda: _prune(out, folder, keep or KEEP_DEFAULT),
    }
    return {"action": action, "folder": folder, **does[action]()}


def _check_words(action: str, words: tuple[str, ...], given: dict[str, object]) -> None:
    wanted = ACTIONS[action]
    least = sum(not word.startswith("[") for word in wanted)
    if not least <= len(words) <= len(wanted):
        usage = " ".join(("metabit state", action, "DIR", *wanted))
        raise InputError(f"write it like this: {usage}", code="E-USAGE")
    for name, (option, actions) in _OPTIONS.items():
        if given[name] is not None and action not in actions:
            raise InputError(f"{option} goes with {' and '.join(actions)}", code="E-USAGE")


def _list(out: Output, folder: Path) -> Answer:
    states = state_history.history(folder)
    return {"states": show_states(out, folder, states)}


def _diff(out: Output, folder: Path, words: tuple[str, ...], base: Path | None) -> Answer:
    states = state_history.history(folder)
    old = state_history.state_called(states, words[0], folder)
    new = (
        state_history.state_called(states, words[1], folder)
        if words[1:]
        else state_history.newest_of(states, folder)
    )
    blob = None if base is None else Blob.of(base)
    return show_difference(out, folder, old, new, blob)


def _undo(out: Output, folder: Path, which: str | None) -> Answer:
    was, target, number = state_history.undo(folder, which)
    date = datetime.fromtimestamp(target.date).strftime("%Y-%m-%d %H:%M")
    out.line(f"{folder}: state {number} is now what {target} of {date} was", "bold")
    out.line(f"{was} is still there: metabit state undo {folder} {was.number or was.names[0]}")
    return {"number": number, "taken_again": state_answer(target), "was": state_answer(was)}


def _keep(out: Output, folder: Path, words: tuple[str, ...]) -> Answer:
    state = state_history.keep_as(folder, words[0], words[1] if words[1:] else None)
    out.line(f'{folder}: {state} is called "{words[0]}", and stays until it is forgotten')
    return {"name": words[0], "state": state_answer(state)}


def _forget(out: Output, folder: Path, name: str) -> Answer:
    state_history.forget(folder, name)
    out.line(f'{folder}: no state is called "{name}" any more')
    return {"name": name}


def _prune(out: Output, folder: Path, keep: int) -> Answer:
    gone = state_history.prune(folder, keep)
    n_bytes = sum(len(state.image) for state in gone)
    out.line(f"{folder}: {len(gone)} states removed, {n_bytes:,} bytes")
    return {"removed": [state.number for state in gone], "removed_bytes": n_bytes}
