"""Downloads: a file is complete and verified, or it is not there."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metabit.errors import CorruptError, StorageError
from metabit.trainer.data.addresses import open_address

ReportBytes = Callable[[str, int, int | None], None]
"""Called with the name of the file, the bytes so far, and the total bytes if they are known."""

CHUNK_BYTES = 1 << 16
#: What gzip may add to contents that it cannot compress: less than one part in 1,000, and a header.
GZIP_BYTES = 1 << 16
#: Where a download is cut off whose size nobody knows.
LARGEST_BYTES = 1 << 28


@dataclass(frozen=True)
class Contents:
    """What a file must hold.

    Attributes:
        n_bytes: how much it holds at most.
        sha256: its checksum.
        unpacked: both are of the unpacked contents, because mirrors compress differently; or of
            the file itself.
    """

    n_bytes: int
    sha256: str
    unpacked: bool = True

    @property
    def most_packed_bytes(self) -> int:
        """Where a download is cut off."""
        return self.n_bytes + (self.n_bytes // 1000 + GZIP_BYTES if self.unpacked else 0)


def download(
    url: str,
    target: Path,
    contents: Contents | str,
    report: ReportBytes | None = None,
) -> None:
    """Fetch `url` into `target`. The file gets its name only after it has been verified.

    Args:
        url: https address of a gzip file.
        target: the file to write; its folder is made.
        contents: what arrives must be that. A SHA-256 alone is of unpacked contents of up to
            LARGEST_BYTES.
        report: is told about the progress.

    Raises:
        StorageError: no connection; the address, or where it redirects to, is not https; or the
            target cannot be written.
        CorruptError: the contents have another checksum, or are larger than they can be, packed or
            unpacked; no file is left.
    """
    if isinstance(contents, str):
        contents = Contents(LARGEST_BYTES, contents)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, contents.most_packed_bytes, _progress(report, target.name))
        found = _sha256(part, contents)
        if found != contents.sha256:
            raise CorruptError(
                f"{url}: checksum {found[:16]}... where {contents.sha256[:16]}... is expected; "
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


def is_verified(path: Path, contents: Contents) -> bool:
    """Whether the gzip file at `path` is there and holds this."""
    try:
        return _sha256(path, contents) == contents.sha256
    except (OSError, EOFError, zlib.error, CorruptError):
        return False


def _progress(report: ReportBytes | None, name: str) -> Callable[[int, int | None], None]:
    return lambda received, total: report(name, received, total) if report else None


def _receive(
    url: str, part: Path, most_bytes: int, progress: Callable[[int, int | None], None]
) -> None:
    with open_address(url) as answer, part.open("wb") as file:
        length = answer.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        received = 0
        if total is not None and total > most_bytes:
            raise _too_large(url, most_bytes)
        while chunk := answer.read(CHUNK_BYTES):
            received += len(chunk)
            if received > most_bytes:
                raise _too_large(url, most_bytes)
            file.write(chunk)
            progress(received, total)
        file.flush()
        os.fsync(file.fileno())


def _too_large(what: object, most_bytes: int) -> CorruptError:
    return CorruptError(
        f"{what}: more than {most_bytes:,} bytes, which this file does not have; try again or "
        "fetch it by hand",
        code="E-CHECKSUM",
    )


def _sha256(path: Path, contents: Contents) -> str:
    digest, n_bytes = hashlib.sha256(), 0
    with gzip.open(path, "rb") if contents.unpacked else path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > contents.n_bytes:
                raise _too_large(path, contents.n_bytes)
            digest.update(chunk)
    return digest.hexdigest()
