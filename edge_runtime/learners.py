"""Which learners a file has for what is asked: layers, a counting head, or a tracking head."""

from __future__ import annotations

from dataclasses import replace

from metabit.edge_runtime import _native
from metabit.edge_runtime.layers_that_learn import Learn, resolve_learn
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Head, Options
from metabit.edge_runtime.refusals import no_replay, too_many_classes
from metabit.errors import InputError
from metabit.export.container import head_that_answers

#: Forms of the counting head, the best first.
COUNTING: tuple[Head, ...] = ("counting", "counting-small")
#: Hidden units that a tracking head may have, the best first.
UNITS = (64, 32, 0)


def asked_for(mapped: Mapped, learn: Learn | None, options: Options) -> list[Options]:
    """What may learn as asked, the best first.

    Args:
        mapped: the model.
        learn: see `metabit.edge_runtime.plan.plan`, but for "auto"; None where nothing is to learn:
            then what answers in the file.
        options: everything else.

    Raises:
        InputError: the file lacks what is asked for.
    """
    info, where = mapped.info, mapped.where
    most = info.n_layers if info.state_bits else 0
    counting = [
        replace(options, learn_layers=0, head=form)
        for form in COUNTING
        if info.head_kind and learn in (form, None)
    ]
    if learn is None:
        by_head = head_that_answers(mapped.blob.data, where)
        if by_head == "tracking":
            return _tracking(mapped, options)
        return counting if by_head == "counting" else [options]
    if learn == "tracking":
        return _tracking(mapped, options)
    if learn in COUNTING:
        if not counting:
            raise InputError(
                f"{where} carries no counting head; export the run again", code="E-NO-HEAD"
            )
        return counting
    number = resolve_learn(learn, info.n_layers)
    if number and not most:
        raise InputError(
            f"{where} carries no hidden weights and its layers cannot learn; export it without "
            "--no-state, or import it with --learn DATA",
            code="E-NO-STATE",
        )
    return [replace(options, learn_layers=number)]


def _tracking(mapped: Mapped, options: Options) -> list[Options]:
    """Tracking heads, with fewer and fewer hidden units; a head that has learnt keeps its own."""
    info = mapped.info
    units = UNITS if options.units is None else (options.units,)
    if info.n_inputs > _native.TRACKED_INPUTS:
        units = (0,)
    if info.has_tracker and options.units not in (None, info.tracker_units):
        raise InputError(
            f"{mapped.where}: its tracking head has learnt with {info.tracker_units} hidden units, "
            f"not {options.units}; leave units out",
            code="E-UNITS",
        )
    if info.has_tracker:
        units = (int(info.tracker_units),)
    trust = 0.0 if info.untrained else 1.0
    tracking = replace(options, learn_layers=0, head="tracking", trust=trust)
    return [replace(tracking, units=number) for number in units]


def _replays(mapped: Mapped, options: Options) -> bool:
    """Whether samples can be kept and learnt again: not of a first layer, which sees them whole."""
    return options.head == "tracking" or 0 < options.learn_layers < mapped.info.n_layers


def that_replay(mapped: Mapped, wanted: list[Options]) -> list[Options]:
    """Those that can learn samples again, if they are to.

    Raises:
        InputError: none can, or the model has too many classes for it.
    """
    able = [choice for choice in wanted if not choice.replay or _replays(mapped, choice)]
    if not able:
        raise no_replay(mapped.where)
    if able[0].replay and mapped.info.n_outputs > _native.MAX_CLASSES:
        raise too_many_classes(mapped.where, mapped.info.n_outputs)
    return able
