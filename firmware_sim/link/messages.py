"""Requests, results and payloads (protocol.h is the twin of this file)."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass

from metabit.edge_runtime import _native

VERSION = 2

(
    HELLO, SELF_TEST, PREDICT, BEGIN, LEARN, COMMIT, STATUS, STATE_OUT, STATE_IN, PIECE, FRAMES,
    PREDICT_WINDOW, LEARN_WINDOW,
) = range(1, 14)  # fmt: skip

#: Added to the kind of a request, in its reply.
REPLY = 0x80

#: Results above 0; those below are errors of the C core.
STRANGER, OTHER_SAMPLE, BAD_REQUEST, NO_STORAGE, UNKEPT = range(1, 6)

#: client, sequence, kind, result, 0
HEADER = struct.Struct("<IIBbH")
CYCLES = struct.Struct("<Q")
#: session, number of the first sample, samples
LEARN_HEAD = struct.Struct("<QII")
#: session, samples of it that were learnt
LEARNT = struct.Struct("<QI")
SESSION = struct.Struct("<Q")
COUNT = struct.Struct("<I")
#: recording, number of the first frame, frames
FRAMES_HEAD = struct.Struct("<III")
#: recording, frames of it that had come when the window was whole
WINDOW = struct.Struct("<II")
#: frames that came, whether a sample is ready, cycles
FRAMED = struct.Struct("<IIQ")
#: session, number of the sample; the window and the label follow
LEARN_WINDOW_HEAD = struct.Struct("<QI")
LABEL = struct.Struct("<i")
#: offset, bytes
PIECE_WANTED = struct.Struct("<II")

_OPTIONS_BYTES = _native.NativeOptions.contexts.offset + 4  # the last before the runner
#: version, flags, most bytes, opened, restored, identity, inputs, outputs, arena, state, clock,
#: damaged, session, learnt, unkept, options, version, kernels, board
_HELLO = struct.Struct(f"<IIIiiIIIIIIIQII{_OPTIONS_BYTES}s24s24s24s")
_HAS_STORAGE, _COUNTS_CYCLES, _TAKES_FRAMES = 1, 2, 4
_NUMBERS = (
    "most_bytes", "opened", "restored", "identity", "n_inputs", "n_outputs", "arena_bytes",
    "state_bytes", "clock_hz", "n_damaged", "session", "n_learnt",
)  # fmt: skip


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself.

    Attributes:
        version: of the protocol.
        has_storage: whether it keeps what it is told to commit.
        counts_cycles: whether it reads a counter of cycles.
        takes_frames: whether its own front end makes samples of a sensor's frames.
        most_bytes: of a payload.
        opened: 0, or why the model could not be opened: an error of the C core.
        restored: 1 where what was kept is loaded; 2 where samples that were kept after it did not
            lead to the state that they led to, and are left out; 0 where nothing was; or the error
            of the C core.
        identity: checksum that names the model.
        n_inputs, n_outputs: of the model.
        arena_bytes, state_bytes: RAM of the model; its state image, 0 where nothing learns.
        clock_hz: cycles per second, 0 where it is not known.
        n_damaged: frames that it has dropped since it was started.
        session, n_learnt: which samples it learns, 0 for none, and how many of them it has learnt.
        is_unkept: whether something was learnt or loaded after the last commit.
        options: how the model is opened; the runner is not told.
        metabit, kernels, board: version, kernel set and name.
    """

    version: int
    has_storage: bool
    counts_cycles: bool
    takes_frames: bool
    most_bytes: int
    opened: int
    restored: int
    identity: int
    n_inputs: int
    n_outputs: int
    arena_bytes: int
    state_bytes: int
    clock_hz: int
    n_damaged: int
    session: int
    n_learnt: int
    is_unkept: bool
    options: _native.NativeOptions
    metabit: str
    kernels: str
    board: str

    @classmethod
    def parse(cls, payload: bytes) -> DeviceInfo:
        """From the payload of the reply to HELLO."""
        version, flags, *numbers, unkept, options, metabit, kernels, board = _HELLO.unpack(payload)
        native = _native.NativeOptions.from_buffer_copy(
            options.ljust(ctypes.sizeof(_native.NativeOptions), b"\0")
        )
        return cls(
            version=version,
            has_storage=bool(flags & _HAS_STORAGE),
            counts_cycles=bool(flags & _COUNTS_CYCLES),
            takes_frames=bool(flags & _TAKES_FRAMES),
            **dict(zip(_NUMBERS, numbers, strict=True)),
            is_unkept=bool(unkept),
            options=native,
            metabit=_text(metabit),
            kernels=_text(kernels),
            board=_text(board),
        )


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode("ascii", "replace")
