"""The tracking head in NumPy: the twin of `src/heads/`, equal to it bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference import arith
from metabit.edge_runtime.reference.ring import REPLAYS, Ring
from metabit.export.fold import square_root
from metabit.export.head_spec import TrackingHead
from metabit.export.heads.features import round_within, source_values
from metabit.export.sections.tracker import TRACKED_INPUTS, what_is_tracked
from metabit.export.shapes import shape_of
from metabit.export.spec import Float32Array, Int32Array, Int64Array, Model

F = np.float32
LEAST_RATE, STEPS_PER_SPREAD, SMALLEST = F(0.004), F(25.532593), F(1e-12)
MEAN_SIZE, SCALED_UNIT = 26, 32
FLOOR, SHARE_STEP, SURE = F(-8), F(0.005), F(0.95)
HEAD_STEPS, UNIT_STEP = (F(2), F(0.2)), F(2)
MOVE_BITS, MOVE_LIMIT = 15, 1 << 22
KEEP, FORGOTTEN, NO_SAMPLES = F(0.999), F(1e-6), F(-1e9)
QUICK, SLOW, COUNTS, NETWORK = range(4)
KEPT_STEPS = F(16)

#: A sample that is kept: scaled values, and scores of the network, both as integers.
Kept = tuple[Int64Array, Int32Array]


class TrackingTwin:
    """A head that follows a drifting stream.

    Args:
        model: the network below it, whose scores are one of its experts.
        units: hidden units, of a network that has few inputs; of a head in the file, its own.
        trust: how much the network counts at first.
        seed: of the hidden units.
        replay: samples kept to be learnt again.
    """

    def __init__(
        self, model: Model, units: int = 64, trust: float = 1.0, seed: int = 1, replay: int = 0
    ) -> None:
        self.model = model
        k, shapes = model.n_classes, [shape_of(layer) for layer in model.layers]
        self.source, self.layer, n_source, d = what_is_tracked(model.n_inputs, shapes, k)
        self.ends = [(i + 1) * n_source // d for i in range(d)]
        n, units = 2 * d + 1, 0 if model.n_inputs > TRACKED_INPUTS else units
        units = units if model.tracker is None else model.tracker.n_units
        random = arith.Xoshiro(seed)
        words = np.array([random.next() for _ in range(units * n)], dtype=np.int64)
        total = ((words[:, None] >> np.array([0, 8, 16, 24])) & 255).sum(axis=1) - 510
        step = F(square_root(F(2) / F(n))) * F(13.8564)
        self.units = round_within(total.astype(F) * step, 32767).reshape(units, n).astype(np.int64)
        self.rows = np.zeros((2, k, n + units), dtype=np.int64)
        self.mean, self.spread = np.zeros(d, dtype=F), np.zeros(d, dtype=F)
        self.counts, self.shrink, self.logs = (np.zeros(k, dtype=F) for _ in range(3))
        self.centres, self.squares = np.zeros((k, d), dtype=F), np.zeros((k, d), dtype=F)
        self.shares = np.array([F(1) / F(3)] * 3 + [F(trust)], dtype=F)
        self.dither, self.n_measured = random.next(), 0
        if model.tracker is not None:
            self._go_on(model.tracker, d, k)
        self.ring: Ring[Kept] = Ring(replay, k, random)

    def _go_on(self, kept: TrackingHead, d: int, k: int) -> None:
        """Take what a head in the file has learnt."""
        ends = np.cumsum([4, d, d, k, k, k * d, k * d])[:-1]
        parts = np.split(kept.values, ends)
        self.shares, self.mean, self.spread, self.counts, self.shrink = (
            part.copy() for part in parts[:5]
        )
        self.centres, self.squares = (part.reshape(k, d).copy() for part in parts[5:])
        units, rows = np.split(kept.weights.astype(np.int64), [self.units.size])
        self.units, self.rows = units.reshape(self.units.shape), rows.reshape(self.rows.shape)
        self.dither, self.n_measured = kept.dither, kept.n_measured
        for c in range(k):
            self.logs[c] = _half_log(_smoothed(self.squares[c], self.shrink[c]))

    # ---- from a sample to scores ----

    def see(self, x: NDArray[np.generic]) -> tuple[Float32Array, Float32Array]:
        """Values, shape (n, d), and the network's logits, shape (n, n_outputs), of samples."""
        values, logits = source_values(self.model, self.source, self.layer, x)
        parts = zip([0, *self.ends], self.ends, strict=False)
        return np.stack([_sum(values[:, begin:end]) for begin, end in parts], axis=1), logits

    def measure(self, values: Float32Array) -> None:
        """Let the scaling follow the values of one sample, shape (d,)."""
        n = self.n_measured
        rate = max(F(1) / (F(n) + F(1)), LEAST_RATE)
        off = values - self.mean
        if n == 0:
            self.mean = values.copy()
        else:
            self.mean = _flushed(self.mean + rate * off)
            follow = _flushed(self.spread + rate * (np.abs(off) - self.spread))
            self.spread = F(0.5) * np.abs(off) if n == 1 else follow
        self.n_measured += 1

    def scores(self, values: Float32Array, logits: Float32Array) -> Float32Array:
        """Scores of one sample, shape (k,); see `see`. Nothing is learnt."""
        known = self.spread >= SMALLEST
        steps = STEPS_PER_SPREAD / np.where(known, self.spread, F(1)).astype(F)
        q = np.where(known, round_within((values - self.mean) * steps, 127), 0).astype(np.int64)
        network = np.full(len(self.counts), NO_SAMPLES, dtype=F)
        network[: len(logits)] = logits
        return self._mix(q, network)

    def _mix(self, q: Int64Array, network: Float32Array) -> Float32Array:
        """Scores of all experts together, from scaled values and the scores of the network."""
        seen = np.concatenate([q, np.abs(q) - MEAN_SIZE, [SCALED_UNIT]])
        self.sums = self.units @ seen
        hidden = np.minimum((np.maximum(self.sums, 0) + (1 << 11)) >> 12, 127)
        self.values = q.astype(F) * F(1 / SCALED_UNIT)
        self.features: Int64Array = np.concatenate([seen, 2 * hidden])
        k = len(self.counts)
        experts = np.full((4, k), NO_SAMPLES, dtype=F)
        experts[:2] = (self.rows @ self.features).astype(F) * F(1 / 65536)
        for c in np.flatnonzero(self.counts > 0):
            off = self.values - self.centres[c]
            far = _sum_of_four(off * off / _smoothed(self.squares[c], self.shrink[c]))
            log = arith.log(self.counts[c : c + 1])[0]
            experts[COUNTS, c] = (log - F(0.5) * far) - self.logs[c]
        experts[NETWORK] = network
        self.experts = experts - experts.max(axis=1, keepdims=True)
        parts = self.shares[:, None] * np.maximum(self.experts, FLOOR)
        total: Float32Array = ((parts[0] + parts[1]) + parts[2]) + parts[3]
        return total

    # ---- learning ----

    def learn(self, values: Float32Array, logits: Float32Array, label: int) -> Float32Array:
        """Learn one sample; returns the scores that it had before."""
        self.measure(values)
        scores = self.scores(values, logits)
        self._learn_by_gradient(scores, label, is_new=True)
        self._count(label)
        if self.ring.n_slots:
            self._replay(label)
        return scores

    def _replay(self, label: int) -> None:
        """Keep the sample that was learnt, and learn some that are kept again."""
        network = np.maximum(self.experts[NETWORK], FLOOR) * -KEPT_STEPS
        d = len(self.mean)
        self.ring.keep(label, (self.features[:d].copy(), round_within(network, 255)))
        for _ in range(REPLAYS):
            label, (q, steps) = self.ring.draw()
            scores = self._mix(q, steps.astype(F) * (F(-1) / KEPT_STEPS))
            self._learn_by_gradient(scores, label, is_new=False)

    def _learn_by_gradient(self, scores: Float32Array, label: int, *, is_new: bool) -> None:
        """Units and rows; shares of the experts follow samples that are new."""
        right, error = _surprise(scores, label)
        if is_new:
            slopes = _sum(error * np.maximum(self.experts, FLOOR))
            self.shares = np.clip(self.shares - SHARE_STEP * slopes, F(0), F(2)).astype(F)
        if right <= SURE:
            self._move_units(error)
        network = self.shares[NETWORK] * np.maximum(self.experts[NETWORK], FLOOR)
        for e in (QUICK, SLOW):  # each learns what the network does not know
            right, error = _surprise(self.experts[e] + network, label)
            if right <= SURE:
                self._move_rows(e, error)

    def _move_units(self, error: Float32Array) -> None:
        n = self.units.shape[1]
        through = (self.shares[:2, None] * error).reshape(-1, 1)
        back = _sum((through * self.rows[:, :, n:].reshape(len(through), -1).astype(F)).T)
        seen = self.features[:n]
        rate = (-UNIT_STEP * F(1048576)) / F((seen**2).sum())
        moves = round_within(back * rate, MOVE_LIMIT)
        for j in np.flatnonzero(self.sums > 0):
            self._add(self.units[j], seen, int(moves[j]))

    def _move_rows(self, which: int, error: Float32Array) -> None:
        rate = (-HEAD_STEPS[which] * F(2147483648)) / F((self.features**2).sum())
        for c, move in enumerate(round_within(error * rate, MOVE_LIMIT)):
            self._add(self.rows[which, c], self.features, int(move))

    def _add(self, row: Int64Array, features: Int64Array, move: int) -> None:
        if move == 0:
            return
        steps = np.arange(1, len(row) + 1, dtype=np.int64) * 0x9E3779B9
        counters = (self.dither + steps) & 0xFFFFFFFF
        self.dither = int(counters[-1])
        row += (move * features + (counters >> (32 - MOVE_BITS))) >> MOVE_BITS
        np.clip(row, -32768, 32767, out=row)

    def _count(self, label: int) -> None:
        kept = self.counts * KEEP
        self.counts = np.where(kept < FORGOTTEN, F(0), kept).astype(F)
        self.counts[label] += F(1)
        rate = F(1) / self.counts[label]
        off = self.values - self.centres[label]
        centre = _flushed(self.centres[label] + off * rate)
        square = self.squares[label]
        square = square + (off * (self.values - centre) - square) * rate
        self.centres[label] = centre
        self.squares[label] = np.where(square < SMALLEST, F(0), square)
        self.shrink[label] = F(1) / (self.counts[label] + F(1))
        self.logs[label] = _half_log(_smoothed(self.squares[label], self.shrink[label]))


def _surprise(scores: Float32Array, label: int) -> tuple[np.float32, Float32Array]:
    """Probability of the label, and probabilities less 1 for the label."""
    error = arith.softmax(scores)
    right = error[label]
    error[label] = right - F(1)
    return right, error


def _smoothed(square: Float32Array, shrink: np.float32) -> Float32Array:
    smooth: Float32Array = np.maximum(square + shrink * (F(1) - square), F(0.001))
    return smooth


def _half_log(variances: Float32Array) -> np.float32:
    """Half of the sum of their logarithms: one logarithm of the product."""
    product, powers = F(1), 0
    for variance in variances:
        product = product * variance
        exponent = int(np.frexp(product)[1]) - 1
        product, powers = F(np.ldexp(product, -exponent)), powers + exponent
    log = arith.log(np.array([product], dtype=F))[0]
    half: np.float32 = F(0.5) * (F(powers) * F(0.693147181) + log)
    return half


def _flushed(values: Float32Array) -> Float32Array:
    return np.where(np.abs(values) < SMALLEST, F(0), values).astype(F)


def _sum(values: Float32Array) -> Float32Array:
    """Sums along the last axis, one number after the other."""
    total: Float32Array = np.add.accumulate(values, axis=-1, dtype=F)[..., -1]
    return total


def _sum_of_four(values: Float32Array) -> np.float32:
    """Four sums that take turns, then those."""
    padded = np.zeros(-(-len(values) // 4) * 4, dtype=F)
    padded[: len(values)] = values
    s = _sum(padded.reshape(-1, 4).T)
    total: np.float32 = (s[0] + s[1]) + (s[2] + s[3])
    return total
