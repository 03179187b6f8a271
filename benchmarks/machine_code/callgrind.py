"""Instructions of the installed C library by function, counted by callgrind (valgrind).

tests/c/count.c runs a model and asks for the counts of each part by name. The counts belong to the
compiler that built the library. Callgrind knows AVX2 and no AVX-512.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from metabit.edge_runtime import _native, sources

DRIVER = Path(__file__).parents[2] / "tests" / "c" / "count.c"
#: Kernel sets that callgrind's processor runs.
PATHS = ("avx2", "ssse3", "scalar")

#: Instructions by function, without the functions that it calls.
Functions = dict[str, int]


def installed() -> Path:
    """The installed C library."""
    return _native.library_path().resolve()


def compiler() -> str:
    """The compiler that built the library, as it has left its name there."""
    found = re.search(rb"(GCC: \([^)]*\) [\d.]+|clang version [\d.]+)", installed().read_bytes())
    return found[0].decode() if found else "unknown"


def with_names(folder: Path) -> Path:
    """The library built again in `folder`, where its functions keep their names."""
    root = DRIVER.parents[2]
    command = ["cmake", "-S", str(root), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder / "libmetabit.so"


def count(
    blob: bytes, samples: bytes, n: int, path: str, library: Path | None = None, *,
    contexts: int = 0, state: bytes | None = None,
) -> dict[str, Functions]:  # fmt: skip
    """Run a model with a kernel set.

    Args:
        blob: the packed model.
        samples: n samples, and their labels as int32.
        n: how many.
        path: name of the kernel set.
        library: None for the installed library, whose functions have no names inside.
        contexts, state: a state image to continue from, and the contexts it has room for.

    Returns:
        by part: "layer I" and "predict" for one sample, "learn" for n samples; with a state
        "predict in context" too, for one sample where all layers learn.

    Raises:
        subprocess.CalledProcessError: gcc or valgrind failed.
        FileNotFoundError: one of them is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="metabit-count-") as folder:
        work = Path(folder)
        program = work / "count"
        linked = library or installed()
        flags = ["-std=c11", "-O2", f"-I{sources() / 'include'}", f"-Wl,-rpath,{linked.parent}"]
        command = ["gcc", *flags, str(DRIVER), str(linked), "-o", str(program)]
        subprocess.run(command, check=True)
        (work / "model").write_bytes(blob)
        (work / "samples").write_bytes(samples)
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work / 'out'}", "-q"]
        command += [str(program), str(work / "model"), str(work / "samples"), str(n), path]
        if state is not None:
            (work / "state").write_bytes(state)
            command += [str(contexts), str(work / "state")]
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
        parts = {}
        for file in work.glob("out.*"):
            text = file.read_text()
            part = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
            if part:
                parts[part[1]] = by_function(text)
        return parts


def by_function(text: str) -> Functions:
    """Read one file of callgrind's: a function's lines follow its name, calls have a line more."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    function, inclusive = "", False
    for line in text.splitlines():
        named = re.fullmatch(r"(c?fn)=(\(\d+\))(?: (.*))?", line)
        if named:
            kind, number, name = named.groups()
            if name:  # later lines give the number alone
                names[number] = name
            function = names[number] if kind == "fn" else function
        elif line.startswith("calls="):
            inclusive = True
        elif re.match(r"[+\-*\d]", line):
            if not inclusive:
                counts[function] += int(line.split()[1]) if " " in line else 0
            inclusive = False
    total = re.search(r"^totals: (\d+)", text, re.M)
    assert total is not None
    assert sum(counts.values()) == int(total[1]), "callgrind's file was not understood"
    return dict(counts.most_common())
