"""Samples on their way into a device that learns them, each once, and may be reset meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import Samples
from metabit.errors import MismatchError, StorageError
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.client import LinkClient, Reply
from metabit.firmware_sim.link.messages import DeviceInfo
from metabit.firmware_sim.link.recordings import FrameSender, FrameWindow

#: A label that was given on the device, and whose answer a reset has lost.
UNKNOWN = -1
#: A device that is reset so often, and keeps nothing new in between, is not waited for.
_SETBACKS = 20


class Lesson(Protocol):
    """Samples that can be sent.

    Attributes:
        most: samples per request.
    """

    most: int

    def send(self, session: int, number: int, truth: NDArray[np.int32]) -> Reply:
        """Let the device learn samples.

        Args:
            session: that they belong to.
            number: of the first.
            truth: their labels, shape (n,), int32.
        """


class SampleLesson:
    """Samples as the network reads them.

    Args:
        client, info: the device.
        x: shape (n, n_inputs), the model's dtype.
    """

    def __init__(self, client: LinkClient, info: DeviceInfo, x: Samples) -> None:
        self._client, self._x = client, x
        batch = max(info.options.batch, 1)
        most = min(
            (info.most_bytes - messages.LEARN_HEAD.size) // (4 + info.n_inputs),
            (info.most_bytes - messages.LEARNT.size - messages.CYCLES.size) // 4,
        )
        self.most = at_least_one(most // batch, client, info) * batch

    def send(self, session: int, number: int, truth: NDArray[np.int32]) -> Reply:
        """As `Lesson`."""
        head = messages.LEARN_HEAD.pack(session, number, len(truth))
        x = self._x[number : number + len(truth)]
        return self._client.ask(messages.LEARN, head + truth.astype("<i4").tobytes() + x.tobytes())


class WindowLesson:
    """Windows of recordings, one by one, which the device makes samples of.

    Args:
        sender: of the recordings' frames.
        windows: that are learnt.
    """

    most = 1

    def __init__(self, sender: FrameSender, windows: list[FrameWindow]) -> None:
        self._sender, self._windows = sender, windows

    def send(self, session: int, number: int, truth: NDArray[np.int32]) -> Reply:
        """As `Lesson`."""
        before = messages.LEARN_WINDOW_HEAD.pack(session, number)
        return self._sender.ask(
            messages.LEARN_WINDOW, self._windows[number], before, messages.LABEL.pack(int(truth[0]))
        )


class Steps:
    """One learning session, which may go back to what the device has committed.

    Args:
        client: the device.
        commit: lets it keep what it has learnt; returns the session and how many samples.
        session: number of this learning.
        lesson: what is learnt.
        y: labels, shape (n,), int32.
        every: commit after so many samples, and at the end; 0: never.

    Attributes:
        at: samples that are learnt.
        labels: shape (n,), int32: what was predicted before, or UNKNOWN.
        cycles, n_counted: what the device counted, and of how many samples.
    """

    def __init__(
        self, client: LinkClient, commit: Callable[[], tuple[int, int]], session: int,
        lesson: Lesson, y: NDArray[np.int32], every: int,
    ) -> None:  # fmt: skip
        self._client, self._commit_all, self._session = client, commit, session
        self._lesson, self._y, self._every = lesson, y, every
        self._kept = self.at = 0
        self._setbacks = 0
        self.labels = np.full(len(y), UNKNOWN, dtype=np.int32)
        self.cycles = self.n_counted = 0

    @property
    def is_done(self) -> bool:
        """Whether all samples are learnt, and committed where that was asked for."""
        return self.at == len(self._y) and (not self._every or self._kept == self.at)

    def begin(self) -> int:
        """Begin or continue the session; returns how many samples were learnt before.

        Raises:
            StorageError: the device was reset so often that nothing was gained (E-DEVICE-SILENT).
        """
        wanted = messages.SESSION.pack(self._session)
        for _ in range(_SETBACKS):
            begun = learnt(self._client.ask(messages.BEGIN, wanted).payload)
            if not self._every or self._commit_all() == begun:
                self._kept = self.at = begun[1]
                return self.at
        raise self._no_progress()

    def step(self) -> None:
        """Learn as many samples as fit a request, and commit when it is time."""
        if self.at < len(self._y):
            self._learn(slice(self.at, self.at + self._lesson.most))
        if self._every and (self.at == len(self._y) or self.at - self._kept >= self._every):
            self._commit()

    def _learn(self, part: slice) -> None:
        truth = self._y[part]
        reply = self._lesson.send(self._session, self.at, truth)
        if reply.result == messages.OTHER_SAMPLE:
            self._go_to(*learnt(reply.payload))
            return
        (cycles,) = messages.CYCLES.unpack_from(reply.payload, messages.LEARNT.size)
        self.labels[part] = np.frombuffer(
            reply.payload, dtype="<i4", offset=messages.LEARNT.size + messages.CYCLES.size
        )
        self.cycles += cycles
        self.n_counted += len(truth)
        self.at += len(truth)

    def _commit(self) -> None:
        session, n = self._commit_all()
        if (session, n) != (self._session, self.at):
            self._go_to(session, n)
        elif n > self._kept:
            self._setbacks = 0
        self._kept = self.at

    def _go_to(self, session: int, n: int) -> None:
        """Continue where the device is after it was reset."""
        where = self._client.line.where
        if session != self._session:
            raise StorageError(
                f"{where}: the device was reset and has lost this session; "
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
            f"{self._client.line.where}: the device was reset {_SETBACKS} times and has kept "
            "nothing new in between; commit more often, or look at its power supply",
            code="E-DEVICE-SILENT",
        )


def learnt(payload: bytes) -> tuple[int, int]:
    """Session, and samples of it that are learnt, of a reply."""
    session, n = messages.LEARNT.unpack_from(payload)
    return session, n


def at_least_one(most: int, client: LinkClient, info: DeviceInfo) -> int:
    """As many samples as fit a request.

    Raises:
        MismatchError: not even one does (E-DEVICE-BUFFER).
    """
    if most < 1:
        raise MismatchError(
            f"{client.line.where}: the device's buffer of {info.most_bytes} bytes is too small "
            "for a sample or a batch; see MB_LINK_BUFFER_BYTES in metabit_link.h",
            code="E-DEVICE-BUFFER",
        )
    return most
