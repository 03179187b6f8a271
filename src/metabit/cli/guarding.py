"""The guard of `metabit learn`: which probes it asks, and what it says in the end."""

from __future__ import annotations

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.tables import percent
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.guard import Guard
from metabit.errors import InputError
from metabit.export.probes import probe_inputs
from metabit.export.spec import Model
from metabit.readers.read import read_samples


def guard_for(
    engine: Engine, model: Model, classes: ClassNames, wanted: bool | None, data: str | None
) -> Guard | None:
    """The guard of an engine; None where it goes without.

    Args:
        engine: it learns.
        model: its file, which may carry probes.
        classes: numbers of labels that are names.
        wanted: None for a guard where there are probes, and where what is known is to be kept.
        data: labelled samples to take as probes in place of the file's own.

    Raises:
        InputError: a guard is wanted, and there are no probes (E-PROBES).
    """
    if wanted is False or (wanted is None and engine.plan.head == "tracking"):
        return None  # what follows a drift is meant to forget
    if data is not None:
        samples = read_samples(data, model)
        labels = classes.numbers(samples, learning=True)
        assert labels is not None
        return Guard(engine, samples.x, labels)
    if model.probes is not None:
        return Guard(engine, probe_inputs(model.probes, model.input), model.probes.labels)
    if wanted:
        raise InputError(
            "--guard: the file carries no probes; export its run again, or give labelled samples "
            "with --probes DATA",
            code="E-PROBES",
        )
    return None


def guard_answer(guard: Guard, before: int) -> Answer:
    """What the guard found, for the JSON."""
    return {
        "n_probes": guard.n_probes,
        "hits_before": before,
        "hits_after": guard.hits(),
        "n_reverted": guard.n_reverted,
        "checks": [vars(check) for check in guard.checks],
    }


def say_guard(out: Output, found: Answer) -> None:
    """The same in one line for people, and a second one where something was taken back."""
    n, n_checks = found["n_probes"], len(found["checks"])
    before, after = percent(found["hits_before"] / n), percent(found["hits_after"] / n)
    out.line(
        f"guard: {n} probes, right {before} before, {after} after; {n_checks} "
        f"check{'' if n_checks == 1 else 's'}, {found['n_reverted'] or 'none'} reverted"
    )
    back = [check for check in found["checks"] if check["reverted"]]
    if back:
        places = ", ".join(f"{check['n_samples']:,} ({check['hits']} right)" for check in back)
        out.line(f"taken back because probes went wrong, after samples: {places}", "yellow")
