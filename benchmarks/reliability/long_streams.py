"""Memory and first answer of `metabit predict FILE -` and `learn FILE -` on a long csv stream.

    python -m benchmarks.reliability.long_streams [--megabytes 200]

Rows of the digits, as text, go through a pipe to a new process. Nothing is written to a file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from itertools import cycle
from pathlib import Path
from typing import IO

import numpy as np

from metabit.export.container import save
from metabit.export.heads.home import with_empty_head
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer import data


def main() -> None:
    """Print a line per verb."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    n_bytes = parser.parse_args().megabytes * 10**6
    digits = data.load("digits").train
    x = digits.x.reshape(len(digits), -1)
    rows = np.column_stack([x, digits.y]).tolist()
    text = "".join(",".join(map(str, row)) + "\n" for row in rows).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.mbit"
        network = untrained(InputSpec("uint8", (x.shape[1],)), (64, 10), x[:500])
        save(with_empty_head(network, x[:500]), path)
        for verb, more in (("predict", []), ("learn", ["--state", f"{folder}/state"])):
            say(verb, [verb, str(path), "-", *more], text, n_bytes)


def say(verb: str, arguments: list[str], text: bytes, n_bytes: int) -> None:
    """Send the text through a verb, until so many bytes have gone through it."""
    command = [sys.executable, "-m", "metabit", *arguments]
    begun = time.perf_counter()
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdin is not None
    assert child.stdout is not None
    feeder = threading.Thread(target=feed, args=(child.stdin, text, n_bytes))
    feeder.start()
    child.stdout.readline()
    first = time.perf_counter() - begun
    n_answers = 1 + sum(1 for _ in child.stdout)
    feeder.join()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begun
    assert status == 0, f"{verb} failed"
    print(
        f"{verb}: {n_bytes / 1e6:.0f} MB, {n_answers:,} rows answered in {seconds:.0f} s, the "
        f"first after {first:.2f} s; {used.ru_maxrss / 1024:.0f} MiB of memory at most",
        flush=True,
    )


def feed(pipe: IO[bytes], text: bytes, n_bytes: int) -> None:
    """Write whole copies of the text until so many bytes have been written."""
    sent = 0
    for part in cycle([text]):
        if sent >= n_bytes:
            break
        pipe.write(part)
        sent += len(part)
    pipe.close()


if __name__ == "__main__":
    main()
