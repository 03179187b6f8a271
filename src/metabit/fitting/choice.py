"""The best candidate, and those that nothing beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metabit.fitting.race import Entry, Score

NEAR = 0.0025
"""Accuracies that differ by less tell nothing: the folds differ by more."""


def best(scores: Mapping[Entry, Score]) -> Entry:
    """The smallest of the candidates of the last stage that are as good as the most accurate."""
    last = max(score.rung for score in scores.values())
    finalists = [entry for entry, score in scores.items() if score.rung == last]
    highest = max(scores[entry].accuracy for entry in finalists)
    good = [entry for entry in finalists if scores[entry].accuracy >= highest - NEAR]
    return min(good, key=lambda e: (e.cost.flash_bytes, e.cost.ram_bytes, -scores[e].accuracy))


def unbeaten(scores: Mapping[Entry, Score]) -> list[Entry]:
    """Candidates that no other equals with less RAM and flash, the most accurate first.

    Accuracies of networks that left the race early are of short training, so they are a little low.
    """
    found: list[Entry] = []
    for entry in sorted(scores, key=lambda e: (-scores[e].accuracy, e.cost.flash_bytes)):
        if not any(_covers(other, entry) for other in found):
            found.append(entry)
    return found


def _covers(one: Entry, other: Entry) -> bool:
    """Whether one, which is as accurate, needs no more of anything than another."""
    ours, theirs = one.cost, other.cost
    return ours.flash_bytes <= theirs.flash_bytes and ours.ram_bytes <= theirs.ram_bytes


def ranked(scores: Mapping[Entry, Score]) -> Sequence[Entry]:
    """All candidates, the last rung first, each rung by accuracy."""
    return sorted(scores, key=lambda e: (-scores[e].rung, -scores[e].accuracy))
