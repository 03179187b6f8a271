"""The examination: what is known before the stream, on the way, and after it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.judges import Learner
from benchmarks.gates.problem import Problem

Record = dict[str, Any]
Right = dict[str, NDArray[np.bool_]]


def examine(problem: Problem, learner: Learner) -> Record:
    """Let a learner go through the stream once.

    "Old" is what the home taught, or, without a home, the first phase; "before" is when it had been
    learnt and nothing else had. Shares are from 0 to 1, None where there is nothing to ask.

    Returns:
        seed, digest: of the problem; runs with equal digests saw the same samples.
        old_before, old_after, old_worst: share right of the old held-out parts, the worst at any
            examination after "before".
        known_before, known_after: of all that had been learnt by then.
        all_before, all_after: of every held-out part, learnt by then or not.
        oldest, newest: of the part that was learnt first and last, at the end.
        just_learnt: by phase, of the parts it teaches, right after it.
        old_on_the_way: after each phase.
        per_class_before, per_class_after: of every held-out part, by label.
        prequential: share of the stream predicted right before it was learnt.
        larger_class: share of the stream's most frequent label.
        us_per_sample: of learning, processor time.
        goal, allowed: of the problem.
    """
    before = _ask(problem, learner)
    first = -1 if problem.home is not None else 0
    old, everything = problem.known_after(first), [part.name for part in problem.held_out]
    just_learnt, on_the_way, right, seconds = [], [], [], 0.0
    now = before
    for index, phase in enumerate(problem.phases):
        began = time.process_time()
        right.append(learner.learn(phase.x, phase.y) == phase.y)
        seconds += time.process_time() - began
        now = _ask(problem, learner)
        just_learnt.append(_share(now, phase.teaches))
        on_the_way.append(_share(now, old))
        before = now if index == first else before
    later = [share for share in on_the_way[first + 1 :] if share is not None]
    y = np.concatenate([phase.y for phase in problem.phases])
    known = problem.known_after(len(problem.phases))
    return {
        "seed": problem.seed,
        "digest": digest(problem),
        "old_before": _share(before, old),
        "old_after": _share(now, old),
        "old_worst": min(later, default=None),
        "known_before": _share(before, old),
        "known_after": _share(now, known),
        "all_before": _share(before, everything),
        "all_after": _share(now, everything),
        "oldest": _share(now, known[:1]),
        "newest": _share(now, known[-1:]),
        "just_learnt": just_learnt,
        "old_on_the_way": on_the_way,
        "per_class_before": _by_class(problem, before),
        "per_class_after": _by_class(problem, now),
        "prequential": _round(float(np.concatenate(right).mean())),
        "larger_class": _round(float(np.bincount(y).max() / len(y))),
        "us_per_sample": round(1e6 * seconds / len(y), 1),
        "goal": problem.goal,
        "allowed": problem.allowed,
    }


def summary(run: Record) -> str:
    """What a run found, in a line."""
    parts = [f"prequential {100 * run['prequential']:.1f} %"]
    if run["old_before"] is not None:
        parts.append(f"old {100 * run['old_before']:.1f} → {100 * run['old_after']:.1f} %")
        parts.append(f"everything {100 * run['all_after']:.1f} %")
    return ", ".join([*parts, f"{run['us_per_sample']:.0f} µs per sample"])


def digest(problem: Problem) -> str:
    """Eight digits of the samples that a problem shows and asks."""
    found = hashlib.sha256(repr(problem.hidden).encode())
    shown = [(phase.x, phase.y) for phase in problem.phases]
    asked = [(part.x, part.y) for part in problem.held_out]
    home = [(problem.home.x, problem.home.y)] if problem.home else []
    for x, y in (*home, *shown, *asked):
        found.update(np.ascontiguousarray(x).tobytes() + y.tobytes())
    return found.hexdigest()[:8]


def _ask(problem: Problem, learner: Learner) -> Right:
    """By held-out part: which samples are right."""
    return {part.name: learner.predict(part.x) == part.y for part in problem.held_out}


def _share(right: Right, names: Iterable[str]) -> float | None:
    """Share of the samples of these parts that are right."""
    asked = [right[name] for name in names]
    return _round(float(np.concatenate(asked).mean())) if asked else None


def _by_class(problem: Problem, right: Right) -> list[float | None]:
    """Share right of each class, over all held-out parts."""
    if not problem.held_out:
        return []
    y = np.concatenate([part.y for part in problem.held_out])
    every = np.concatenate([right[part.name] for part in problem.held_out])
    classes = range(problem.n_classes)
    return [_round(float(every[y == c].mean())) if (y == c).any() else None for c in classes]


def _round(share: float) -> float:
    return round(share, 4)
