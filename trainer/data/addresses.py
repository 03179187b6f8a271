"""Which addresses data comes from: https, also after a redirect, and this machine itself."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import urlsplit

from metabit.errors import StorageError

TIMEOUT_S = 30
#: Nobody listens between a program and its own machine; mirrors and tests run there.
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def open_address(url: str) -> http.client.HTTPResponse:
    """Begin to fetch from an address; the caller closes the answer.

    Raises:
        StorageError: the address, or where it redirects to, is not https (E-FETCH).
        OSError: no connection, or the server refuses.
    """
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in THIS_MACHINE
    if not is_here and not is_safe(url):
        raise StorageError(
            f"{url}: is not fetched, because only https says who answers; use an address that "
            "begins with https://, or fetch the file by hand",
            code="E-FETCH",
        )
    try:
        answer: http.client.HTTPResponse = _OPENER.open(url, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection open
        raise
    return answer


def is_safe(url: str) -> bool:
    """Whether whoever answers there is who the address says."""
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to https alone: not to a file, to this machine, or to plain http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request that follows; StorageError (E-FETCH) where none may."""
        if not is_safe(newurl):
            fp.close()
            raise StorageError(
                f"{req.full_url}: leads to {newurl}, which is not https, and is not followed; "
                "fetch the file by hand",
                code="E-FETCH",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(SafeRedirects)
