"""`Engine`: a packed model that predicts and learns, in a hard memory budget."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime import isa
from metabit.edge_runtime.inputs import Samples, check_labels, check_samples
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.open_model import OpenModel
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn, Plan, fit
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.edge_runtime.states import state_bytes
from metabit.edge_runtime.states.state_folder import StateFolder
from metabit.edge_runtime.status import Status, read_status
from metabit.edge_runtime.threads import Threads
from metabit.edge_runtime.windows import Windows
from metabit.errors import InputError
from metabit.export.blob import Blob, ModelSource
from metabit.export.container import front_end_of, input_spec
from metabit.export.fold import logits_from_scores
from metabit.export.spec import FrontEnd, InputSpec


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
            whose meaning drifts. None: "auto" is what the recipe of the file says under [learn], or
            else "remember". `plan.reason` says what was chosen, and why.
        bits: bits per hidden weight, 8 or 4; 0 for what the file holds.
        bank: normalisation bank (task).
        step_levels: step size in levels of an 8-bit hidden weight; None for what the file says.
        m: metaplasticity at the end of the range, for all layers; 0 is plain BNN learning; None for
            what the file says.
        seed: of the generator that rounds updates.
        state: folder to keep learnt state in; the newest valid state there is loaded. Until
            `close`, no other process may keep states there.
        read_only: whether the folder is only read: `commit` is refused, and others may keep states
            there meanwhile.
        keep: how many states to keep there.
        batch: samples per learning step, 1 to 64: the weights move once a batch, by the sum of its
            gradients, at the price of RAM for the errors and activations of all its samples. 0: 1,
            or with "auto" and no goal what the file says.
        units: hidden units of a tracking head, 0 to 64; None for as many as fit `ram`.
        replay: samples kept to be learnt again, four beside each new one, 0 to 65,535: for a
            tracking head, or where some layers learn and not all. None: 0, or with "auto" and no
            goal what the file says.
        contexts: room for so many networks, 0 to 5, where all layers learn: when what comes in
            changes abruptly another opens and learns, and every sample is answered by the context
            that knows samples like it. 0 is the network alone. None: with "auto" as many as fit
            `ram`, or else 0.
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
        goal: Goal | None = None,
        bits: int = 0,
        bank: int = 0,
        step_levels: float | None = None,
        m: float | None = None,
        seed: int = 1,
        state: str | Path | None = None,
        read_only: bool = False,
        keep: int = 3,
        batch: int = 0,
        units: int | None = None,
        replay: int | None = None,
        contexts: int | None = None,
        threads: int | None = None,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "ram": ram, "learn": learn, "goal": goal, "bits": bits, "bank": bank,
            "step_levels": step_levels, "m": m, "seed": seed, "batch": batch, "units": units,
            "replay": replay, "contexts": contexts, "threads": threads,
        }  # fmt: skip
        if keep < 1:
            raise InputError(f"keep={keep}: at least one state must be kept", code="E-KEEP")
        self._keep = keep
        mapped = Mapped(source)
        self._blob, self._where = mapped.blob, mapped.where
        # The C core has just checked the file whole; only its input and front end are read here.
        self.input: InputSpec = input_spec(self._blob.data, self._where)
        self.front_end: FrontEnd | None = front_end_of(self._blob.data, self._where)
        number = isa.chosen()
        asked = Options(
            state_bits=bits, bank=bank, seed=seed, step_levels=step_levels, m=m, isa=number,
            panels=isa.name(number) != "scalar", batch=batch, units=units,
            replay=replay, contexts=contexts,
        )  # fmt: skip
        self._threads = Threads(threads)
        budget = None if ram is None else parse_bytes(ram)
        self.plan: Plan = fit(mapped, learn, asked, budget, goal)
        options = self.plan.options(asked).native(self._threads.runner)
        self._model = OpenModel(mapped, options, self.plan.arena_bytes)
        info = mapped.info
        has_spare = self.plan.head is not None and info.n_classes != 0
        self.n_inputs = int(info.n_inputs)
        self.n_outputs = int(info.n_classes if has_spare else info.n_outputs)
        self.windows = Windows(
            self.handle, self.front_end, self.n_inputs, self._where, self._model.lock
        )
        self._folder = None if state is None else self._restore(Path(state), not read_only)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the state folder go, so that others may keep states there; nothing is committed.

        The engine can still predict and learn. Closing twice does no harm, and an engine that
        nobody refers to any more is closed.
        """
        with self._model.lock:
            if self._folder is not None:
                self._folder.close()
                self._folder = None

    def __repr__(self) -> str:
        learns = f"learn={self.plan.learn_layers or 'none'}" if not self.plan.head else "head"
        arena = format_kib(self.plan.arena_bytes)
        return f"<Engine {self._where}: {learns}, arena {arena}, {self.isa}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """By value: the copy has learnt the same, and keeps its states nowhere."""
        learnt = self.save_state() if self.plan.learns else None
        return _again, (self._blob, self._arguments, learnt)

    @property
    def handle(self) -> ctypes.c_void_p:
        """The open `mb_model`, for calls of the C library that have no method here."""
        return self._model.handle

    @property
    def isa(self) -> str:
        """The kernel set that runs, such as "avx2"."""
        return self._model.isa

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

    def _samples(self, x: ArrayLike) -> Samples:
        return check_samples(x, self.input, self._where, self.front_end is not None)

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Labels of samples: index of the largest score, the lowest index on ties.

        Args:
            x: shape (n, *input_shape) or (n, n_inputs); the input's integer dtype, or float, which
                is quantized with the stored scale.

        Returns:
            shape (n,), int64.

        Raises:
            InputError: another shape or type, NaN or infinity (E-SHAPE, E-DTYPE, E-NOT-FINITE).
        """
        return self._model.labels(self._samples(x))

    def scores(self, x: ArrayLike) -> NDArray[np.int32]:
        """Integer scores, whose order is the order of the logits.

        Args:
            x: shape (n, *input_shape), as for `predict`.

        Returns:
            shape (n, n_outputs), int32: the logits' bits, mapped to integers that sort as they do
            (docs/FORMAT.md, `NORM`).

        Raises:
            InputError: as from `predict`.
        """
        return self._model.scores(self._samples(x), self.n_outputs)

    def decision_function(self, x: ArrayLike) -> NDArray[np.float32]:
        """Logits, before any softmax, of the last layer or of the head that answers in its place.

        Args:
            x: shape (n, *input_shape), as for `predict`.

        Returns:
            shape (n, n_outputs), float32.

        Raises:
            InputError: as from `predict`.
        """
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
        samples = self._samples(x)
        if not self._model.knows_novelty:
            raise InputError(
                f"{self._where}: only a counting head that was exported with its limit knows what "
                "is new; export the run again, and open it with learn='counting'",
                code="E-NO-NOVELTY",
            )
        return self._model.novelty(samples)

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """Share of samples whose label is right, 0 to 1; NaN of no sample.

        Args:
            x: shape (n, *input_shape), as for `predict`.
            y: shape (n,), integers in [0, n_outputs).

        Raises:
            InputError: as from `predict`; or a label is out of range, or there is not one for each
                sample (E-LABEL, E-SHAPE).
        """
        samples = self._samples(x)
        labels = check_labels(y, len(samples), self.n_outputs, self._where)
        if len(labels) == 0:
            return float("nan")
        return float(np.mean(self._model.labels(samples) == labels))

    # ---- learning ----

    def partial_fit(self, x: ArrayLike, y: ArrayLike) -> Engine:
        """Learn samples in the order given: one by one, or `batch` of them in each step.

        The last step takes what is left; no batch continues from one call to the next.

        All samples and labels are checked before the first step: a refused call changes nothing.

        Args:
            x: shape (n, *input_shape), as for `predict`.
            y: shape (n,), integers in [0, n_outputs).

        Raises:
            InputError: as from `score`; or nothing learns in this engine (E-NO-STATE).
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
        samples = self._samples(x)
        if self.plan.head is None:
            raise InputError(
                f"{self._where}: only a head can learn from samples without labels; open it with "
                "learn='auto' and goal='track', or export the run with its head",
                code="E-NO-HEAD",
            )
        self._model.observe(samples)
        return self

    def learn(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """`partial_fit` that returns what was predicted before a sample, or its batch, was learnt.

        Returns:
            shape (n,), int64: the predictions of test-then-train evaluation.

        Raises:
            InputError: as from `partial_fit`.
        """
        samples = self._samples(x)
        labels = check_labels(y, len(samples), self.n_outputs, self._where)
        if not self.plan.learns:
            raise InputError(
                f"{self._where} was opened for inference; open it with learn='all' or 'auto'",
                code="E-NO-STATE",
            )
        return self._model.learn(samples, labels)

    def status(self) -> Status:
        """Counters and gauges; walks all hidden weights once."""
        with self._model.lock:
            return read_status(self.handle, self.n_outputs, self.plan.learns, self._where)

    # ---- keeping ----

    def commit(self) -> None:
        """Save the learnt state into the `state` folder; a power cut leaves the old or the new.

        Raises:
            InputError: the engine was opened without `state`, or was closed.
            StorageError: the folder cannot be written; the engine and older states are unchanged.
        """
        with self._model.lock:
            if self._folder is None:
                raise InputError(
                    "commit() needs a folder: open with state='...'", code="E-NO-FOLDER"
                )
            self._folder.commit(self.handle, self._keep)

    def save_state(self) -> bytes:
        """The state image: everything learnt, as bytes (docs/FORMAT.md)."""
        with self._model.lock:
            return state_bytes.save(self.handle, self._where)

    def load_state(self, image: bytes) -> None:
        """Put a state image back; a damaged or foreign one is refused and changes nothing.

        Raises:
            CorruptError, FormatError: it is damaged, or not a state image.
            MismatchError: it was made with another model or other options; says which.
        """
        with self._model.lock:
            state_bytes.load(self.handle, image)

    def _restore(self, path: Path, writes: bool) -> StateFolder:
        if not self.plan.learns:
            raise InputError(
                f"state={str(path)!r} needs an engine that learns; add learn='auto'",
                code="E-NO-STATE",
            )
        folder = StateFolder(path, writes=writes, lock=self._model.lock)
        folder.restore(self.handle)
        return folder


def _again(blob: Blob, arguments: dict[str, Any], learnt: bytes | None) -> Engine:
    """A copy of an engine from what `__reduce__` keeps of it."""
    engine = Engine(blob, **arguments)
    if learnt is not None:
        engine.load_state(learnt)
    return engine
