"""What the learning rule keeps and decides besides moves: the twin of `src/rule/`."""

from __future__ import annotations

import numpy as np

from metabit.edge_runtime.reference.arith import fade, fade_shift
from metabit.edge_runtime.reference.metaplasticity import GROWTH_ONE
from metabit.export.spec import Float32Array, Int8Array, Int64Array
from metabit.export.states.learnt import NEVER_SEEN, Record
from metabit.export.states.state_image import MEAN_BITS, RECORD_BITS, start_worth

F = np.float32

ALL = 65535  # a share of 1
MARGIN, LABEL_SHIFT, WORTH_SHIFT = F(1.5), 4, 7
NOVELTY_ONE = 1 << 15
MEANS_SLOWEST = 9
FREE_UP_TO, DAMPED_OVER = 10, 10  # mean sizes, in levels of 8 bits
ONE = 1 << RECORD_BITS
RIGHT_SLOWEST, WRONG_SLOWEST, RECALL_SHIFT = 9, 10, 5
TOLERATED, DRIFT_LIMIT = ONE // 32, 50 * ONE
MOST_COUNTED = 2**32 - 1


class Turns:
    """Whose turn it is: a label that comes alone has it more and more seldom.

    Args:
        n_outputs: labels.
    """

    def __init__(self, n_outputs: int) -> None:
        *shares, self.left, _ = start_worth(n_outputs).tolist()
        self.shares = np.array(shares, dtype=np.int64)

    def is_due(self, label: int) -> bool:
        """Whether it is the label's; counts it."""
        self.shares -= self.shares >> LABEL_SHIFT
        self.shares[label] += ALL >> LABEL_SHIFT
        total: int = self.left + min(2 * (ALL - int(self.shares[label])), ALL + 1)
        self.left = total & ALL
        return total > ALL


class Worth(Turns):
    """Which samples are learnt.

    Args:
        n_outputs: labels.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__(n_outputs)
        self.worth = ALL

    def learns(self, label: int, logits: Float32Array) -> bool:
        """Whether to learn the sample with these logits, shape (n_outputs,); counts its label."""
        worth = self.is_due(label) and not is_sure(label, logits)
        self.worth += (ALL >> WORTH_SHIFT) * worth - (self.worth >> WORTH_SHIFT)
        return worth

    def novelty(self) -> int:
        """v, how much is new: what the step is multiplied by, in units of 1 / NOVELTY_ONE."""
        return int(min(max(self.worth - NOVELTY_ONE // 2, NOVELTY_ONE // 4), NOVELTY_ONE))

    def image(self) -> Int64Array:
        """What is kept: shares of labels, what is left of turns, the share worth learning."""
        return np.append(self.shares, [self.left, self.worth])


def is_sure(label: int, logits: Float32Array) -> bool:
    """Whether the answer with these logits was the label by more than a margin."""
    return bool(np.all(logits[label] - np.delete(logits, label) > MARGIN))


def whole_means(means: Int64Array) -> Int64Array:
    """Means of inputs in their unit, rounded."""
    return (means + (1 << (MEAN_BITS - 1))) >> MEAN_BITS


def follow_inputs(means: Int64Array, x: Int64Array, n_learnt: int) -> None:
    """Let the means follow x, the n-th sample that is learnt, its zero point taken off."""
    shift = fade_shift(n_learnt, MEANS_SLOWEST)
    means += fade(means, x << MEAN_BITS, shift) - means


def growth_of(levels: Int8Array, bits: int, is_output: bool, novelty: int) -> int:
    """k of a layer in 64ths, from the mean size of its hidden weights, shape (n_out, n_in), and
    from `Worth.novelty`."""
    wide = levels.astype(np.int64)
    sizes = int(np.where(wide >= 0, wide, ~wide).sum())
    squared = novelty * novelty // NOVELTY_ONE
    total = sizes * (16 if bits == 4 else 1) * GROWTH_ONE * squared // NOVELTY_ONE
    k = (total - levels.size * FREE_UP_TO * GROWTH_ONE) // (levels.size * DAMPED_OVER)
    return 0 if is_output else min(max(k, 0), GROWTH_ONE)


class Judge:
    """How well samples were predicted before they were learnt, and a test for drift.

    Args:
        n_classes: classes.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_judged = self.right = self.n_since = self.wrong = self.excess = self.n_drifts = 0
        self.recalls = np.full(n_classes, NEVER_SEEN, dtype=np.int64)

    def judge(self, label: int, predicted: int) -> None:
        """Judge an answer."""
        is_right = predicted == label
        self.n_judged = min(self.n_judged + 1, MOST_COUNTED)
        shift = fade_shift(self.n_judged, RIGHT_SLOWEST)
        self.right = int(fade(self.right, ONE * is_right, shift))
        recall = int(self.recalls[label])
        if recall == NEVER_SEEN:
            self.recalls[label] = NEVER_SEEN - 1 if is_right else 0
        else:
            self.recalls[label] += (ALL >> RECALL_SHIFT) * is_right - (recall >> RECALL_SHIFT)
        self._test_for_drift(ONE * (not is_right))

    def _test_for_drift(self, error: int) -> None:
        """The test of Page and Hinkley on an error, 0 or ONE."""
        self.n_since = min(self.n_since + 1, MOST_COUNTED)
        self.wrong = int(fade(self.wrong, error, fade_shift(self.n_since, WRONG_SLOWEST)))
        self.excess = max(self.excess + error - self.wrong - TOLERATED, 0)
        if self.excess > DRIFT_LIMIT:
            self.n_drifts = min(self.n_drifts + 1, MOST_COUNTED)
            self.n_since = self.excess = 0

    def image(self) -> Record:
        """What is kept."""
        return Record(
            self.n_judged, self.right, self.n_since, self.wrong, self.excess, self.n_drifts,
            self.recalls,
        )  # fmt: skip
