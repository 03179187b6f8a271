"""`Engine`: a packed model that predicts and learns, in a hard memory budget."""

from __future__ import annotations

import ctypes
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime import _native, isa
from metabit.edge_runtime.inputs import Samples, check_labels, check_samples
from metabit.edge_runtime.mapped import Mapped, aligned
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn, Plan, fit
from metabit.edge_runtime.sizes import parse_bytes
from metabit.edge_runtime.status import Status, read_status
from metabit.edge_runtime.threads import Threads
from metabit.edge_runtime.windows import Windows
from metabit.errors import InputError, StorageError
from metabit.export.blob import ModelSource
from metabit.export.container import front_end_of, input_spec
from metabit.export.fold import logits_from_scores
from metabit.export.spec import FrontEnd, InputSpec

#: Arguments of `mb_novelty` for no samples at all.
_NOTHING = (None, 0, None, None)


class Engine:
    """Run and teach a packed model.

    Args:
        source: a .mbit file, or its bytes.
        ram: budget for the arena, in bytes or like "128 KiB"; None for no limit.
        learn: what learns: "none", "counting" for the counting head of the file, "counting-small"
            for the same without its matrix in RAM, "tracking" for a head that follows drift, "head"
            for the last layer, "all", the number of layers counted from the output, or "auto": the
            best for `goal` that fits `ram`. None: nothing learns, and what the file says answers:
            its last layer, or a head that has learnt.
        goal: what "auto" chooses for: "remember" keeps what was learnt, "track" follows a stream
            whose meaning drifts. `plan.reason` says what was chosen, and why.
        bits: bits per hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank (task).
        step_levels: step size in levels of an 8-bit hidden weight; None for what the file says.
        m: metaplasticity at the end of the range, for all layers; 0 is plain BNN learning; None for
            what the file says.
        seed: of the generator that rounds updates.
        state: folder to keep learnt state in; the newest valid state there is loaded.
        keep: how many states to keep there.
        batch: samples per learning step, 1 to 64: the weights move once a batch, by the sum of its
            gradients, at the price of RAM for the errors and activations of all its samples.
        units: hidden units of a tracking head, 0 to 64; None for as many as fit `ram`.
        threads: threads that large layers are split between, in a pool of this engine's own; None
            for what the variable METABIT_THREADS says, or 1.

    The best kernels of this processor run, or those that the variable METABIT_ISA names. Where
    `ram` allows, weights are interleaved for them; predictions and learning are the same bits.

    Raises:
        BudgetError: the arena does not fit `ram`; says what would.
        FormatError, CorruptError: the file is not a model, or is damaged.
        InputError: an argument is out of range.
        StorageError: the state folder cannot be read.
        MismatchError: the state there belongs to another model or other options.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        ram: str | int | None = None,
        learn: Learn | None = None,
        goal: Goal = "remember",
        bits: int = 0,
        bank: int = 0,
        step_levels: float | None = None,
        m: float | None = None,
        seed: int = 1,
        state: str | Path | None = None,
        keep: int = 3,
        batch: int = 1,
        units: int | None = None,
        threads: int | None = None,
    ) -> None:
        self._mapped = Mapped(source)
        self._where = self._mapped.where
        # The C core has just checked the file whole; only its input is read here.
        self.input: InputSpec = input_spec(self._mapped.blob.data, self._where)
        info = self._mapped.info
        self.n_inputs, self.n_outputs = int(info.n_inputs), int(info.n_outputs)
        number = isa.chosen()
        asked = Options(
            state_bits=bits, bank=bank, seed=seed, step_levels=step_levels, m=m, isa=number,
            panels=isa.name(number) != "scalar", batch=batch, units=units,
        )  # fmt: skip
        self._threads = Threads(threads)
        budget = None if ram is None else parse_bytes(ram)
        self.plan: Plan = fit(self._mapped, learn, asked, budget, goal)
        options = replace(
            asked,
            learn_layers=self.plan.learn_layers,
            head=self.plan.head,
            units=self.plan.units,
            trust=self.plan.trust,
            panels=self.plan.panels,
            batch=self.plan.batch,
        ).native(self._threads.runner)
        if self.plan.head and info.head_kind:
            self.n_outputs = int(info.n_classes)
        self._arena = aligned(self.plan.arena_bytes).view(np.uint64)
        self._handle = ctypes.c_void_p()
        # For calls of one sample: asking an array for its address takes longer than a network.
        self._label = np.empty(1, dtype=np.int32)
        self._label_at = self._label.ctypes.data
        self._lib = _native.library()
        opened = self._lib.mb_open(
            ctypes.byref(self._handle), self._arena.ctypes.data, self._arena.nbytes,
            self._mapped.memory.ctypes.data, self._mapped.memory.size, ctypes.byref(options),
        )  # fmt: skip
        _native.check(opened, self._where)
        self.front_end: FrontEnd | None = front_end_of(self._mapped.blob.data, self._where)
        self.windows = Windows(self._handle, self.front_end, self.n_inputs, self._where)
        self._state = None if state is None else Path(state)
        if keep < 1:
            raise InputError(f"keep={keep}: at least one state must be kept", code="E-KEEP")
        self._keep = keep
        if self._state is not None:
            self._restore(self._state)

    def __reduce__(self) -> str:
        """An engine lives in memory of the C library, so it is not pickled and not copied.

        Raises:
            InputError: always; a state image moves what was learnt instead (E-COPY).
        """
        raise InputError(
            f"{self._where}: an Engine cannot be pickled or copied: open the file again, and hand "
            "over what was learnt with save_state() and load_state()",
            code="E-COPY",
        )

    @property
    def handle(self) -> ctypes.c_void_p:
        """The open `mb_model`, for calls of the C library that have no method here."""
        return self._handle

    @property
    def isa(self) -> str:
        """The kernel set that runs, such as "avx2"."""
        return isa.name(self._lib.mb_isa_used(self._handle))

    @property
    def threads(self) -> int:
        """Threads that large layers are split between."""
        return self._threads.n

    # ---- from a sensor ----

    def push(self, frames: ArrayLike) -> NDArray[np.int8]:
        """Hand frames of a sensor to the front end of the model.

        Args:
            frames: shape (n, n_channels); integers are counts, floats are real values in the units
                of their channels.

        Returns:
            The samples that became whole, shape (n_ready, n_inputs), for `predict` and `learn`.

        Raises:
            InputError: the model has no front end, or the frames are of another shape or type.
        """
        return self.windows.push(frames)

    # ---- predicting ----

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Labels of samples: index of the largest score, the lowest index on ties.

        Args:
            x: shape (n, *input_shape) or (n, n_inputs); the input's integer dtype, or float, which
                is quantized with the stored scale.

        Returns:
            shape (n,), int64.
        """
        samples = check_samples(x, self.input, self._where)
        if len(samples) == 1:
            self._predict(samples, self._label_at, None)
            return self._label.astype(np.int64)
        labels = np.empty(len(samples), dtype=np.int32)
        self._predict(samples, labels.ctypes.data, None)
        return labels.astype(np.int64)

    def scores(self, x: ArrayLike) -> NDArray[np.int32]:
        """Integer scores whose order is the order of the logits, shape (n, n_outputs)."""
        samples = check_samples(x, self.input, self._where)
        scores = np.empty((len(samples), self.n_outputs), dtype=np.int32)
        self._predict(samples, None, scores.ctypes.data)
        return scores

    def decision_function(self, x: ArrayLike) -> NDArray[np.float32]:
        """Logits, shape (n, n_outputs), float32."""
        return logits_from_scores(self.scores(x))

    def novelty(self, x: ArrayLike) -> NDArray[np.float32]:
        """How far samples are from all that the counting head knows; above 1, "I do not know this".

        1 is the limit that 99.5 of 100 samples at home keep.

        Args:
            x: shape (n, *input_shape), as for `predict`.

        Returns:
            shape (n,), float32.

        Raises:
            InputError: no counting head was opened, or its file tells no limit (E-NO-NOVELTY).
        """
        samples = check_samples(x, self.input, self._where)
        if not self.plan.counts or self._lib.mb_novelty(self._handle, *_NOTHING) != 0:
            raise InputError(
                f"{self._where}: only a counting head that was exported with its limit knows what "
                "is new; export the run again, and open it with learn='counting'",
                code="E-NO-NOVELTY",
            )
        novelty = np.empty(len(samples), dtype=np.float32)
        result = self._lib.mb_novelty(
            self._handle, samples.ctypes.data, len(samples), None, novelty.ctypes.data
        )
        _native.check(result, self._where)
        return novelty

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """Share of samples whose label is right."""
        samples = check_samples(x, self.input, self._where)
        labels = check_labels(y, len(samples), self.n_outputs, self._where)
        return float(np.mean(self.predict(samples) == labels)) if len(labels) else float("nan")

    def _predict(self, samples: Samples, labels_at: int | None, scores_at: int | None) -> None:
        """Run checked samples; None for what is not wanted."""
        result = self._lib.mb_predict(
            self._handle, samples.ctypes.data, len(samples), labels_at, scores_at
        )
        _native.check(result, self._where)

    # ---- learning ----

    def partial_fit(self, x: ArrayLike, y: ArrayLike) -> Engine:
        """Learn samples in the order given: one by one, or `batch` of them in each step.

        The last step takes what is left; no batch continues from one call to the next.

        All samples and labels are checked before the first step: a refused call changes nothing.

        Args:
            x: shape (n, *input_shape), as for `predict`.
            y: shape (n,), integers in [0, n_outputs).
        """
        self.learn(x, y)
        return self

    def observe(self, x: ArrayLike) -> Engine:
        """Let a head see samples without labels.

        A tracking head measures them, so that its scaling follows values that drift. A counting
        head counts in its matrix how they differ from the mean of the class that it takes them for.

        Args:
            x: shape (n, *input_shape), as for `predict`.

        Raises:
            InputError: no head learns here (E-NO-HEAD).
        """
        samples = check_samples(x, self.input, self._where)
        if self.plan.head is None:
            raise InputError(
                f"{self._where}: only a head can learn from samples without labels; open it with "
                "learn='auto' and goal='track', or export the run with its head",
                code="E-NO-HEAD",
            )
        result = self._lib.mb_observe(self._handle, samples.ctypes.data, len(samples))
        _native.check(result, self._where)
        return self

    def learn(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """`partial_fit` that returns what was predicted before a sample, or its batch, was learnt.

        Returns:
            shape (n,), int64: the predictions of test-then-train evaluation.
        """
        samples = check_samples(x, self.input, self._where)
        labels = check_labels(y, len(samples), self.n_outputs, self._where)
        if not self.plan.learns:
            raise InputError(
                f"{self._where} was opened for inference; open it with learn='all' or 'auto'",
                code="E-NO-STATE",
            )
        predicted = np.empty(len(samples), dtype=np.int32)
        result = self._lib.mb_learn(
            self._handle, samples.ctypes.data, labels.ctypes.data, len(samples),
            predicted.ctypes.data,
        )  # fmt: skip
        _native.check(result, self._where)
        return predicted.astype(np.int64)

    def status(self) -> Status:
        """Counters and gauges; walks all hidden weights once."""
        return read_status(self._handle, self.n_outputs, self.plan.learns, self._where)

    # ---- keeping ----

    def commit(self) -> None:
        """Save the learnt state into the `state` folder; a power cut leaves the old or the new.

        Raises:
            InputError: the engine was opened without `state`, or for inference.
            StorageError: the folder cannot be written; the engine and older states are unchanged.
        """
        if self._state is None:
            raise InputError("commit() needs a folder: open with state='...'", code="E-NO-FOLDER")
        result = self._lib.mb_folder_commit(self._handle, os.fsencode(self._state), self._keep)
        _native.check(result, str(self._state))

    def save_state(self) -> bytes:
        """The state image: everything learnt, as bytes (docs/FORMAT.md)."""
        image = bytearray(self._lib.mb_state_bytes(self._handle))

        def write(_context: int, offset: int, data: int, n_bytes: int) -> int:
            image[offset : offset + n_bytes] = ctypes.string_at(data, n_bytes)
            return 0

        saved = self._lib.mb_state_save(self._handle, _native.WRITE_FN(write), None)
        _native.check(saved, self._where)
        return bytes(image)

    def load_state(self, image: bytes) -> None:
        """Put a state image back; a damaged or foreign one is refused and changes nothing."""

        def read(_context: int, offset: int, data: int, n_bytes: int) -> int:
            if offset + n_bytes > len(image):
                return 1
            ctypes.memmove(data, image[offset : offset + n_bytes], n_bytes)
            return 0

        loaded = self._lib.mb_state_load(self._handle, _native.READ_FN(read), None)
        _native.check(loaded, "state image")

    def _restore(self, folder: Path) -> None:
        if not self.plan.learns:
            raise InputError(
                f"state={str(folder)!r} needs an engine that learns; add learn='auto'",
                code="E-NO-STATE",
            )
        skipped = ctypes.c_uint32()
        number = self._lib.mb_folder_restore(
            self._handle, os.fsencode(folder), ctypes.byref(skipped)
        )
        _native.check(number, str(folder))
        if skipped.value:
            warnings.warn(
                f"{folder}: {skipped.value} damaged state file(s) skipped, state {number} loaded",
                RuntimeWarning,
                stacklevel=3,
            )
        if number == 0 and folder.exists() and not folder.is_dir():
            raise StorageError(f"{folder} is not a folder", code="E-STORAGE")
