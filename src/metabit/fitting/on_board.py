"""What candidates take on a board: room beside the firmware, time and energy of a prediction.

The real firmware is built and run on an emulated core, with networks of random weights, which are
as large and about as quick as trained ones. Time and energy are estimates from counted
instructions. The chosen network is run there as it is delivered, and compared bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Learn
from metabit.errors import BudgetError, InputError
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.profile import profile
from metabit.firmware_sim.simulate import Work, simulate
from metabit.fitting.cost import Refused, blob_of
from metabit.fitting.features import Features
from metabit.fitting.question import Budgets
from metabit.fitting.race import Entry
from metabit.trainer.data.dataset import Split

MARGIN = 1.3
"""Candidates are refused where the estimate, made from two others, is so much above the budget."""


CONFIRMED = 20
"""Test samples that the chosen network predicts and learns on the board."""


@dataclass(frozen=True)
class Spent:
    """What a prediction takes on a board, with the front end that makes its sample; None where the
    board's file does not say enough.

    Attributes:
        predict_us: time in microseconds, the typical estimate.
        predict_uj: energy in microjoules.
    """

    predict_us: float | None
    predict_uj: float | None


def room_on(board_name: str, budgets: Budgets, blob: bytes) -> Budgets:
    """Budgets that also hold for a board: what stack, buffers and code leave of it.

    Args:
        board_name: see `boards.names()`, or a TOML file.
        budgets: what was asked for.
        blob: a small .mbit file, which the firmware is built with.

    Raises:
        InputError: no such board (E-BOARD), or it can only be planned for (E-BOARD-PLAN).
    """
    started = session.start(blob, boards.load(board_name), "counting", Options(), may_exceed=True)
    ram, flash = started.memory()
    arena = started.plan.arena_bytes
    ram_left = ram.available_bytes - (ram.used_bytes - arena)
    flash_left = flash.available_bytes - (flash.used_bytes - len(blob))
    if flash.available_bytes == 0:  # the board runs from RAM, and a disk holds the file
        flash_left = ram_left
    return replace(
        budgets,
        ram_bytes=_smaller(budgets.ram_bytes, ram_left),
        flash_bytes=_smaller(budgets.flash_bytes, flash_left),
    )


def _smaller(asked: int | None, left: int) -> int:
    return max(left, 0) if asked is None else min(asked, max(left, 0))


def spent_by(entry: Entry, features: Features, board_name: str) -> Spent:
    """Time and energy of a prediction, by running it on the emulated board."""
    blob = blob_of(entry.candidate, features, entry.cost)
    found = profile(
        blob, board_name, learn=_learn(entry.cost.head_ram_bytes is not None), n_samples=1
    )
    return _spent(found.predict, found.front_end)


def _spent(predict: Work, front_end: Work | None) -> Spent:
    """Time and energy of both together."""
    both = [predict] if front_end is None else [predict, front_end]
    estimates = [work.estimate for work in both]
    times = [None if each is None else each.microseconds[1] for each in estimates]
    energies = [
        None if each is None or each.microjoules is None else each.microjoules[1]
        for each in estimates
    ]
    return Spent(_sum(times), _sum(energies))


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def confirmed(path: Path, board_name: str, test: Split, learns: bool) -> dict[str, Any]:
    """Run a packed network on the board: predict, and learn if it does, bit for bit as here.

    Args:
        path: the .mbit file.
        board_name: see `boards.names()`, or a TOML file.
        test: samples as the network reads them, x of shape (n, n_inputs); the first `CONFIRMED`
            are run.
        learns: whether its head is to learn them.

    Returns:
        the number of samples, and estimates: microseconds and microjoules of a prediction with its
        front end, microseconds of a learning step. None where the board's file does not say enough.

    Raises:
        MismatchError: the board differs from the host (E-SIM-MISMATCH).
        BudgetError: it does not fit the board.
    """
    made = simulate(path, board_name, x=test.x, y=test.y, learn=_learn(learns), n_samples=CONFIRMED)
    spent = _spent(made.predict, made.front_end)
    learning = None if made.learn is None else made.learn.estimate
    return {
        "board": made.board,
        "n_samples": len(made.labels),
        "predict_us": spent.predict_us,
        "predict_uj": spent.predict_uj,
        "learn_us": None if learning is None else learning.microseconds[1],
    }


def _learn(learns: bool) -> Learn:
    return "counting" if learns else "none"


def within(
    entries: Sequence[Entry], features: Mapping[Path, Features], budgets: Budgets
) -> tuple[list[Entry], list[tuple[Entry, Refused]]]:
    """Candidates that are quick enough by an estimate from two of them, and the others.

    Of each front end, the smallest and the largest candidate are run. Time is nearly a line over
    the number of multiplications.

    Raises:
        InputError: the board has no estimate of time or energy (E-BOARD-PLAN).
    """
    if budgets.board is None or (budgets.latency_us is None and budgets.energy_uj is None):
        return list(entries), []
    good: list[Entry] = []
    refused: list[tuple[Entry, Refused]] = []
    for path in features:
        some = sorted((e for e in entries if e.features == path), key=lambda e: e.cost.n_macs)
        if not some:
            continue
        ends = [spent_by(entry, features[path], budgets.board) for entry in (some[0], some[-1])]
        macs = [some[0].cost.n_macs, some[-1].cost.n_macs]
        for entry in some:
            why = _too_much(entry.cost.n_macs, macs, ends, budgets)
            if why is None:
                good.append(entry)
            else:
                refused.append((entry, why))
    return good, refused


def _too_much(
    n_macs: int, macs: Sequence[int], ends: Sequence[Spent], budgets: Budgets
) -> Refused | None:
    for kind, key, unit, limit in (
        ("latency", "predict_us", "µs", budgets.latency_us),
        ("energy", "predict_uj", "µJ", budgets.energy_uj),
    ):
        if limit is None:
            continue
        known = [getattr(end, key) for end in ends]
        if None in known:
            raise InputError(
                f"{budgets.board}: its file does not say enough to estimate {kind}; leave "
                f"--{kind} out",
                code="E-BOARD-PLAN",
            )
        value = float(np.interp(n_macs, macs, known))
        if value > limit * MARGIN:
            return Refused(kind, f"takes about {value:,.0f} {unit} per prediction")
    return None


def keeps_to(spent: Spent, budgets: Budgets) -> bool:
    """Whether time and energy are within the budgets."""
    time_is_good = budgets.latency_us is None or (spent.predict_us or 0) <= budgets.latency_us
    return time_is_good and (
        budgets.energy_uj is None or (spent.predict_uj or 0) <= budgets.energy_uj
    )


def nothing_is_quick_enough(name: str, budgets: Budgets) -> BudgetError:
    """The refusal where every candidate of the last stage takes too long."""
    return BudgetError(
        f"{name}: no network of the last stage keeps to the time or energy asked for on "
        f"{budgets.board}; allow a little more",
        code="E-BUDGET",
    )
