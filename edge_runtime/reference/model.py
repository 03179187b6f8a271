"""The same runtime in NumPy: readable, slow, and equal to the C core bit for bit.

Read it beside `src/learn/learn.c` and `src/learn/dense_moves.c`. Float work is float32, each
operation rounded on its own and in the same order; sums are integers; random numbers come from the
same generator in the same order.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference import arith, metaplasticity
from metabit.edge_runtime.reference.conv import error_bits, gradients, send_back
from metabit.edge_runtime.reference.moves import MoveTries, along, spread, try_moves
from metabit.edge_runtime.reference.parts import Errors, LayerState, Pass, Sent
from metabit.edge_runtime.reference.ring import REPLAYS, Ring
from metabit.edge_runtime.reference.rule import (
    MOST_COUNTED,
    NOVELTY_ONE,
    Judge,
    Worth,
    follow_inputs,
    growth_of,
    is_sure,
    whole_means,
)
from metabit.export.container import loads
from metabit.export.convolve import window_sums
from metabit.export.fold import apply_threshold, inverse_std, scores_from_logits, square_root
from metabit.export.levels import convert_levels
from metabit.export.spec import (
    BoolArray,
    ConvLayer,
    Float32Array,
    Int32Array,
    Int64Array,
    Layer,
    LearnState,
)
from metabit.export.states import state_image
from metabit.export.states.learnt import KeptSamples, LayerImage, StateImage

F = np.float32
BIAS_RATE, LEAST_VARIANCE = F(0.004), F(1)


class ReferenceModel:
    """A packed model run and taught in NumPy.

    Args:
        data: the bytes of a .mbit file.
        learn_layers: layers that learn, counted from the output.
        state_bits: 8 or 4; 0 for what the file holds.
        bank: normalisation bank.
        seed: of the random generator.
        step_levels, m: override what the file says, as `Engine` does.
        batch: samples per learning step.
        replay: samples kept to be learnt again.
    """

    def __init__(
        self,
        data: bytes,
        *,
        learn_layers: int = 0,
        state_bits: int = 0,
        bank: int = 0,
        seed: int = 1,
        step_levels: float | None = None,
        m: float | None = None,
        batch: int = 1,
        replay: int = 0,
    ) -> None:
        self.model = loads(data)
        self.batch = batch
        self.bank = bank
        self.model_id = state_image.model_id(data)
        self.n_steps = self.n_learnt = 0
        self.judge, self.worth = Judge(self.model.n_outputs), Worth(self.model.n_outputs)
        self.means = np.zeros(self.model.input.n_inputs, dtype=np.int64)
        self.rng = arith.Xoshiro(seed)
        self.ring: Ring[BoolArray] = Ring(replay, self.model.n_outputs, self.rng)
        self.first = len(self.model.layers) - min(learn_layers, len(self.model.layers))
        self.states: dict[int, LayerState] = {}
        if self.first < len(self.model.layers):
            assert self.model.learn is not None, "the model carries no hidden weights"
            self._start(self.model.learn, state_bits, step_levels, m)

    def _start(
        self, learn: LearnState, state_bits: int, step_levels: float | None, m: float | None
    ) -> None:
        self.bits = state_bits or learn.bits
        step = F(learn.step_levels if step_levels is None else step_levels)
        step = step * F(0.5) if self.bits == 4 else step
        self.step = step * F(square_root(F(self.batch)))
        self.norm_rate, self.error_rate = F(learn.norm_rate), F(learn.error_rate)
        self.rms_rate = F(learn.rms_rate)
        for index in range(self.first, len(self.model.layers)):
            layer = self.model.layers[index]
            norm = layer.norms[self.bank]
            zeros = np.zeros(layer.n_out, dtype=F)
            table = metaplasticity.table(learn.m[index] if m is None else m, self.bits)
            self.states[index] = LayerState(
                levels=convert_levels(learn.levels[index], learn.bits, self.bits).copy(),
                mean=norm.mean.copy(),
                var=norm.var.copy(),
                mean_error=zeros.copy(),
                mean_product=zeros.copy(),
                shrinking=table,
                growing=metaplasticity.grow(table, 0),
                rms=F(0),
                inv_std=inverse_std(norm.var, self.model.eps),
            )

    # ---- forward ----

    def forward(self, sample: NDArray[np.generic]) -> list[Pass]:
        """Run all layers on one sample of shape (n_inputs,)."""
        return self._run(sample.astype(np.int64) - self.model.input.zero_point, 0)

    def _run(self, x: Int64Array, first: int) -> list[Pass]:
        """Run the layers from `first` on, on what it sees."""
        passes = []
        for index, layer in enumerate(self.model.layers[first:], first):
            passes.append(self._layer(index, layer, x))
            if index + 1 < len(self.model.layers):
                bits = self._bits(index, layer, passes[-1])
                x = np.where(bits, 1, -1).reshape(-1).astype(np.int64)
        return passes

    def _layer(self, index: int, layer: Layer, x: NDArray[np.int64]) -> Pass:
        state = self.states.get(index)
        if state is not None:
            layer = replace(layer, weights=np.where(state.levels >= 0, 1, -1).astype(np.int8))
        in_windows = window_sums(layer, x[None])[0]
        sums, winners = in_windows.max(axis=1), in_windows.argmax(axis=1)  # the first of equal ones
        empty = np.empty(0, dtype=F)
        if not layer.norms:  # a hidden layer of a model that carries thresholds only
            return Pass(x, sums, winners, empty, empty)
        norm = layer.norms[self.bank]
        mean = norm.mean if state is None else state.mean
        inv_std = inverse_std(norm.var, self.model.eps) if state is None else state.inv_std
        normalised = (sums.astype(F) - mean) * inv_std
        return Pass(x, sums, winners, normalised, normalised * norm.gamma + norm.beta)

    def _bits(self, index: int, layer: Layer, run: Pass) -> BoolArray:
        if index in self.states:
            return run.y >= 0
        bits: BoolArray = apply_threshold(run.sums, layer.thresholds[self.bank])
        return bits

    def scores(self, samples: NDArray[np.generic]) -> Int32Array:
        """Integer scores, shape (n, n_outputs), for samples of shape (n, n_inputs)."""
        rows = [scores_from_logits(self.forward(sample)[-1].y[0]) for sample in samples]
        return np.array(rows, dtype=np.int32).reshape(len(samples), self.model.n_outputs)

    def predict(self, samples: NDArray[np.generic]) -> NDArray[np.int64]:
        """Labels, shape (n,)."""
        labels: NDArray[np.int64] = self.scores(samples).argmax(axis=1).astype(np.int64)
        return labels

    def learn(self, samples: NDArray[np.generic], labels: NDArray[np.generic]) -> NDArray[np.int64]:
        """Learn samples, a batch at a time; returns what was predicted before each step."""
        assert len(samples) == len(labels)
        predicted: list[int] = []
        for start in range(0, len(samples), self.batch):
            step = slice(start, start + self.batch)
            predicted += self._learn_step(samples[step], labels[step])
        return np.array(predicted, dtype=np.int64)

    def wait(self, sample: NDArray[np.generic], label: int) -> int:
        """Answer a sample of shape (n_inputs,) that is judged and not learnt."""
        self.n_steps = min(self.n_steps + 1, MOST_COUNTED)
        return self._judged(sample, label)[1]

    def _judged(self, sample: NDArray[np.generic], label: int) -> tuple[list[Pass], int]:
        """What layers saw of a sample, and the answer, which is judged."""
        passes = self.forward(sample)
        predicted = int(scores_from_logits(passes[-1].y[0]).argmax())
        self.judge.judge(label, predicted)
        return passes, predicted

    def _learn_step(self, samples: NDArray[np.generic], labels: NDArray[np.generic]) -> list[int]:
        """Send each sample forward and its errors back, then move the weights of all layers."""
        self.novelty = self.worth.novelty()
        self.step_now = self.step * (F(self.novelty) * F(1 / NOVELTY_ONE))
        results = [self._pass(s, int(label)) for s, label in zip(samples, labels, strict=True)]
        self._move_layers(results)
        self.n_steps = min(self.n_steps + len(samples), MOST_COUNTED)
        if self.ring.n_slots:
            self._replay(results[0].passes, int(labels[0]))
        return [result.predicted for result in results]

    def _replay(self, passes: list[Pass], label: int) -> None:
        """Keep what the lowest layer that learns saw, and learn some that are kept again."""
        self.ring.keep(label, passes[self.first].x > 0)
        for _ in range(REPLAYS):
            label, bits = self.ring.draw()
            again = passes[: self.first] + self._run(np.where(bits, 1, -1), self.first)
            if not is_sure(label, again[-1].y[0]):
                self._move_layers([Sent(label, again, self._errors(again, label))])

    def _move_layers(self, results: list[Sent]) -> None:
        for index in range(len(self.model.layers) - 1, self.first - 1, -1):
            runs = [result.passes[index] for result in results]
            errors = [result.errors[index] for result in results]
            d, unit = arith.align_errors(np.stack([e.d for e in errors]), [e.unit for e in errors])
            if unit:
                self._follow_sizes(index)
            if unit and (self.batch > 1 or isinstance(self.model.layers[index], ConvLayer)):
                self._move_gradients(index, runs, d, unit)
            elif unit:
                self._move_rows(index, runs[0], d[0, 0], unit)

    @property
    def _centres(self) -> bool:
        return self.first == 0 and not isinstance(self.model.layers[0], ConvLayer)

    def _follow_sizes(self, index: int) -> None:
        """Growing moves become rarer when hidden weights of a layer have become large."""
        state, is_output = self.states[index], index + 1 == len(self.model.layers)
        k = growth_of(state.levels, self.bits, is_output, self.novelty)
        state.growing = metaplasticity.grow(state.shrinking, k)

    def _pass(self, sample: NDArray[np.generic], label: int) -> Sent:
        """What is predicted, what layers saw, and the errors of those that learn: none, if the
        sample is not worth learning."""
        passes, predicted = self._judged(sample, label)
        if self.worth.learns(label, passes[-1].y[0]):
            return Sent(predicted, passes, self._errors(passes, label))
        none = {i: np.zeros(passes[i].sums.shape, dtype=np.int32) for i in self.states}
        return Sent(predicted, passes, {i: Errors(d, F(0)) for i, d in none.items()})

    def _errors(self, passes: list[Pass], label: int) -> dict[int, Errors]:
        """Errors of all layers that learn; counts the sample, and lets running values follow."""
        errors: dict[int, Errors] = {}
        self.n_learnt = min(self.n_learnt + 1, MOST_COUNTED)
        if self._centres:
            follow_inputs(self.means, passes[0].x, self.n_learnt)
        error = arith.softmax(passes[-1].y[0])
        error[label] = error[label] - F(1)
        for index in range(len(self.model.layers) - 1, self.first - 1, -1):
            run = passes[index]
            error = error.reshape(run.sums.shape)
            if index + 1 < len(self.model.layers):
                error = np.where(np.abs(run.y) <= F(1), error, F(0)).astype(F)
            error = self._pass_norm(index, run, error)
            d, unit = arith.quantize_errors(error, self._error_bits(index))
            errors[index] = Errors(d, unit)
            back = self._send_back(index, run, d)
            error = (back.astype(F) * unit).astype(F)
        return errors

    def _error_bits(self, index: int) -> int:
        layer = self.model.layers[index]
        if isinstance(layer, ConvLayer):
            return error_bits(layer, index == 0, self.batch)
        return 15

    def _pass_norm(self, index: int, run: Pass, error: Float32Array) -> Float32Array:
        """Back through the normalisation; running values follow the means over positions."""
        state, norm = self.states[index], self.model.layers[index].norms[self.bank]
        e = error * norm.gamma
        if index + 1 == len(self.model.layers):  # its normalisation stays; biases learn
            state.mean = arith.settled(state.mean + (BIAS_RATE * e[0]) / state.inv_std)
            return np.asarray(e * state.inv_std, dtype=F)
        corrected = (e - state.mean_error) - run.normalised * state.mean_product
        result: Float32Array = corrected * state.inv_std
        mean_e, mean_product = arith.mean_in_order(e), arith.mean_in_order(e * run.normalised)
        state.mean_error = arith.running_mean(state.mean_error, mean_e, self.error_rate)
        state.mean_product = arith.running_mean(state.mean_product, mean_product, self.error_rate)
        delta = run.sums.astype(F) - state.mean
        keep = F(1) - self.norm_rate
        state.mean = arith.settled(state.mean + self.norm_rate * arith.mean_in_order(delta))
        spread = self.norm_rate * arith.mean_in_order(delta * delta)
        state.var = np.maximum(arith.settled(keep * (state.var + spread)), LEAST_VARIANCE)
        state.inv_std = inverse_std(state.var, self.model.eps)
        return result

    def _send_back(self, index: int, run: Pass, d: Int32Array) -> NDArray[np.int64]:
        """Errors of what the layer saw, through the old signs, flat."""
        layer = self.model.layers[index]
        signs = np.where(self.states[index].levels >= 0, 1, -1).astype(np.int64)
        if isinstance(layer, ConvLayer):
            return send_back(layer.window, signs, run.winners, d)
        back: NDArray[np.int64] = np.asarray(d[0].astype(np.int64) @ signs, dtype=np.int64)
        return back

    def _follow_rms(self, state: LayerState, mean_square: np.float32) -> None:
        """Let the running mean square follow this step: a plain mean of the first steps."""
        rate = max(F(self.batch) / F(self.n_learnt), self.rms_rate)
        rate = rate if rate < 1 and state.rms > 0 else F(1)
        old, value = np.array([state.rms]), np.array([mean_square])
        state.rms = max(F(arith.running_mean(old, value, rate)[0]), F(0))

    def _rate(self, state: LayerState, unit: np.float32) -> np.float32:
        """Levels per unit of an integer gradient."""
        if state.rms < F(1e-30):
            return F(0)
        rate: np.float32 = (self.step_now / F(square_root(state.rms))) * unit
        return rate

    def _move_rows(self, index: int, run: Pass, d: Int32Array, unit: np.float32) -> None:
        """Dense: the gradient of weight (j, i) is d[j] * x[i], and is never stored."""
        state, x = self.states[index], run.x
        if index == 0:
            x = x - whole_means(self.means)
        is_first = state.rms == 0  # it only measures
        squares = np.uint64(np.sum(d.astype(np.int64) ** 2))
        mean_square = (F(squares) / F(d.size)) * (unit * unit)
        self._follow_rms(state, mean_square * arith.mean_square(x, index == 0))
        rate = self._rate(state, unit)
        if not (is_first or rate == 0 or not x.any()):
            counter = arith.Counter(self.rng.next())
            self._move(index, spread(x, d, rate, index == 0, counter))

    def _move_gradients(
        self, index: int, runs: list[Pass], d: Int32Array, unit: np.float32
    ) -> None:
        """Convolutions and batches: a row's gradient is formed whole, then moves its weights.

        d has shape (n_samples, n_positions, n_out). The rate follows the steps before this one,
        so that no gradient is formed twice; the first step of all only measures.
        """
        state, layer = self.states[index], self.model.layers[index]
        rate, total = self._rate(state, unit), F(0)
        counter = arith.Counter(self.rng.next())
        summed = np.zeros((layer.n_out, layer.n_in), dtype=np.int64)
        for run, errors in zip(runs, d, strict=True):
            if isinstance(layer, ConvLayer):
                summed += gradients(layer, run.x, run.winners, errors)
            else:
                summed += np.outer(errors[0].astype(np.int64), run.x)
        if index == 0 and self._centres:
            summed -= np.outer(d.sum(axis=(0, 1), dtype=np.int64), whole_means(self.means))
        for j, row in enumerate(summed):
            largest = int(np.abs(row).max())
            if largest == 0:
                continue
            shift = max(0, largest.bit_length() - 15)  # sizes in 15 bits
            size = np.abs(row) >> shift
            factor = arith.pow2(np.array([shift], dtype=np.int32))[0]
            squares = F(np.uint64(np.sum(size**2)))
            total = total + squares * (factor * factor)
            p = (rate * F(largest >> shift)) * factor
            tries = along(np.sign(row) * size, j, p, counter)
            if tries is not None:
                self._move(index, tries)
        self._follow_rms(state, (total / F(layer.n_in * layer.n_out)) * (unit * unit))

    def _move(self, index: int, tries: MoveTries) -> None:
        """Try to move weights; of centred inputs, a change of sign changes the row's mean."""
        flips = try_moves(self.states[index], tries)
        if index > 0 or not self._centres:
            return
        rows, columns, rises = tries.rows[flips], tries.columns[flips], tries.rises[flips]
        changes = 2 * whole_means(self.means[columns])
        changes = np.where(rises, changes, -changes)
        for j, change in zip(rows, changes, strict=True):  # one after the other: each rounds
            self.states[0].mean[j] += F(change)

    def plasticity(self) -> float:
        """The share of a shrinking step that the weights still take, on average."""
        states = self.states.values()
        return metaplasticity.plasticity([s.levels for s in states], [s.shrinking for s in states])

    # ---- state ----

    def save_state(self) -> bytes:
        """The state image, the same bytes as `mb_state_save` writes."""
        return state_image.dumps(self.image())

    def image(self) -> StateImage:
        """Everything learnt."""
        rng = self.rng.state
        layers = tuple(
            LayerImage(float(s.rms), s.mean, s.var, s.mean_error, s.mean_product, s.levels)
            for _, s in sorted(self.states.items())
        )
        return StateImage(
            self.model_id, self.bits, self.bank, (rng[0], rng[1], rng[2], rng[3]), self.n_steps,
            self.n_learnt, self.judge.image(), self.worth.image(),
            self.means if self._centres else None, layers, self._ring_image(),
        )  # fmt: skip

    def _ring_image(self) -> KeptSamples | None:
        n_slots, n = self.ring.n_slots, len(self.ring.labels)
        if n_slots == 0:
            return None
        n_seen = math.prod(self.model.layers[self.first - 1].out_shape)
        labels = np.zeros(n_slots, dtype=np.uint8)
        bits = np.zeros((n_slots, -(-n_seen // 32) * 32), dtype=bool)
        labels[:n] = self.ring.labels
        bits[:n, :n_seen] = np.reshape(self.ring.entries, (n, n_seen))
        return KeptSamples(n, labels, np.packbits(bits, axis=1, bitorder="little"))
