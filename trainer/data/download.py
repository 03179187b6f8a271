"""Downloads: a file is complete and verified, or it is not there."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

from metabit.errors import CorruptError, StorageError

ReportBytes = Callable[[str, int, int | None], None]
"""Called with the name of the file, the bytes so far, and the total bytes if they are known."""

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 30
#: No file of a data set here is larger.
MAX_BYTES = 256 << 20


def download(
    url: str,
    target: Path,
    sha256: str,
    report: ReportBytes | None = None,
    unpacked: bool = True,
) -> None:
    """Fetch `url` into `target`. The file gets its name only after it has been verified.

    Args:
        url: address of a gzip file.
        target: the file to write; its folder is made.
        sha256: checksum of the contents.
        report: is told about the progress.
        unpacked: whether the checksum is of the unpacked contents, because mirrors compress
            differently, or of the file itself.

    Raises:
        StorageError: no connection, or the target cannot be written.
        CorruptError: the contents have another checksum, or are larger than any data set, packed or
            unpacked; no file is left.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, target.name, report)
        found = _sha256(part, unpacked)
        if found != sha256:
            raise CorruptError(
                f"{url}: checksum {found[:16]}... where {sha256[:16]}... is expected; "
                "try again or fetch the file by hand",
                code="E-CHECKSUM",
            )
        os.replace(part, target)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptError(
            f"{url}: damaged gzip data ({error}); try again", code="E-CHECKSUM"
        ) from error
    except (OSError, http.client.HTTPException) as error:  # URLError and time-outs are OSErrors
        raise StorageError(
            f"{url}: cannot be fetched into {target} ({error}); "
            "check the connection, or put the file there by hand",
            code="E-FETCH",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def is_verified(path: Path, sha256: str, unpacked: bool = True) -> bool:
    """Whether the gzip file at `path` is there and has this checksum; see `download`."""
    try:
        return _sha256(path, unpacked) == sha256
    except (OSError, EOFError, zlib.error, CorruptError):
        return False


def _receive(url: str, part: Path, name: str, report: ReportBytes | None) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, part.open("wb") as file:
        length = answer.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        received = 0
        while chunk := answer.read(CHUNK_BYTES):
            received += len(chunk)
            if received > MAX_BYTES:
                raise _too_large(url)
            file.write(chunk)
            if report is not None:
                report(name, received, total)
        file.flush()
        os.fsync(file.fileno())


def _too_large(what: object) -> CorruptError:
    return CorruptError(
        f"{what}: more than {MAX_BYTES >> 20} MiB, which no data set here has; fetch it by hand",
        code="E-CHECKSUM",
    )


def _sha256(path: Path, unpacked: bool) -> str:
    digest, n_bytes = hashlib.sha256(), 0
    with gzip.open(path, "rb") if unpacked else path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > MAX_BYTES:
                raise _too_large(path)
            digest.update(chunk)
    return digest.hexdigest()
