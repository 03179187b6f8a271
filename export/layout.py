"""The envelope of a .mbit file: header, section table, checksums, and the limits of a network."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metabit.errors import CorruptError, FormatError, InputError
from metabit.export.shapes import LayerShape, layers_problem, shape_of
from metabit.export.spec import MAX_BANKS, MAX_INPUTS, MAX_LAYERS, InputSpec, Model, Norm

MAGIC = b"\x89MBIT\r\n\x1a"
FORMAT_MAJOR = 1
FORMAT_MINOR = 1  # written only with convolutions, which 1.0 does not know
ENDIAN_MARK = 0x01020304
ALIGNMENT = 64
MAX_SECTIONS = 64

# magic, major, minor, endian mark, file bytes, sections, CRC of the table, zero, CRC of the header
HEADER = struct.Struct("<8sHHIIII32sI")
ENTRY = struct.Struct("<4sIIII12s")  # type, flags, offset, length, CRC, zero
CRITICAL = 1

NETWORK, WEIGHTS, THRESHOLDS, NORM = "NETW", "WGTS", "THRS", "NORM"
LEARN, GOLDEN, META = "LERN", "GOLD", "META"
REQUIRED = (NETWORK, WEIGHTS, THRESHOLDS, NORM)
KNOWN = (*REQUIRED, LEARN, GOLDEN, META)


@dataclass(frozen=True)
class Section:
    """One entry of the section table."""

    type: str
    critical: bool
    offset_bytes: int
    length_bytes: int
    crc32: int


def _align(n: int) -> int:
    return -(-n // ALIGNMENT) * ALIGNMENT


def assemble(sections: Sequence[tuple[str, bool, bytes]], minor: int) -> bytes:
    """Lay sections (type, critical, payload) out into a file, aligned, with checksums.

    Args:
        sections: in their order.
        minor: the lowest minor version that can read them.
    """
    offset = _align(HEADER.size + ENTRY.size * len(sections))
    table, body = b"", b""
    start = offset
    for kind, critical, payload in sections:
        body += b"\0" * (_align(len(body)) - len(body))
        offset = start + len(body)
        table += ENTRY.pack(
            kind.encode(), CRITICAL if critical else 0, offset, len(payload),
            zlib.crc32(payload), b"",
        )  # fmt: skip
        body += payload
    head = HEADER.pack(
        MAGIC, FORMAT_MAJOR, minor, ENDIAN_MARK, start + len(body), len(sections),
        zlib.crc32(table), b"", 0,
    )  # fmt: skip
    head = head[:-4] + struct.pack("<I", zlib.crc32(head[:-4]))
    gap = b"\0" * (start - len(head) - len(table))
    return head + table + gap + body


def sections(data: bytes, where: str) -> list[Section]:
    """Check the envelope of `data` and return its section table.

    Raises:
        FormatError: not a .mbit file, a later format, or an unknown critical section.
        CorruptError: truncated, overlapping, with holes, or with a wrong checksum.
    """
    count = _check_header(data, where)
    table_end = HEADER.size + ENTRY.size * count
    found: list[Section] = []
    end = table_end
    for i in range(count):
        kind, flags, offset, length, crc, zero = ENTRY.unpack_from(data, HEADER.size + 32 * i)
        name = kind.decode("latin-1")
        if offset != _align(end) or offset + length > len(data) or flags > 1 or any(zero):
            raise CorruptError(
                f"{where}: section {name!r} does not follow the one before it, or leaves the file",
                code="E-SECTION-BOUNDS",
            )
        if any(data[end:offset]):
            raise CorruptError(f"{where}: bytes before {name!r} are not zero", code="E-PADDING")
        if zlib.crc32(data[offset : offset + length]) != crc:
            raise CorruptError(
                f"{where}: section {name!r} has a wrong checksum: the file is damaged; copy or "
                "export it again",
                code="E-SECTION-CRC",
            )
        end = offset + length
        if name not in KNOWN and flags & CRITICAL:
            raise FormatError(
                f"{where}: needs section {name!r}, unknown to this version; update metabit",
                code="E-SECTION-UNKNOWN",
            )
        if any(section.type == name for section in found):
            raise CorruptError(f"{where}: section {name!r} occurs twice", code="E-SECTION-TWICE")
        found.append(Section(name, bool(flags & CRITICAL), offset, length, crc))
    if end != len(data):
        raise CorruptError(
            f"{where}: {len(data) - end} bytes after the last section", code="E-LENGTH"
        )
    return found


def version_text(data: bytes) -> str:
    """The format version of a file whose envelope has been checked, like "1.0"."""
    _, major, minor, *_ = HEADER.unpack_from(data)
    return f"{major}.{minor}"


def _check_header(data: bytes, where: str) -> int:
    if len(data) < HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"{where}: not a .mbit file; `metabit export` makes one", code="E-MAGIC")
    _, major, minor, endian, file_bytes, count, table_crc, zero, crc = HEADER.unpack_from(data)
    if zlib.crc32(data[: HEADER.size - 4]) != crc:
        raise CorruptError(
            f"{where}: the header has a wrong checksum: the file is damaged", code="E-HEADER-CRC"
        )
    if major != FORMAT_MAJOR or endian != ENDIAN_MARK:
        raise FormatError(
            f"{where}: format version {major}.{minor}, this library reads {FORMAT_MAJOR}.x; "
            "update metabit",
            code="E-VERSION",
        )
    if file_bytes != len(data):
        raise CorruptError(
            f"{where}: {len(data)} bytes, the header says {file_bytes}: the file is truncated or "
            "has something appended",
            code="E-LENGTH",
        )
    table_end = HEADER.size + ENTRY.size * count
    if any(zero) or count > MAX_SECTIONS or table_end > len(data):
        raise CorruptError(f"{where}: the header is out of range", code="E-HEADER")
    if zlib.crc32(data[HEADER.size : table_end]) != table_crc:
        raise CorruptError(f"{where}: the section table has a wrong checksum", code="E-TABLE-CRC")
    return int(count)


# ---- limits, shared by reader and writer -----------------------------------------------------


def network_problem(
    spec: InputSpec, eps: float, n_banks: int, shapes: Sequence[LayerShape]
) -> str | None:
    """What breaks a limit of the format, or None."""
    low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
    if not 1 <= len(shapes) <= MAX_LAYERS:
        return f"{len(shapes)} layers; 1 to {MAX_LAYERS} are possible"
    if not 1 <= n_banks <= MAX_BANKS:
        return f"{n_banks} banks; 1 to {MAX_BANKS} are possible"
    if not low <= spec.zero_point <= high:
        return f"zero point {spec.zero_point} is outside {spec.dtype}"
    if not (1e-30 <= spec.scale <= 1e30 and 1e-8 <= eps <= 1):
        return "scale must lie in [1e-30, 1e30] and eps in [1e-8, 1]"
    if any(n < 1 for n in spec.shape) or not 1 <= spec.n_inputs <= MAX_INPUTS:
        return f"input shape {spec.shape}; 1 to {MAX_INPUTS} values are possible"
    window = shapes[0].window
    padded = window is not None and window.padding == "one" and window.kernel_size > 1
    if padded and spec.zero_point == high:
        return f"padding of zero point + 1, which {spec.dtype} does not have with {high}"
    return layers_problem(spec.shape, shapes)


def learn_problem(
    bits: int, step: float, rates: tuple[float, float, float], pairs: np.ndarray
) -> str | None:
    """What is wrong with the constants of the learning rule, or None.

    Args:
        bits: bits a hidden weight.
        step: step_levels.
        rates: norm_rate, error_rate, rms_rate.
        pairs: shape (n_layers, 2), m and w_max.
    """
    if bits not in (4, 8):
        return f"{bits}-bit hidden weights; 4 or 8 are possible"
    if not (math.isfinite(step) and 0 <= step <= 256):
        return f"step {step}; 0 to 256 levels are possible"
    if not all(1e-9 <= rate <= 0.999999 for rate in rates):
        return "rates must lie in [1e-9, 0.999999]"
    m_ok = np.isfinite(pairs).all() and (pairs[:, 0] >= 0).all() and (pairs[:, 0] <= 30).all()
    if not (m_ok and (pairs[:, 1] >= 1e-30).all() and (pairs[:, 1] <= 1e30).all()):
        return "m must lie in [0, 30] and w_max in [1e-30, 1e30]"
    return None


def norm_problem(norm: Norm) -> str | None:
    """What is out of the ranges that keep all arithmetic finite, or None."""
    limits = {
        "mean": (-(2.0**25), 2.0**25),
        "var": (0.0, 2.0**50),
        "gamma": (-(2.0**20), 2.0**20),
        "beta": (-(2.0**20), 2.0**20),
    }
    for name, (low, high) in limits.items():
        values = getattr(norm, name)
        if not np.all((values >= low) & (values <= high)):
            return f"normalisation {name} is not in [{low:g}, {high:g}]"
    return None


def check_limits(model: Model) -> None:
    """Raise InputError when a model cannot be written."""
    shapes = [shape_of(layer) for layer in model.layers]
    problem = network_problem(model.input, model.eps, model.n_banks, shapes)
    if not problem and any(len(la.thresholds) != model.n_banks for la in model.layers[:-1]):
        problem = "a hidden layer does not have one threshold set per bank"
    if not problem and model.learn is not None:
        learn = model.learn
        pairs = np.array([learn.m, learn.w_max], dtype=np.float64).T
        rates = (learn.norm_rate, learn.error_rate, learn.rms_rate)
        problem = learn_problem(learn.bits, learn.step_levels, rates, pairs)
        if not problem and any(len(layer.norms) != model.n_banks for layer in model.layers):
            problem = "a layer that learns does not have one normalisation per bank"
    problem = problem or next(
        (p for layer in model.layers for norm in layer.norms if (p := norm_problem(norm))), None
    )
    if problem:
        raise InputError(f"cannot pack this model: {problem}", code="E-LIMIT")
