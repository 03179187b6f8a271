"""A device over a line: what it says of itself, predictions, learning, its state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.status import Status, status_of
from metabit.errors import CorruptError, InputError, MetabitError, MismatchError, StorageError
from metabit.export import state_image
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.client import LinkClient

#: Called with (samples done, samples in all).
Advance = Callable[[int, int], None]
#: A label that was given on the device, and whose answer a reset has lost.
UNKNOWN = -1
#: A device that is reset so often, and keeps nothing new in between, is not waited for.
_SETBACKS = 20


@dataclass(frozen=True)
class Answered:
    """What a device answered to samples.

    Attributes:
        labels: shape (n,), int32; when learning, what was predicted before, or UNKNOWN.
        scores: shape (n, n_outputs), int32; empty when learning.
        cycles: what the device counted, per sample; None where it has no counter.
        n_before: samples of the session that the device had learnt already.
    """

    labels: NDArray[np.int32]
    scores: NDArray[np.int32]
    cycles: float | None
    n_before: int = 0


def session_of(identity: int, x: Samples, y: NDArray[np.int32], again: int = 1) -> int:
    """The number of a learning session: the same samples in the same order have the same one.

    Args:
        identity: of the model.
        x, y: samples and labels.
        again: which time the device learns them.
    """
    digest = hashlib.sha256(f"{identity} {again} {x.shape}".encode())
    digest.update(x.tobytes())
    digest.update(y.astype("<i4").tobytes())
    return int.from_bytes(digest.digest()[:8], "little") or 1


class LinkedDevice:
    """A device at the other end of a line.

    Args:
        client: that speaks to it.

    Attributes:
        info: what it said of itself when it was last greeted by this object.

    Raises:
        StorageError: it does not answer (E-DEVICE-SILENT), or the line is gone (E-DEVICE-LINE).
        MetabitError: it could not open its model: the exception and the code of the C core's error.
    """

    def __init__(self, client: LinkClient) -> None:
        self.client = client
        self.info = client.hello()
        _native.check(self.info.opened, f"{client.line.where}: opening the model on the device")

    @property
    def where(self) -> str:
        """Name of the line, for messages."""
        return self.client.line.where

    def self_test(self) -> int | None:
        """Run the samples with known scores on the device.

        Returns:
            cycles; None where the device has no counter.

        Raises:
            MismatchError: a score differs (E-MISMATCH).
            InputError: something was learnt and is not committed: it would be lost
                (E-DEVICE-UNKEPT).
        """
        reply = self.client.ask(messages.SELF_TEST)
        if reply.result == messages.UNKEPT:
            raise InputError(
                f"{self.where}: the self-test needs the memory of what was learnt, which is not "
                "committed; commit it first, or reset the device",
                code="E-DEVICE-UNKEPT",
            )
        return messages.CYCLES.unpack(reply.payload)[0] if self.info.counts_cycles else None

    def predict(self, x: Samples, progress: Advance | None = None) -> Answered:
        """Labels and scores.

        Args:
            x: shape (n, n_inputs), the model's dtype.
            progress: told how far it is.
        """
        n, n_outputs = len(x), self.info.n_outputs
        labels = np.empty(n, dtype=np.int32)
        scores = np.empty((n, n_outputs), dtype=np.int32)
        per_reply = 4 * (1 + n_outputs)
        most = min(
            (self.info.most_bytes - messages.COUNT.size) // self.info.n_inputs,
            (self.info.most_bytes - messages.CYCLES.size) // per_reply,
        )
        cycles = 0
        for at in range(0, n, self._some(most)):
            part = x[at : at + most]
            payload = messages.COUNT.pack(len(part)) + part.tobytes()
            reply = self.client.ask(messages.PREDICT, payload).payload
            cycles += messages.CYCLES.unpack_from(reply)[0]
            values = np.frombuffer(reply, dtype="<i4", offset=messages.CYCLES.size)
            labels[at : at + len(part)] = values[: len(part)]
            scores[at : at + len(part)] = values[len(part) :].reshape(len(part), n_outputs)
            if progress is not None:
                progress(at + len(part), n)
        return Answered(labels, scores, self._per_sample(cycles, n))

    def learn(
        self, session: int, x: Samples, y: NDArray[np.int32], *,
        commit_every: int = 0, progress: Advance | None = None,
    ) -> Answered:  # fmt: skip
        """Learn each sample once, whatever happens to the line and to the device.

        Where the device has learnt samples of this session before, it continues after them.

        Args:
            session: number of this learning, see `session_of`.
            x: shape (n, n_inputs), the model's dtype.
            y: labels, shape (n,), int32.
            commit_every: commit after so many samples, and at the end; 0: never. A device that is
                reset learns again what it had not committed; without commits it is an error then.
            progress: told how far it is.

        Raises:
            StorageError: the device was reset and has lost what it had learnt (E-DEVICE-LOST), or
                is reset again and again (E-DEVICE-SILENT).
        """
        steps = _Steps(self, session, x, y, commit_every)
        n_before = steps.begin()
        while not steps.is_done:
            steps.step()
            if progress is not None:
                progress(steps.at, len(y))
        return Answered(
            steps.labels, np.empty((0, self.info.n_outputs), np.int32),
            self._per_sample(steps.cycles, steps.n_counted), n_before,
        )  # fmt: skip

    def commit(self) -> tuple[int, int]:
        """Let the device keep what it has learnt.

        Returns:
            the session that was kept, and how many of its samples were learnt.

        Raises:
            InputError: it has no storage (E-DEVICE-STORAGE).
            StorageError: its storage failed (E-STORAGE).
        """
        reply = self.client.ask(messages.COMMIT)
        if reply.result == messages.NO_STORAGE:
            raise InputError(
                f"{self.where}: the device has no storage and forgets what it learns when it is "
                "reset; take the state out instead",
                code="E-DEVICE-STORAGE",
            )
        return _learnt(reply.payload)

    def status(self) -> Status:
        """Counters and gauges; nothing by class."""
        raw = _native.NativeStatus.from_buffer_copy(self.client.ask(messages.STATUS).payload)
        return status_of(raw, [])

    def state_out(self, progress: Advance | None = None) -> bytes:
        """The state image of the device.

        Raises:
            CorruptError: it changed on the way, as when the device is reset.
            InputError: nothing learns (E-NO-STATE).
        """
        n = self.info.state_bytes
        if n == 0:
            raise InputError(f"{self.where}: nothing learns on the device", code="E-NO-STATE")
        image = bytearray()
        while len(image) < n:
            wanted = messages.PIECE_WANTED.pack(
                len(image), min(self.info.most_bytes, n - len(image))
            )
            image += self.client.ask(messages.STATE_OUT, wanted).payload
            if progress is not None:
                progress(len(image), n)
        if not state_image.is_whole(bytes(image)):
            raise CorruptError(
                f"{self.where}: the state changed while it came out, because the device was reset "
                "or learnt; do it again",
                code="E-STATE-CRC",
            )
        return bytes(image)

    def state_in(self, image: bytes, progress: Advance | None = None) -> None:
        """Let the device load a state image; it is in no session then, and nothing is committed.

        The device reads the image twice: first it is checked whole.

        Raises:
            FormatError, CorruptError, MismatchError: the image is damaged, or the device refuses
                it; the device is as it was.
            StorageError: the device was reset meanwhile, and has what it had kept (E-DEVICE-LOST).
        """
        if not state_image.is_whole(image):
            raise CorruptError(
                f"{self.where}: this is no whole state image: damaged, cut short, or something was "
                "added",
                code="E-STATE-CRC",
            )
        reply = self.client.ask(messages.STATE_IN, messages.COUNT.pack(len(image)))
        n_greeted, n_sent = self.client.n_greeted, 0
        while (wanted := messages.PIECE_WANTED.unpack(reply.payload))[1]:
            offset, n = wanted
            piece = messages.COUNT.pack(offset) + image[offset : offset + n]
            try:
                reply = self.client.ask(messages.PIECE, piece)
            except MetabitError as error:
                if self.client.n_greeted == n_greeted:
                    raise
                raise StorageError(
                    f"{self.where}: the device was reset while the state went in, and has what it "
                    "had kept before; do it again",
                    code="E-DEVICE-LOST",
                ) from error
            n_sent += n
            if progress is not None:
                progress(min(n_sent, 2 * len(image)), 2 * len(image))

    def close(self) -> None:
        """Let the line go."""
        self.client.line.close()

    def _some(self, most: int) -> int:
        """As many samples as fit a request: at least one."""
        if most < 1:
            raise MismatchError(
                f"{self.where}: the device's buffer of {self.info.most_bytes} bytes is too small "
                "for a sample or a batch; see MB_LINK_BUFFER_BYTES in metabit_link.h",
                code="E-DEVICE-BUFFER",
            )
        return most

    def _per_sample(self, cycles: int, n: int) -> float | None:
        return cycles / n if self.info.counts_cycles and n else None


def _learnt(payload: bytes) -> tuple[int, int]:
    session, n = messages.LEARNT.unpack_from(payload)
    return session, n


class _Steps:
    """Samples on their way into a device, which may go back to what it has committed."""

    def __init__(
        self, device: LinkedDevice, session: int, x: Samples, y: NDArray[np.int32], every: int
    ) -> None:
        self._device, self._session, self._x, self._y = device, session, x, y
        batch = max(device.info.options.batch, 1)
        room = device.info.most_bytes - messages.LEARN_HEAD.size
        most = min(
            room // (4 + device.info.n_inputs),
            (device.info.most_bytes - messages.LEARNT.size - messages.CYCLES.size) // 4,
        )
        self._most = device._some(most // batch) * batch
        self._every = every
        self._kept = self.at = 0
        self._setbacks = 0
        self.labels = np.full(len(y), UNKNOWN, dtype=np.int32)
        self.cycles = self.n_counted = 0

    @property
    def is_done(self) -> bool:
        """Whether all samples are learnt, and committed where that was asked for."""
        return self.at == len(self._y) and (not self._every or self._kept == self.at)

    def begin(self) -> int:
        """Begin or continue the session; returns how many samples were learnt before."""
        wanted = messages.SESSION.pack(self._session)
        for _ in range(_SETBACKS):
            reply = self._device.client.ask(messages.BEGIN, wanted)
            begun = _learnt(reply.payload)
            if not self._every or self._device.commit() == begun:
                self._kept = self.at = begun[1]
                return self.at
        raise self._no_progress()

    def step(self) -> None:
        """Learn as many samples as fit a request, and commit when it is time."""
        if self.at < len(self._y):
            self._learn(slice(self.at, self.at + self._most))
        if self._every and (self.at == len(self._y) or self.at - self._kept >= self._every):
            self._commit()

    def _learn(self, part: slice) -> None:
        truth = self._y[part].astype("<i4")
        head = messages.LEARN_HEAD.pack(self._session, self.at, len(truth))
        payload = head + truth.tobytes() + self._x[part].tobytes()
        reply = self._device.client.ask(messages.LEARN, payload)
        if reply.result == messages.OTHER_SAMPLE:
            self._go_to(*_learnt(reply.payload))
            return
        (cycles,) = messages.CYCLES.unpack_from(reply.payload, messages.LEARNT.size)
        labels = np.frombuffer(
            reply.payload, dtype="<i4", offset=messages.LEARNT.size + messages.CYCLES.size
        )
        self.labels[part] = labels
        self.cycles += cycles
        self.n_counted += len(truth)
        self.at += len(truth)

    def _commit(self) -> None:
        session, n = self._device.commit()
        if (session, n) != (self._session, self.at):
            self._go_to(session, n)
        elif n > self._kept:
            self._setbacks = 0
        self._kept = self.at

    def _go_to(self, session: int, n: int) -> None:
        """Continue where the device is after it was reset."""
        if session != self._session:
            raise StorageError(
                f"{self._device.where}: the device was reset and has lost this session; "
                + ("run the command again" if self._every else "it has no storage")
                + " to learn from the first sample",
                code="E-DEVICE-LOST",
            )
        self._setbacks += 1
        if self._setbacks > _SETBACKS:
            raise self._no_progress()
        self.at = n

    def _no_progress(self) -> StorageError:
        return StorageError(
            f"{self._device.where}: the device was reset {_SETBACKS} times and has kept nothing "
            "new in between; commit more often, or look at its power supply",
            code="E-DEVICE-SILENT",
        )
