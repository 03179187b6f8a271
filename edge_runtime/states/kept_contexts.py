"""How many contexts a state that was kept is opened with again, where there is less RAM now."""

from __future__ import annotations

from dataclasses import replace

from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import fit
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import BudgetError
from metabit.export.states.facts import StateFacts


def room_for(
    mapped: Mapped, options: Options, kept: StateFacts, budget_bytes: int | None
) -> int | None:
    """Contexts to open a state with: as it was made, or as many as fit, if what is open has room.

    Args:
        mapped: the model.
        options: how it is opened otherwise.
        kept: what the state says of itself.
        budget_bytes: RAM of the arena; None for no limit.

    Raises:
        BudgetError: even the contexts that are open do not fit; says how much RAM they need.
    """
    made_for, least = kept.choice.contexts, max(kept.n_contexts, 1)
    if made_for == 0 or budget_bytes is None:
        return made_for
    needs = {
        contexts: fit(mapped, "all", replace(options, contexts=contexts), None).arena_bytes
        for contexts in range(made_for, least - 1, -1)
    }
    for contexts, arena_bytes in needs.items():
        if arena_bytes <= budget_bytes:
            return contexts if contexts > 1 else 0
    if least == 1:
        return 0  # one network is too large, which is said where any network is opened
    raise BudgetError(
        f"{mapped.where}: the state that was kept has {least} contexts open, which need "
        f"{format_kib(needs[least])} of RAM, and the budget is {format_kib(budget_bytes)}; give it "
        f"{needs[least]:,} bytes, or keep states of this model in another folder",
        code="E-BUDGET",
    )
