"""Ask a device until it has answered.

A request that is not answered in time is sent again under the same number, and the device executes
a number once. So an answer is lost only where the device was reset; it then calls the client a
stranger, who says hello and asks again.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from metabit.edge_runtime import _native
from metabit.errors import MetabitError, MismatchError, StorageError
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.frame import FrameReader, encode
from metabit.firmware_sim.link.line import ByteLine
from metabit.firmware_sim.link.messages import HEADER, DeviceInfo


@dataclass(frozen=True)
class Patience:
    """How long a client waits.

    Attributes:
        seconds: until a request is sent a second time; each further wait is twice as long.
        longest_seconds: of one wait.
        tries: how often a request is sent.
    """

    seconds: float = 0.5
    longest_seconds: float = 8.0
    tries: int = 8


@dataclass(frozen=True)
class Reply:
    """The reply to a request.

    Attributes:
        result: 0, or a result of `messages` above it.
        payload: its bytes.
    """

    result: int
    payload: bytes


class LinkClient:
    """One client of a device.

    Args:
        line: to the device.
        patience: how long to wait for it.

    Attributes:
        n_sent_again: requests that were sent a second time, or more often.
        n_greeted: how often hello was said; more than once: the device was reset in between.
    """

    def __init__(self, line: ByteLine, patience: Patience | None = None) -> None:
        self.line = line
        self.patience = patience or Patience()
        self.frames = FrameReader()
        self.n_sent_again = 0
        self.n_greeted = 0
        self._client = secrets.randbits(32) or 1
        self._sequence = 0

    def hello(self) -> DeviceInfo:
        """What the device says of itself.

        Raises:
            StorageError: it does not answer (E-DEVICE-SILENT), or the line is gone.
            MismatchError: it speaks another version of the protocol (E-DEVICE-VERSION).
        """
        payload = self._ask(messages.HELLO, messages.COUNT.pack(messages.VERSION)).payload
        version = messages.COUNT.unpack_from(payload)[0]
        if version != messages.VERSION:
            raise MismatchError(
                f"{self.line.where}: the device speaks version {version} of the protocol, this "
                f"metabit version {messages.VERSION}; flash a firmware of this metabit, or install "
                "the metabit that the firmware is from",
                code="E-DEVICE-VERSION",
            )
        self.n_greeted += 1
        return DeviceInfo.parse(payload)

    def ask(self, kind: int, payload: bytes = b"") -> Reply:
        """Send a request, and wait for its reply.

        After a reset of the device the request is sent as a new one, to a device that has forgotten
        what it had not committed.

        Raises:
            StorageError: as `hello`.
            MetabitError: the device says that the request failed, with the exception and the code
                of the C core's error.
        """
        reply = self._ask(kind, payload)
        for _ in range(self.patience.tries):
            if reply.result != messages.STRANGER:
                break
            self.hello()
            reply = self._ask(kind, payload)
        else:
            raise self._silent("is reset again and again")
        if reply.result == messages.BAD_REQUEST:
            raise MetabitError(
                f"{self.line.where}: the device does not understand request {kind}; please report "
                "this",
                code="E-DEVICE-REQUEST",
            )
        _native.check(reply.result, self.line.where)
        return reply

    def _ask(self, kind: int, payload: bytes) -> Reply:
        """The reply to a request under a number of its own, whatever it says."""
        self._sequence = (self._sequence + 1) % 2**32
        request = encode(HEADER.pack(self._client, self._sequence, kind, 0, 0) + payload)
        wait = self.patience.seconds
        for attempt in range(self.patience.tries):
            self.n_sent_again += attempt > 0
            self.line.write(request)
            if (reply := self._wait(kind, wait)) is not None:
                return reply
            wait = min(2 * wait, self.patience.longest_seconds)
        raise self._silent("does not answer")

    def _wait(self, kind: int, seconds: float) -> Reply | None:
        """The reply to the last request; whatever else comes is none."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and (data := self.line.read(left)):
            for body in self.frames.take(data):
                if len(body) < HEADER.size:
                    continue
                client, sequence, answered, result, _ = HEADER.unpack_from(body)
                expected = (self._client, self._sequence, kind | messages.REPLY)
                if (client, sequence, answered) == expected:
                    return Reply(result, body[HEADER.size :])
        return None

    def _silent(self, what: str) -> StorageError:
        return StorageError(
            f"{self.line.where}: the device {what}; check that it runs a firmware of metabit, that "
            "nothing else uses the port, and that the speed is the firmware's",
            code="E-DEVICE-SILENT",
        )
