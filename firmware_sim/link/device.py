"""A device over a line: what it says of itself, predictions, learning, its state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.status import Status, status_of
from metabit.errors import CorruptError, InputError, MetabitError, StorageError
from metabit.export.spec import FrontEnd
from metabit.export.states import state_image
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.recordings import FrameSender, SensorFrames, windows_of
from metabit.firmware_sim.link.steps import (
    SampleLesson,
    Steps,
    WindowLesson,
    at_least_one,
    learnt,
)

#: Called with (samples done, samples in all).
Advance = Callable[[int, int], None]


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
        for at in range(0, n, at_least_one(most, self.client, self.info)):
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
        lesson = SampleLesson(self.client, self.info, x)
        return self._learn(
            Steps(self.client, self.commit, session, lesson, y, commit_every), progress
        )

    def predict_recordings(
        self, recordings: Sequence[SensorFrames], front_end: FrontEnd, *,
        most: int | None = None, progress: Advance | None = None,
    ) -> Answered:  # fmt: skip
        """Labels and scores of each window that the device's own front end makes a sample of.

        Args:
            recordings: frames of a sensor.
            front_end: of the model.
            most: windows, at most; None: all.
            progress: told how far it is.

        Returns:
            as `predict`; cycles count the front end and the prediction together.

        Raises:
            StorageError: the device is reset again and again (E-DEVICE-SILENT).
        """
        windows = windows_of(recordings, front_end)[:most]
        sender = FrameSender(self.client, self.info, recordings)
        labels = np.empty(len(windows), dtype=np.int32)
        scores = np.empty((len(windows), self.info.n_outputs), dtype=np.int32)
        cycles = 0
        for at, window in enumerate(windows):
            reply = sender.predict(window)
            cycles += messages.CYCLES.unpack_from(reply.payload)[0]
            values = np.frombuffer(reply.payload, dtype="<i4", offset=messages.CYCLES.size)
            labels[at], scores[at] = values[0], values[1:]
            if progress is not None:
                progress(at + 1, len(windows))
        return Answered(labels, scores, self._per_sample(cycles + sender.cycles, len(windows)))

    def learn_recordings(
        self, session: int, recordings: Sequence[SensorFrames], front_end: FrontEnd,
        y: NDArray[np.int32], *, commit_every: int = 0, progress: Advance | None = None,
    ) -> Answered:  # fmt: skip
        """As `learn`, of the windows of recordings; see `predict_recordings`.

        Args:
            session, commit_every, progress: as for `learn`.
            recordings, front_end: as for `predict_recordings`.
            y: labels of the windows, shape (n,), int32.
        """
        sender = FrameSender(self.client, self.info, recordings)
        lesson = WindowLesson(sender, windows_of(recordings, front_end))
        steps = Steps(self.client, self.commit, session, lesson, y, commit_every)
        told = self._learn(steps, progress)
        if told.cycles is None:
            return told
        return replace(told, cycles=told.cycles + sender.cycles / max(steps.n_counted, 1))

    def _learn(self, steps: Steps, progress: Advance | None) -> Answered:
        n_before, n = steps.begin(), len(steps.labels)
        while not steps.is_done:
            steps.step()
            if progress is not None:
                progress(steps.at, n)
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
        return learnt(reply.payload)

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

    def _per_sample(self, cycles: int, n: int) -> float | None:
        return cycles / n if self.info.counts_cycles and n else None
