"""Recordings of a sensor on their way into a device, whose own front end makes samples of them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.errors import StorageError
from metabit.export.spec import FrontEnd
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.client import LinkClient, Reply
from metabit.firmware_sim.link.messages import DeviceInfo

#: Shape (n, n_channels), int16.
SensorFrames = NDArray[np.int16]
#: A device that is reset so often within one window is not waited for.
_SETBACKS = 20


@dataclass(frozen=True)
class FrameWindow:
    """The frames of one sample.

    Attributes:
        recording: number of the recording.
        start, end: frames of it, from `start` up to, not including, `end`.
    """

    recording: int
    start: int
    end: int


def windows_of(recordings: Sequence[SensorFrames], front_end: FrontEnd) -> list[FrameWindow]:
    """The windows that a front end makes samples of, recording by recording.

    Args:
        recordings: see `SensorFrames`.
        front_end: of the model.
    """
    does = front_end.does
    span = does.length + (does.stack - 1) * does.hop
    return [
        FrameWindow(number, end - span, end)
        for number, frames in enumerate(recordings)
        for end in range(span, len(frames) + 1, does.hop)
    ]


class FrameSender:
    """Sends a device the frames that it lacks of one window after the other.

    Args:
        client, info: the device.
        recordings: whose windows it is sent.

    Attributes:
        cycles: that its front end took, as it counted them.
    """

    def __init__(
        self, client: LinkClient, info: DeviceInfo, recordings: Sequence[SensorFrames]
    ) -> None:
        self._client, self._recordings = client, recordings
        n_channels = recordings[0].shape[1] if recordings else 1
        self._most = (info.most_bytes - messages.FRAMES_HEAD.size) // (2 * n_channels)
        self.cycles = 0
        self._name = 0
        # The first window of what the device has under that name, and where its frames end.
        self._begun: FrameWindow | None = None
        self._at = 0

    def ask(self, kind: int, window: FrameWindow, before: bytes = b"", after: bytes = b"") -> Reply:
        """Let the device make the sample of a window, and ask something about it.

        Args:
            kind: PREDICT_WINDOW or LEARN_WINDOW.
            window: of one of the recordings.
            before, after: what the payload holds before and after the window's name.

        Returns:
            the reply; where its result is OTHER_SAMPLE, the device was perhaps reset in between,
            and the next request begins the window again.

        Raises:
            StorageError: the device is reset again and again (E-DEVICE-SILENT).
        """
        reply = self._client.ask(kind, before + self._make(window) + after)
        if reply.result == messages.OTHER_SAMPLE:
            self._begun = None
        return reply

    def predict(self, window: FrameWindow) -> Reply:
        """The reply to PREDICT_WINDOW, however often the device is reset meanwhile; see `ask`.

        Raises:
            StorageError: the device was reset so often that nothing was gained (E-DEVICE-SILENT).
        """
        for _ in range(_SETBACKS):
            reply = self.ask(messages.PREDICT_WINDOW, window)
            if reply.result != messages.OTHER_SAMPLE:
                return reply
        raise self._no_progress()

    def _make(self, window: FrameWindow) -> bytes:
        """Let the device make the sample of a window; returns the name of the window."""
        for _ in range(_SETBACKS):
            if not self._continues(window):
                self._begin(window)
            while self._at < window.end and self._send(window.end):
                pass
            if self._at == window.end:
                assert self._begun is not None
                return messages.WINDOW.pack(self._name, window.end - self._begun.start)
        raise self._no_progress()

    def _no_progress(self) -> StorageError:
        return StorageError(
            f"{self._client.line.where}: the device was reset {_SETBACKS} times within one window; "
            "look at its power supply",
            code="E-DEVICE-SILENT",
        )

    def _continues(self, window: FrameWindow) -> bool:
        begun = self._begun
        return begun is not None and begun.recording == window.recording and self._at <= window.end

    def _begin(self, window: FrameWindow) -> None:
        self._name = secrets.randbits(32)
        self._begun, self._at = window, window.start

    def _send(self, end: int) -> bool:
        """Send some frames; false: the device lacks those before, and the window begins again."""
        assert self._begun is not None
        part = self._recordings[self._begun.recording][self._at : min(end, self._at + self._most)]
        head = messages.FRAMES_HEAD.pack(self._name, self._at - self._begun.start, len(part))
        reply = self._client.ask(messages.FRAMES, head + part.astype("<i2").tobytes())
        if reply.result == messages.OTHER_SAMPLE:
            self._begun = None
            return False
        n_frames, _, cycles = messages.FRAMED.unpack(reply.payload)
        self._at = self._begun.start + n_frames
        self.cycles += cycles
        return True
