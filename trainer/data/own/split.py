"""What is held out to test with: whole groups, the end of time, or rows.

No recording and no window is ever on both sides: what a network has seen a part of, it knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.own import folders
from metabit.trainer.data.own.frames import Frames
from metabit.trainer.data.own.what import OwnData


def kind_of(data: OwnData, frames: Frames) -> str:
    """What is held out: "group", "time" or "random".

    Raises:
        InputError: what the recipe asks for would leak, or cannot be done (E-DATA-SPLIT).
    """
    windowed = data.window is not None
    default = "time" if windowed or frames.time is not None else "random"
    kind = data.split or ("group" if frames.group is not None else default)
    if kind == "group" and frames.group is None:
        raise InputError(
            f'{frames.where}: split = "group" needs groups: name their column with group',
            code="E-DATA-SPLIT",
        )
    if kind == "random" and windowed:
        raise InputError(
            f'{frames.where}: split = "random" would leak: neighbouring windows of a recording '
            'are nearly the same, so the test would be on what was trained on; use "group" or '
            '"time"',
            code="E-DATA-SPLIT",
        )
    if kind == "random" and frames.group is not None:
        raise InputError(
            f'{frames.where}: split = "random" would leak: rows of one group would be on both '
            'sides; use "group", or leave group out',
            code="E-DATA-SPLIT",
        )
    return kind


def rows_to_test(data: OwnData, frames: Frames) -> NDArray[np.bool_]:
    """Which rows are held out, shape (n,).

    Raises:
        InputError: nothing would be left on one side, or the split would leak (E-DATA-SPLIT).
    """
    kind, n = kind_of(data, frames), len(frames.values)
    generator = np.random.default_rng(data.seed)
    if kind == "time":
        if frames.time is not None and (np.diff(frames.time) < 0).any():
            order = np.argsort(np.argsort(frames.time, kind="stable"), kind="stable")
        else:
            order = np.arange(n)
        held = order >= n - max(1, round(data.test * n))
    elif kind == "random":
        held = np.zeros(n, dtype=bool)
        held[generator.choice(n, max(1, round(data.test * n)), replace=False)] = True
    else:
        assert frames.group is not None
        members = np.unique(frames.group)
        if len(members) < 2:
            raise InputError(
                f"{frames.where}: one group only ({frames.group_names[0]}): nothing can be held "
                "out",
                code="E-DATA-SPLIT",
            )
        n_out = min(max(1, round(data.test * len(members))), len(members) - 1)
        held = np.isin(frames.group, generator.choice(members, n_out, replace=False))
    if held.all() or not held.any():
        raise InputError(
            f"{frames.where}: test = {data.test} of {n} rows leaves one side empty",
            code="E-DATA-SPLIT",
        )
    return held


def held_by_name(data: OwnData, found: list[folders.Found]) -> NDArray[np.bool_] | None:
    """Which files lie in a folder for tests, shape (n,); None where their names say no split.

    A split that the recipe asks for is taken in place of folders that only happen to be called
    train and test.

    Raises:
        InputError: both the recipe and its pattern say a split (E-DATA-SPLIT).
    """
    if not any(file.split for file in found):
        return None
    if data.split is None:
        return np.array([file.split.lower() in folders.HELD_OUT for file in found])
    if data.pattern is None:
        return None
    raise InputError(
        f'{data.path}: split = "{data.split}", and the pattern has {{split}}: leave one of them '
        "out",
        code="E-DATA-SPLIT",
    )


def check_classes(frames: Frames, train: NDArray[np.int64], test: NDArray[np.int64]) -> None:
    """Refuse a split in which a class is tested that was never trained.

    Args:
        frames: of which the samples are.
        train, test: labels of the samples on both sides.

    Raises:
        InputError: such a class is named (E-DATA-SPLIT).
    """
    never = sorted(set(test.tolist()) - set(train.tolist()))
    if never:
        names = ", ".join(frames.class_names[c] for c in never[:5])
        raise InputError(
            f"{frames.where}: class {names} is in the samples held out and in no other: "
            f"{_what_to_do(frames, never[0])}",
            code="E-DATA-SPLIT",
        )


def _what_to_do(frames: Frames, label: int) -> str:
    if frames.group is not None:
        if len(np.unique(frames.group[frames.label == label])) == 1:
            return "all of it is of one group; add some of another group, or take the class out"
        return "few groups have it; add some of other groups, or set another share with test"
    return (
        'where the data is sorted by class, use split = "random" for independent rows, or name a '
        "group; where folders say what is held out, put some of the class into the others"
    )
