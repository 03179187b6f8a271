"""The C core as a folder that Arduino, PlatformIO, Zephyr, ESP-IDF and CMake take as a library."""

from __future__ import annotations

from pathlib import Path

from metabit.edge_runtime import sources

#: Not for firmware: what needs a POSIX system.
_HOST_ONLY = ("metabit_posix.h", "metabit_threads.h")


def library_files() -> dict[str, bytes]:
    """Paths in the library's folder, and contents.

    All C lies in src/, headers too: Arduino looks nowhere else. Around it stand the descriptions of
    edge_runtime/library/.
    """
    descriptions = sources() / "library"
    found: dict[str, Path] = {
        path.relative_to(descriptions).as_posix(): path
        for path in sorted(descriptions.rglob("*"))
        if path.is_file()
    }
    for folder in ("src", "include"):
        for path in (sources() / folder).rglob("*.[ch]"):
            if path.name not in _HOST_ONLY:
                found[f"src/{path.relative_to(sources() / folder).as_posix()}"] = path
    return {name: path.read_bytes() for name, path in sorted(found.items())}
