"""Speak to the firmware through its mailbox (firmware/mailbox.h is the twin of this file)."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.status import Status, status_of
from metabit.errors import MetabitError
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.machines.emulator import Emulator

_READY, _TAKE, _GIVE = 1, 2, 3
ARENA_BYTES, SELF_TEST, OPEN, PREDICT, LEARN, STATUS, SAVE_STATE, LOAD_STATE = range(1, 9)
PUSH = 9

#: chunk at, offset, bytes, request, command, result, label, host result, arena bytes, state bytes,
#: and mb_status.
_MAILBOX = struct.Struct(f"<QIIIIiiiII{ctypes.sizeof(_native.NativeStatus)}s")
_FIELDS = {"command": 20, "label": 28, "host_result": 32}
_COMMAND_NAMES = {
    ARENA_BYTES: "arena bytes",
    SELF_TEST: "self-test",
    OPEN: "open",
    PREDICT: "predict",
    LEARN: "learn",
    STATUS: "status",
    SAVE_STATE: "save state",
    LOAD_STATE: "load state",
    PUSH: "push",
}


@dataclass(frozen=True)
class Mail:
    """The mailbox as the host finds it."""

    chunk_at: int
    chunk_offset: int
    chunk_bytes: int
    request: int
    command: int
    result: int
    label: int
    host_result: int
    arena_bytes: int
    state_bytes: int
    status: bytes


class RunningCore(Protocol):
    """A core that runs the firmware: an `Emulator`, or the core of a `DebugProbe`."""

    def read(self, address: int, n_bytes: int, /) -> bytes:
        """Bytes of its memory."""

    def write(self, address: int, data: bytes, /) -> None:
        """Write its memory."""

    def symbol(self, name: str, /) -> int:
        """Address of a symbol of the firmware."""

    def run(self, *, count: bool = False) -> Counts | None:
        """Run until the firmware stops for the host; the counts where they were asked for."""

    def stack_used_bytes(self) -> int:
        """The deepest the stack has been since reset."""

    def close(self) -> None:
        """Let it go, where it is held by somebody else."""


class Device:
    """A board that runs the firmware, booted and waiting for commands.

    Args:
        firmware: see `build.build`.
        n_inputs, n_outputs: of its model.
        core: that runs it; an emulated one when left out.

    Attributes:
        counts: of the last command that was counted. They cover everything between taking a command
            out of the mailbox and waiting for the next one.
    """

    def __init__(
        self, firmware: Firmware, n_inputs: int, n_outputs: int, core: RunningCore | None = None
    ) -> None:
        self.firmware = firmware
        self.core = Emulator(firmware) if core is None else core
        self.counts = Counts()
        self._n_inputs, self._n_outputs = n_inputs, n_outputs
        self._mailbox = self.core.symbol("fw_mail")
        self.core.run()
        assert self._mail().request == _READY, "the firmware did not boot"

    @property
    def emulator(self) -> Emulator:
        """The emulated core, which can count."""
        assert isinstance(self.core, Emulator), "only an emulated core counts"
        return self.core

    # ---- commands ----

    def arena_bytes(self) -> int:
        """What `mb_arena_bytes` says on the board."""
        return self._command(ARENA_BYTES).arena_bytes

    def self_test(self, *, count: bool = False) -> None:
        """Run the samples that travel in the model; closes the model.

        Raises:
            MismatchError: a score differs.
        """
        self._command(SELF_TEST, count=count)

    def open(self, *, count: bool = False) -> None:
        """Open the model as exported, with the options that were linked in."""
        self._command(OPEN, count=count)

    def predict(self, sample: Samples, *, count: bool = False) -> tuple[int, NDArray[np.int32]]:
        """Label and scores of one sample.

        Args:
            sample: shape (n_inputs,).
            count: count instructions.

        Returns:
            The label, and the scores, shape (n_outputs,).
        """
        self._put(sample)
        label = self._command(PREDICT, count=count).label
        scores = self.core.read(self.core.symbol("fw_scores"), 4 * self._n_outputs)
        return label, np.frombuffer(scores, dtype="<i4").astype(np.int32)

    def learn(
        self, samples: Samples, truth: NDArray[np.int32], *, count: bool = False
    ) -> NDArray[np.int32]:
        """Learn the samples of one step.

        Args:
            samples: shape (n, n_inputs), n up to the batch that the model was opened with.
            truth: their labels, shape (n,).
            count: count instructions.

        Returns:
            what was predicted before the step, shape (n,).
        """
        self._put(samples)
        labels_at = self.core.symbol("fw_labels")
        self.core.write(labels_at, truth.astype("<i4").tobytes())
        self._write("label", len(truth))
        self._command(LEARN, count=count)
        predicted = self.core.read(labels_at + truth.nbytes, truth.nbytes)
        return np.frombuffer(predicted, dtype="<i4").astype(np.int32)

    def push(self, frame: NDArray[np.int16], *, count: bool = False) -> Samples | None:
        """Hand a frame to the front end.

        Args:
            frame: shape (n_channels,).
            count: count instructions.

        Returns:
            the sample that this frame made whole, shape (n_inputs,), or None.
        """
        at = self.core.symbol("fw_sample")
        self.core.write(at, frame.astype("<i2").tobytes())
        if not self._command(PUSH, count=count).label:
            return None
        return np.frombuffer(self.core.read(at, self._n_inputs), np.int8)

    def status(self) -> Status:
        """Counters and gauges; nothing by class."""
        return status_of(_native.NativeStatus.from_buffer_copy(self._command(STATUS).status), [])

    def save_state(self) -> bytes:
        """The state image that the board writes."""
        image = bytearray(self._command(STATUS).state_bytes)
        self._command(SAVE_STATE, image=image)
        return bytes(image)

    def load_state(self, image: bytes) -> None:
        """Let the board read a state image.

        Raises:
            FormatError, CorruptError, MismatchError: the board refuses it.
        """
        self._command(LOAD_STATE, image=bytearray(image))

    def empty_caches(self) -> None:
        """Let the next counted command find the caches as they are after power-on."""
        self.emulator.empty_caches()

    def watch_memory(self) -> None:
        """Look at what the caches have in the next counted command, and in the one after it."""
        self.emulator.watch_memory()

    def stack_used_bytes(self) -> int:
        """The deepest the stack has been since reset."""
        return self.core.stack_used_bytes()

    # ---- the mailbox ----

    def _mail(self) -> Mail:
        values = _MAILBOX.unpack(self.core.read(self._mailbox, _MAILBOX.size))
        return Mail(*values)

    def _write(self, field: str, value: int) -> None:
        self.core.write(self._mailbox + _FIELDS[field], struct.pack("<i", value))

    def _put(self, samples: Samples) -> None:
        data = samples.tobytes()
        room = self._n_inputs * self.firmware.batch
        assert samples.shape[-1] == self._n_inputs, f"a sample has {self._n_inputs} bytes"
        assert len(data) <= room, f"the board has room for {self.firmware.batch} samples"
        self.core.write(self.core.symbol("fw_sample"), data)

    def _command(
        self, command: int, *, count: bool = False, image: bytearray | None = None
    ) -> Mail:
        """Run one command to its end, moving pieces of a state image on the way."""
        self._write("command", command)
        counts = self.core.run(count=count)
        while (mail := self._mail()).request != _READY:
            self._move(mail, image)
            self.core.run()
        if counts is not None:
            self.counts = counts
        name = f"{self.firmware.board.name}, command {_COMMAND_NAMES[command]}"
        _native.check(mail.result, name)
        return mail

    def _move(self, mail: Mail, image: bytearray | None) -> None:
        """Move one piece between the board's memory and the state image."""
        if image is None or mail.request not in (_TAKE, _GIVE):
            raise MetabitError(
                f"the firmware on {self.firmware.board.name} asks for something unknown "
                f"({mail.request}); please report this",
                code="E-SIM-PROTOCOL",
            )
        end = mail.chunk_offset + mail.chunk_bytes
        inside = end <= len(image)
        if inside and mail.request == _TAKE:
            piece = self.core.read(mail.chunk_at, mail.chunk_bytes)
            image[mail.chunk_offset : end] = piece
        elif inside:
            self.core.write(mail.chunk_at, bytes(image[mail.chunk_offset : end]))
        self._write("host_result", 0 if inside else 1)
