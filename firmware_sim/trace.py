"""A profile as a trace: what each layer does, on the clock of the board.

The format is the JSON of Chrome's tracing, which ui.perfetto.dev opens: complete events ("X") with
a start and a duration in microseconds. A board is a process, and each kind of work is one of its
threads, which begins at 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from metabit.errors import InputError
from metabit.firmware_sim.profile import Profile
from metabit.firmware_sim.simulate import Work

Event = dict[str, object]


def trace(profiles: Sequence[Profile]) -> dict[str, object]:
    """The trace of one or several boards.

    Of the predictions and of the learning steps that were counted, the one of most instructions is
    drawn. Times are cycles of the core, while its caches have everything, by the board's usual
    clock: what memory costs stands in the estimate of the whole, and in no slice.

    Raises:
        InputError: a core has no cost model, so that there is no clock to draw on.
    """
    events: list[Event] = []
    for number, profile in enumerate(profiles, 1):
        if profile.predict.estimate is None:
            raise InputError(
                f'{profile.board}: core "{profile.core}" has no cost model, so that a trace has no '
                "clock; `core` in the board's file names one of those that `metabit boards` shows",
                code="E-BOARD-FILE",
            )
        title = f"{profile.board}, {profile.clock_hz / 1e6:,.0f} MHz"
        events.append(_name("process_name", number, 0, title))
        for thread, (what, work) in enumerate(_works(profile), 1):
            events.append(_name("thread_name", number, thread, what))
            events += _slices(profile, work, number, thread)
    return {
        "displayTimeUnit": "ns",
        "traceEvents": events,
        "otherData": {
            "times": "estimates: cycles of the core while its caches have everything, by its clock",
            "models": ", ".join(sorted({profile.model_sha256 for profile in profiles})),
        },
    }


def _works(profile: Profile) -> list[tuple[str, Work]]:
    works = [("predict one sample", profile.predict)]
    if profile.learn is not None:
        n = profile.learn.n_samples
        works.append(("learn one sample" if n == 1 else f"learn {n} samples", profile.learn))
    return works


def _name(kind: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {"name": name}}


def _slices(profile: Profile, work: Work, process: int, thread: int) -> list[Event]:
    us_per_cycle = 1e6 / profile.clock_hz
    made: list[Event] = []
    at = 0.0
    for phase in work.longest.phases:
        assert phase.cycles is not None
        layer = "" if phase.layer is None else f"{profile.layers[phase.layer].name}: "
        made.append(
            {
                "ph": "X", "name": layer + phase.name, "cat": phase.name,
                "pid": process, "tid": thread,
                "ts": at * us_per_cycle, "dur": phase.cycles * us_per_cycle,
                "args": {"cycles": phase.cycles, "instructions": phase.instructions},
            }
        )  # fmt: skip
        at += phase.cycles
    return made
