"""The C library through ctypes: one table of signatures, one place that loads it.

A test compares this table with the public headers. Calls are coarse (a batch each), so that the
microsecond a ctypes call costs does not show.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from ctypes import (
    POINTER,
    c_char_p,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from importlib.resources import files
from pathlib import Path

from metabit.errors import (
    BudgetError,
    CorruptError,
    FormatError,
    InputError,
    MetabitError,
    MismatchError,
    StorageError,
)

ABI_VERSION = 17
ALIGNMENT = 8
ALL_LAYERS = 0xFFFFFFFF
GOAL_FILE = 3
MAX_BATCH = 64
MAX_CLASSES = 256
MAX_CONTEXTS = 5
MAX_LAYERS = 32
MAX_REPLAY = 65535
NO_REPLAY = 0xFFFFFFFF
MAX_UNITS = 64
REASON_BYTES = 256
TRACKED_INPUTS = 64
#: A share of 1 in `mb_status` and of `mb_get_recalls`; there it says that no sample has come.
ALL = 65535


class NativeOptions(ctypes.Structure):
    """`mb_options`."""

    _fields_ = [
        ("goal", c_uint32),
        ("learn_layers", c_uint32),
        ("state_bits", c_uint32),
        ("bank", c_uint32),
        ("seed", c_uint32),
        ("step_levels", c_float),
        ("m", c_float),
        ("isa", c_uint32),
        ("panels", c_uint32),
        ("batch", c_uint32),
        ("head", c_uint32),
        ("units", c_uint32),
        ("trust", c_float),
        ("replay", c_uint32),
        ("contexts", c_uint32),
        ("runner", c_void_p),
    ]


class Info(ctypes.Structure):
    """`mb_info`."""

    _fields_ = [
        ("n_inputs", c_uint32),
        ("n_outputs", c_uint32),
        ("n_layers", c_uint32),
        ("n_banks", c_uint32),
        ("input_signed", c_uint32),
        ("zero_point", c_int32),
        ("state_bits", c_uint32),
        ("n_golden", c_uint32),
        ("head_kind", c_uint32),
        ("n_classes", c_uint32),
        ("n_channels", c_uint32),
        ("window_frames", c_uint32),
        ("hop_frames", c_uint32),
        ("untrained", c_uint32),
        ("has_tracker", c_uint32),
        ("tracker_units", c_uint32),
        ("told_goal", c_uint32),
        ("told_what", c_uint32),
        ("told_replay", c_uint32),
        ("told_batch", c_uint32),
    ]


class RamPlan(ctypes.Structure):
    """`mb_plan`."""

    _fields_ = [
        ("model_bytes", c_uint32),
        ("hidden_bytes", c_uint32),
        ("sign_bytes", c_uint32),
        ("panel_bytes", c_uint32),
        ("norm_bytes", c_uint32),
        ("activation_bytes", c_uint32),
        ("error_bytes", c_uint32),
        ("table_bytes", c_uint32),
        ("head_bytes", c_uint32),
        ("replay_bytes", c_uint32),
        ("front_bytes", c_uint32),
        ("context_bytes", c_uint32),
        ("arena_bytes", c_uint32),
    ]


class NativeStatus(ctypes.Structure):
    """`mb_status`."""

    _fields_ = [
        ("n_steps", c_uint32),
        ("n_learnt", c_uint32),
        ("learn_layers", c_uint32),
        ("state_bits", c_uint32),
        ("n_weights", c_uint32),
        ("n_consolidated", c_uint32),
        ("last_writes", c_uint32),
        ("last_flips", c_uint32),
        ("n_judged", c_uint32),
        ("n_drifts", c_uint32),
        ("is_drifting", c_uint32),
        ("n_contexts", c_uint32),
        ("context", c_uint32),
        ("n_waited", c_uint32),
        ("accuracy", c_uint16),
        ("plasticity", c_uint16),
        ("layer_plasticity", c_uint16 * MAX_LAYERS),
        ("layer_at_end", c_uint16 * MAX_LAYERS),
    ]


class NativeWindowStatus(ctypes.Structure):
    """`mb_window_status`."""

    _fields_ = [
        ("n_windows", c_uint32),
        ("n_counts", c_uint32),
        ("n_limited", c_uint32),
    ]


class Folder(ctypes.Structure):
    """`mb_folder`."""

    _fields_ = [
        ("dir", c_int),
        ("lock", c_int),
        ("owner", c_int64),
        ("next_id", c_uint32),
    ]


WRITE_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p, c_size_t)
READ_FN = ctypes.CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p, c_size_t)

#: name -> (result, arguments)
SIGNATURES: dict[str, tuple[type | None, list[type]]] = {
    "mb_verify": (c_int, [c_void_p, c_size_t, POINTER(Info)]),
    "mb_plan_ram": (c_int, [c_void_p, c_size_t, POINTER(NativeOptions), POINTER(RamPlan)]),
    "mb_arena_bytes": (c_int, [c_void_p, c_size_t, POINTER(NativeOptions), POINTER(c_size_t)]),
    "mb_choose": (
        c_int,
        [
            c_void_p,
            c_size_t,
            POINTER(NativeOptions),
            c_size_t,
            POINTER(NativeOptions),
            c_char_p,
            c_size_t,
        ],
    ),
    "mb_open": (
        c_int,
        [POINTER(c_void_p), c_void_p, c_size_t, c_void_p, c_size_t, POINTER(NativeOptions)],
    ),
    "mb_predict": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p]),
    "mb_novelty": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p]),
    "mb_score_to_logit": (c_float, [c_int32]),
    "mb_learn": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t, c_void_p]),
    "mb_push": (c_int64, [c_void_p, c_void_p, c_size_t, POINTER(c_uint32)]),
    "mb_window_sample": (c_void_p, [c_void_p]),
    "mb_restart_window": (c_int, [c_void_p]),
    "mb_get_window_status": (c_int, [c_void_p, POINTER(NativeWindowStatus)]),
    "mb_observe": (c_int, [c_void_p, c_void_p, c_size_t]),
    "mb_self_test": (c_int, [c_void_p, c_size_t, c_void_p, c_size_t]),
    "mb_get_status": (c_int, [c_void_p, POINTER(NativeStatus)]),
    "mb_get_recalls": (c_int, [c_void_p, c_void_p]),
    "mb_state_bytes": (c_size_t, [c_void_p]),
    "mb_state_save": (c_int, [c_void_p, WRITE_FN, c_void_p]),
    "mb_state_load": (c_int, [c_void_p, READ_FN, c_void_p]),
    "mb_state_image_bytes": (c_size_t, [c_char_p]),
    "mb_isa_name": (c_char_p, [c_uint32]),
    "mb_isa_runs": (c_int, [c_uint32]),
    "mb_isa_used": (c_uint32, [c_void_p]),
    "mb_error_text": (c_char_p, [c_int]),
    "mb_version": (c_char_p, []),
    "mb_abi_version": (c_uint32, []),
    "mb_folder_open": (c_int, [POINTER(Folder), c_char_p]),
    "mb_folder_commit": (c_int, [POINTER(Folder), c_void_p, c_uint32]),
    "mb_folder_restore": (c_int64, [c_void_p, c_char_p, POINTER(c_uint32)]),
    "mb_folder_close": (None, [POINTER(Folder)]),
    "mb_threads_start": (c_void_p, [c_uint32]),
    "mb_threads_stop": (None, [c_void_p]),
    "mb_run_layer": (c_int, [c_void_p, c_uint32, c_void_p, c_size_t]),
    "mb_spin": (c_uint64, [c_uint64, c_uint64]),
}

#: Results that a caller looks at: MB_ERR_BUDGET, MB_ERR_INPUT.
TOO_LARGE, NOT_POSSIBLE = -3, -5

#: C error -> (exception, stable code, what to do)
ERRORS: dict[int, tuple[type[MetabitError], str, str]] = {
    -1: (FormatError, "E-FORMAT", "export the model with this version of metabit"),
    -2: (CorruptError, "E-CORRUPT", "copy or export the file again"),
    -3: (BudgetError, "E-ARENA", "give it a larger arena: `metabit plan` says how large"),
    -4: (StorageError, "E-STORAGE", "check that the folder exists, is writable and has space"),
    -5: (InputError, "E-ARGUMENT", "see edge_runtime/include/metabit.h for the ranges"),
    -6: (InputError, "E-NO-STATE", "export with hidden weights, and open with learn='all'"),
    -7: (MismatchError, "E-MISMATCH", "use the model and options that it was made with"),
    -8: (StorageError, "E-BUSY", "wait until it has ended, or take another folder"),
}


def library_name(platform: str) -> str:
    """The file that CMake makes of the C library on a system that Python names so."""
    return {"win32": "metabit.dll", "darwin": "libmetabit.dylib"}.get(platform, "libmetabit.so")


def library_path() -> Path:
    """Where the C library is: $METABIT_LIBRARY (tests open other builds), or beside this file."""
    forced = os.environ.get("METABIT_LIBRARY")
    return Path(forced) if forced else Path(str(files(__package__) / library_name(sys.platform)))


@functools.cache
def library() -> ctypes.CDLL:
    """Load the C library once and give every call its types.

    Raises:
        StorageError: it is missing, cannot be loaded, or is of another ABI.
    """
    path = library_path()
    try:
        lib = ctypes.CDLL(str(path), use_errno=True)
    except OSError as error:
        raise StorageError(
            f"cannot load the C library {path}: {error}; reinstall metabit", code="E-LIBRARY"
        ) from error
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    if lib.mb_abi_version() != ABI_VERSION:
        raise StorageError(
            f"{path} has ABI version {lib.mb_abi_version()}, this Python code needs {ABI_VERSION}; "
            "reinstall metabit",
            code="E-ABI",
        )
    return lib


def check(result: int, where: str) -> int:
    """Pass a result that is not negative; raise the exception of the C error otherwise."""
    if result >= 0:
        return result
    kind, code, advice = ERRORS.get(result, (MetabitError, "E-UNKNOWN", "report this"))
    text = library().mb_error_text(result).decode()
    number = ctypes.get_errno() if result == -4 else 0
    cause = f" ({os.strerror(number)})" if number else ""
    raise kind(f"{where}: {text}{cause}; {advice}", code=code)
