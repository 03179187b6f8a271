"""A web server on this machine, for tests of what is fetched."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def serving(folder: Path, leads: dict[str, str] | None = None) -> Iterator[str]:
    """Serve a folder; the server's address, which ends in a slash.

    Args:
        folder: what is served.
        leads: names that are redirected, and where to.
    """

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            to = (leads or {}).get(self.path[1:])
            if to is None:
                super().do_GET()
                return
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()
        thread.join()
