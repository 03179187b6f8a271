"""What learns on a device, also where its firmware left the choice to the library."""

from __future__ import annotations

from metabit.edge_runtime import _native
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import HEADS, Options
from metabit.edge_runtime.plan import GOALS, Plan, fit
from metabit.export.blob import Blob
from metabit.firmware_sim.link.messages import DeviceInfo


def plan_of(info: DeviceInfo, blob: Blob) -> Plan:
    """What a device has chosen to learn, and its RAM.

    A firmware with MB_OPTIONS_LEARN tells only its goal. What it takes depends on that, on the
    model and on the size of its arena, all of which are known here.

    Args:
        info: what the device said of itself.
        blob: the model that runs there.

    Raises:
        InputError, BudgetError: as `plan.plan`, of options that the device could not have.
    """
    told = info.options
    leaves_open = told.goal == _native.GOAL_FILE and told.replay == 0
    options = Options(
        state_bits=told.state_bits, bank=told.bank, panels=bool(told.panels), batch=told.batch,
        units=told.units, trust=told.trust, contexts=told.contexts,
        replay=None if leaves_open else 0 if told.replay == _native.NO_REPLAY else told.replay,
    )  # fmt: skip
    if told.goal:
        goal = None if told.goal == _native.GOAL_FILE else GOALS[told.goal - 1]
        return fit(Mapped(blob), "auto", options, info.arena_bytes, goal)
    learn = HEADS[told.head - 1] if told.head else told.learn_layers or "none"
    return fit(Mapped(blob), learn, options, None)
