"""Several networks, and which of them a sample belongs to: the twin of `src/rule/contexts.c`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference.likeness import Likeness, Sums
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.edge_runtime.reference.rule import MOST_COUNTED, Turns
from metabit.export.spec import Float32Array
from metabit.export.states import context_image
from metabit.export.states.context_image import ContextsImage, n_sums
from metabit.export.states.state_image import MAX_CONTEXTS

F = np.float32

FIRST_SAMPLES, TAKEN = 1000, 100
MOST_UNUSUAL, ALLOWANCE = F(4), F(1.5)
SUSPECTED, OPENED, LEAD = F(30), F(80), F(3)


class ContextsTwin:
    """A packed model in several contexts, run and taught in NumPy.

    Args:
        data: the bytes of a .mbit file.
        contexts: networks that there is room for, at least 2.
        seed, bits, step_levels: as for `ReferenceModel`; all layers learn.
    """

    def __init__(
        self,
        data: bytes,
        *,
        contexts: int,
        seed: int = 1,
        state_bits: int = 0,
        step_levels: float | None = None,
    ) -> None:
        self.networks = [
            ReferenceModel(
                data, learn_layers=32, seed=seed + k, state_bits=state_bits, step_levels=step_levels
            )
            for k in range(contexts)
        ]
        model = self.networks[0].model
        n_inputs, n_outputs = model.input.n_inputs, model.n_outputs
        self.sums = Sums(n_inputs, model.input.zero_point)
        self.kept = [Likeness(n_outputs, n_sums(n_inputs)) for _ in range(contexts)]
        self.turns = Turns(n_outputs)
        self.n_samples = self.n_waited = self.current = self.n_to_take = 0
        self.n_open, self.suspicion = 1, F(0)
        self.lead: Float32Array = np.zeros(MAX_CONTEXTS, dtype=F)

    def predict(self, samples: NDArray[np.generic]) -> NDArray[np.int64]:
        """Labels, shape (n,)."""
        labels = [self.networks[self._best(s)].predict(s[None])[0] for s in samples]
        return np.array(labels, dtype=np.int64)

    def _best(self, sample: NDArray[np.generic]) -> int:
        """The context that a sample fits best."""
        sums = self.sums.of(sample)
        able = [k for k in range(self.n_open) if self.kept[k].compares]
        if self.n_open == 1 or not able:
            return self.current
        return min(able, key=lambda k: self.kept[k].misfit(sums))

    def learn(self, samples: NDArray[np.generic], labels: NDArray[np.generic]) -> NDArray[np.int64]:
        """Learn samples one by one; returns what was predicted before each."""
        predicted = [self._learn_one(s, int(c)) for s, c in zip(samples, labels, strict=True)]
        return np.array(predicted, dtype=np.int64)

    def _learn_one(self, sample: NDArray[np.generic], label: int) -> int:
        sums = self.sums.of(sample)
        misfits = [kept.misfit(sums) if kept.compares else F(0) for kept in self.kept]
        self.n_samples = min(self.n_samples + 1, MOST_COUNTED)
        self._choose(misfits)
        here = self.current
        kept, network, misfit = self.kept[here], self.networks[here], misfits[here]
        is_due = self.turns.is_due(label)
        if not self._trusts(kept.unusual(misfit), is_due):
            return network.wait(sample, label)
        if is_due:
            if kept.compares:
                kept.follow_misfit(misfit)
            kept.follow_sums(sums, label)
        return int(network.learn(sample[None], np.array([label]))[0])

    def _choose(self, misfits: list[np.float32]) -> None:
        """Stay in the context that learns, until another has fitted better for a while."""
        if self.n_to_take > 0:
            self.n_to_take -= 1
            return
        scale = F(1) / F(len(self.kept[0].variances))
        able = [k for k in range(self.n_open) if self.kept[k].compares]
        for k in able if self.current in able else []:
            better = (misfits[self.current] - misfits[k]) * scale
            self.lead[k] = max(self.lead[k] + min(max(better, F(-1)), F(1)), F(0))
        best = int(self.lead.argmax())
        if self.lead[best] > LEAD:
            self.current = best
            self.lead[:] = 0

    def _trusts(self, unusual: np.float32, is_due: bool) -> bool:
        """Follow how unusual samples are; says whether this one is learnt."""
        if is_due and (self.n_samples > FIRST_SAMPLES or self.n_open > 1):
            counted = min(unusual, MOST_UNUSUAL) - ALLOWANCE
            self.suspicion = max(F(self.suspicion + counted), F(0))
        if self.suspicion <= SUSPECTED:
            return True
        self.n_waited = min(self.n_waited + 1, MOST_COUNTED)
        if self.suspicion > OPENED:
            self.n_open = min(self.n_open + 1, len(self.networks))
            self.current = self.n_open - 1  # where all are open, the last forgets
            self.kept[self.current] = Likeness(*self.kept[0].means.shape)
            self.n_to_take, self.suspicion = TAKEN, F(0)
            self.lead[:] = 0
        return False

    def save_state(self) -> bytes:
        """The state image, the same bytes as `mb_state_save` writes."""
        return context_image.dumps(
            ContextsImage(
                tuple(network.image() for network in self.networks), self.n_samples, self.n_waited,
                self.n_open, self.current, self.n_to_take, float(self.suspicion), self.lead,
                np.append(self.turns.shares, self.turns.left),
                tuple(kept.image() for kept in self.kept),
            )
        )  # fmt: skip
