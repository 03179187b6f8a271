"""What a state folder says of how its engine was opened, and what learning has changed since."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer, Output
from metabit.cli.state_view import date_of, state_answer
from metabit.cli.tables import percent
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.plan import Learn
from metabit.edge_runtime.states.state_history import history, newest_of
from metabit.export import container
from metabit.export.blob import Blob
from metabit.export.repack import newest_facts, read_state, with_state
from metabit.export.states.facts import StateFacts

#: A difference of accuracies below this, and below what chance makes of so few samples, is no loss.
TOLERATED = 0.01


@dataclass(frozen=True)
class Opened:
    """How the engine of a state was opened, as `Engine` takes it; and what the state says."""

    learn: Learn
    bits: int
    units: int | None
    bank: int
    replay: int
    contexts: int
    facts: StateFacts


def opened_with(state: Path | None) -> Opened | None:
    """How the engine was opened whose newest sound state lies in this folder; None where none does.

    Raises:
        FormatError, CorruptError: all states there are damaged.
    """
    facts = None if state is None or not state.is_dir() else newest_facts(state)
    if facts is None:
        return None
    choice = facts.choice
    units = choice.units if choice.head == "tracking" else None
    return Opened(
        choice.learn, choice.bits, units, choice.bank, choice.replay, choice.contexts, facts
    )


def with_what_was_learnt(blob: Blob, state: Path) -> Blob:
    """The model file with the newest state of a folder in it, for its other banks."""
    learnt = with_state(blob.model, read_state(state, blob))
    return Blob(container.dumps(learnt), f"{blob.where} with {state}")


def since_export(
    out: Output, blob: Blob, bank: int | None, state: Path, x: Samples, truth: NDArray[np.int32],
    accuracy: float,
) -> Answer:  # fmt: skip
    """Say which state answered, and what the model file answers without it.

    Args:
        out: where to say it.
        blob: the model file.
        bank: that was asked for; None for the bank that learnt.
        state: the folder.
        x: samples, shape (n, n_inputs).
        truth: their labels, shape (n,).
        accuracy: of the state on them.
    """
    loaded = newest_of(history(state), state)
    assert loaded.facts is not None
    exported = Engine(blob, bank=loaded.facts.choice.bank if bank is None else bank)
    before = float(np.mean(exported.predict(x) == truth))
    by_chance = math.sqrt(before * (1 - before) / len(truth))
    out.line(f"{loaded} of {date_of(loaded)}: {percent(accuracy)}; as exported: {percent(before)}")
    if accuracy < before - TOLERATED - by_chance:
        out.line(
            f"some of what {blob.where} knew here is lost: `metabit state list {state}` shows the "
            f"states, `metabit state undo {state}` goes back to the one before",
            "yellow",
        )
    return {"accuracy_as_exported": before, "state": state_answer(loaded)}
