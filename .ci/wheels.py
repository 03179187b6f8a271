"""Makes the wheels of a release on one machine: zig compiles the C library for each platform.

Usage: python .ci/wheels.py DIST [PLATFORM ...]

DIST gets the source archive and a wheel per platform, made from that archive. A wheel holds no
code for a certain Python, so it is tagged `py3-none-PLATFORM`. auditwheel looks at those for Linux.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ziglang


@dataclass(frozen=True)
class Platform:
    """What a wheel runs on.

    Attributes:
        tag: the platform's name in the wheel's name; the oldest that NumPy has wheels for.
        target: the platform's name for zig, with the oldest glibc or macOS, and flags.
        system: the system's name for CMake.
    definitions: what CMake would look for on this machine, or would link, in vain.
    """

    tag: str
    target: str
    system: str
    definitions: tuple[str, ...] = ()


_NO_TOOL = ("CMAKE_INSTALL_NAME_TOOL=true",)  # the path within the library stays as it was linked
_NO_LIBRARIES = ("CMAKE_C_STANDARD_LIBRARIES=",)

#: 32-bit Arm is that of Raspberry Pi OS and Debian: no NEON but in the kernels, which ask for it.
PLATFORMS = {
    "linux-x86_64": Platform("manylinux_2_17_x86_64", "x86_64-linux-gnu.2.17", "Linux"),
    "linux-aarch64": Platform("manylinux_2_17_aarch64", "aarch64-linux-gnu.2.17", "Linux"),
    "linux-armv7l": Platform(
        "manylinux_2_17_armv7l",
        "arm-linux-gnueabihf.2.17 -mcpu=generic+v7a+vfp3d16-neon",
        "Linux",
    ),
    "macos-x86_64": Platform("macosx_10_13_x86_64", "x86_64-macos.10.13", "Darwin", _NO_TOOL),
    "macos-arm64": Platform("macosx_11_0_arm64", "aarch64-macos.11.0", "Darwin", _NO_TOOL),
    "windows-amd64": Platform("win_amd64", "x86_64-windows-gnu", "Windows", _NO_LIBRARIES),
}


def run(*command: str | Path) -> str:
    """The output of a command; if it fails, its output is printed and this program ends."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout[-4000:])
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return done.stdout


def source_archive(dist: Path) -> Path:
    """Make the source archive."""
    run(sys.executable, "-m", "build", "--sdist", "--outdir", dist, ".")
    (archive,) = dist.glob("*.tar.gz")
    return archive


def compiler(platform: Platform, folder: Path) -> Path:
    """A program that compiles for a platform, as CMake wants one."""
    zig = Path(ziglang.__file__).with_name("zig")
    program = folder / "cc"
    program.write_text(f'#!/bin/sh\nexec "{zig}" cc -target {platform.target} "$@"\n')
    program.chmod(0o755)
    return program


def wheel(platform: Platform, archive: Path, folder: Path) -> Path:
    """Make the wheel for a platform in a folder of its own."""
    shutil.unpack_archive(archive, folder, filter="data")
    (source,) = folder.glob("metabit-*/")
    definitions = (
        f"CMAKE_C_COMPILER={compiler(platform, folder)}",
        f"CMAKE_SYSTEM_NAME={platform.system}",
        "CMAKE_SHARED_LINKER_FLAGS=-s",
        "MB_WERROR=ON",
        *platform.definitions,
    )
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder),
        "-Cinstall.strip=false",  # the strip of this machine knows only its own files
        *(f"-Ccmake.define.{definition}" for definition in definitions),
        source,
    )
    (made,) = folder.glob("*.whl")
    run(
        *(sys.executable, "-m", "wheel", "tags", "--remove"),
        *("--python-tag=py3", "--abi-tag=none", f"--platform-tag={platform.tag}"),
        made,
    )
    (tagged,) = folder.glob("*.whl")
    return tagged


def audit(made: Path, platform: Platform) -> None:
    """Let auditwheel look whether the library runs wherever the tag says."""
    found = run(sys.executable, "-m", "auditwheel", "show", made)
    if f'"{platform.tag}"' not in found:
        sys.exit(f"{made.name} is not what its tag says:\n{found}")


def main() -> None:
    """Make the source archive and the wheels that were asked for, or all."""
    dist = Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or list(PLATFORMS)
    shutil.rmtree(dist, ignore_errors=True)
    archive = source_archive(dist)
    for name in names:
        platform = PLATFORMS[name]
        with tempfile.TemporaryDirectory() as folder:
            made = wheel(platform, archive, Path(folder))
            if platform.system == "Linux":
                audit(made, platform)
            shutil.move(made, dist)
        print(f"{made.name}: made", flush=True)


if __name__ == "__main__":
    main()
