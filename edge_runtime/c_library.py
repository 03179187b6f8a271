"""The C core as a folder that Arduino, PlatformIO, Zephyr, ESP-IDF and CMake take as a library."""

from __future__ import annotations

from pathlib import Path

from metabit.edge_runtime import sources

#: Not for firmware: what needs a POSIX system.
_HOST_ONLY = ("metabit_posix.h",)


def library_files() -> dict[str, bytes]:
    """Paths in the library's folder, and contents.

    All C lies in src/, headers too: Arduino looks nowhere else. The descriptions around it come from
    edge_runtime/library/.
    """
    descriptions = sources() / "library"
    found: dict[str, Path] = {
        path.relative_to(descriptions).as_posix(): path
        for path in sorted(descriptions.rglob("*"))
        if path.is_file()
    }
    for path in (*sources().glob("src/*.[ch]"), *sources().glob("include/*.h")):
        if path.name not in _HOST_ONLY:
            found[f"src/{path.name}"] = path
    return {name: path.read_bytes() for name, path in sorted(found.items())}
