"""Cross-compile the firmware: the real C core, `firmware/`, and one model, for one board.

Objects are compiled once a board and kept in the user's cache, under the hash of everything that
went into them. The model, its options, the arena and the buffers are linked in each time.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import metabit.edge_runtime
from metabit.edge_runtime.options import Options
from metabit.errors import BudgetError, MetabitError
from metabit.firmware_sim import linker
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.elf import Elf
from metabit.firmware_sim.elf import parse as parse_elf

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
C_FLAGS = ("-O2", "-std=c99", "-ffreestanding", "-fomit-frame-pointer", *WARNINGS)
# Segments begin where the board says: without the page size, the linker would round the first one
# down to 64 KiB, below an origin such as the end of a boot loader.
LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,-e,fw_reset", "-Wl,-z,max-page-size=4096")
SECTION_FLAGS = ("-ffunction-sections", "-fdata-sections", "-g0")

FIRMWARE = Path(__file__).parent / "firmware"
START = {
    "thumb": "start_cortex_m.S",
    "aarch64": "start_aarch64.S",
    "riscv32": "start_riscv32.S",
}
#: What every firmware holds, whatever its main.c does.
COMMON = (FIRMWARE / "memory.c", FIRMWARE / "soft_float.c")
CORE = Path(metabit.edge_runtime.__file__).parent
INCLUDES = (f"-I{CORE / 'include'}",)


@dataclass(frozen=True)
class Image:
    """What one model adds to the firmware.

    Attributes:
        blob: the .mbit file.
        arena_bytes: size of the arena.
        n_inputs, n_outputs: sizes of a sample (bytes) and of the score buffer (int32).
        options: how the model is opened.
        n_channels: values per frame of its front end; 0 without one.
    """

    blob: bytes
    arena_bytes: int
    n_inputs: int
    n_outputs: int
    options: Options = field(default_factory=Options)
    n_channels: int = 0


@dataclass(frozen=True)
class Firmware:
    """A linked firmware.

    Attributes:
        board: what it runs on.
        elf: the program, as a debug probe or flasher would take it.
        program: the same, parsed.
        batch: samples that its buffers hold.
    """

    board: Board
    elf: bytes
    program: Elf
    batch: int = 1

    def section_bytes(self, name: str) -> int:
        """Size of a section, 0 when it is empty."""
        section = self.program.sections.get(name)
        return 0 if section is None else section.bytes

    @property
    def data_bytes(self) -> int:
        """Initialised variables."""
        return self.section_bytes(".data")

    @property
    def bss_bytes(self) -> int:
        """Variables that start as zero."""
        return self.section_bytes(".bss")


def build(board: Board, image: Image) -> Firmware:
    """Link the firmware for a model.

    Raises:
        BudgetError: it does not fit the board's memory; says by how much.
        MetabitError: the cross compiler is missing (E-TOOLCHAIN), or it failed (E-BUILD).
    """
    objects = compile_objects(board)
    with tempfile.TemporaryDirectory(prefix="metabit-firmware-") as folder:
        work = Path(folder)
        (work / "model.mbit").write_bytes(image.blob)
        (work / "image.S").write_text(image_source(image))
        (work / "link.ld").write_text(linker.script(board))
        parts = sorted(str(path) for path in objects.glob("*/*.o"))
        run_zig(
            [*board.flags, *parts, "image.S", "-T", "link.ld", *LINK_FLAGS, "-o", "out.elf"],
            work,
            board.name,
        )
        data = (work / "out.elf").read_bytes()
    program = parse_elf(data, thumb=board.isa == "thumb")
    return Firmware(board, data, program, max(image.options.batch, 1))


def image_source(image: Image) -> str:
    """Assembly source of the model, its options, its arena and its buffers."""
    # As on the host: 32-bit numbers, then the address of a runner, here of none. A core whose
    # addresses have 4 bytes looks for it just after the numbers, where there is 0 too.
    words = struct.unpack("<18I", bytes(image.options.native()))
    batch = max(image.options.batch, 1)
    spaces = {
        "fw_arena": (".arena", max(image.arena_bytes, 8), 64 if image.options.panels else 8),
        "fw_sample": (".buffers", max(batch * image.n_inputs, 2 * image.n_channels), 8),
        "fw_labels": (".buffers", 4 * 2 * batch, 8),
        "fw_scores": (".buffers", 4 * image.n_outputs, 8),
    }
    lines = [
        '  .section .model, "a", %progbits',
        "  .balign 64",
        "  .global fw_blob, fw_blob_end",
        'fw_blob: .incbin "model.mbit"',
        "fw_blob_end:",
        '  .section .rodata.fw_options, "a", %progbits',
        "  .balign 8",
        "  .global fw_options",
        f"fw_options: .4byte {', '.join(f'{word:#x}' for word in words)}",
        "  .global fw_push, fw_n_inputs",
        "  .balign 8",
        f"fw_push: .dc.a {'mb_push' if image.n_channels else 0}",  # as wide as an address
        f"fw_n_inputs: .4byte {image.n_inputs}",
    ]
    for name, (section, n_bytes, alignment) in spaces.items():
        lines += [
            f'  .section {section}, "aw", %nobits',
            f"  .balign {alignment}",
            f"  .global {name}, {name}_end",
            f"{name}: .space {n_bytes}",
            f"{name}_end:",
        ]
    return "\n".join(lines) + "\n"


# ---- objects -----------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where compiled objects are kept: $XDG_CACHE_HOME/metabit/firmware."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "metabit" / "firmware"


def compile_objects(board: Board) -> Path:
    """Compile core and firmware for a board's processor, unless the cache has them.

    Returns:
        folder with core/*.o and firmware/*.o.
    """
    return kept_objects(_sources(board), _flags(board), board.name)


def is_compiled(board: Board) -> bool:
    """Whether the cache has the objects for a board's processor."""
    return (cache_folder() / _fingerprint(_inputs(_sources(board)), _flags(board))).is_dir()


def _sources(board: Board) -> dict[str, list[Path]]:
    start = FIRMWARE / START[board.isa]
    return {
        "core": core_sources(),
        "firmware": [FIRMWARE / "main.c", *COMMON, start],
    }


def _flags(board: Board) -> tuple[str, ...]:
    return (*board.flags, *C_FLAGS, *SECTION_FLAGS)


def core_sources() -> list[Path]:
    """The C files of the core."""
    return sorted((CORE / "src").rglob("*.c"))


def kept_objects(sources: dict[str, list[Path]], flags: tuple[str, ...], target: str) -> Path:
    """Compile sources, unless the cache has them.

    Args:
        sources: files by the folder that their objects go to.
        flags: of the compiler.
        target: what is compiled for, for messages.

    Returns:
        folder with those folders in it.
    """

    def make(work: Path) -> None:
        for kind, group in sources.items():
            (work / kind).mkdir()
            run_zig([*flags, *INCLUDES, "-c", *map(str, group)], work / kind, target)

    return _kept(_fingerprint(_inputs(sources), flags), make)


def _inputs(sources: dict[str, list[Path]]) -> list[Path]:
    """The sources, and every header that they could include."""
    files = [path for group in sources.values() for path in group]
    folders = {CORE / "include", *(path.parent for path in files)}
    headers = {*(CORE / "src").rglob("*.h"), *(h for f in folders for h in f.glob("*.h"))}
    return [*files, *sorted(headers)]


def compile_for_host(folder: Path, name: str) -> Path:
    """Compile the C files of a folder into a library for this machine, unless the cache has it.

    Args:
        folder: with its *.c and *.h.
        name: of the library's file.

    Returns:
        the library.
    """
    # Another machine may share the cache, so the code is for any processor of this kind.
    flags = ("-shared", "-fPIC", "-O2", "-std=c99", "-mcpu=baseline", "-fvisibility=hidden")
    files = sorted(folder.glob("*.c"))

    def make(work: Path) -> None:
        run_zig([*flags, *WARNINGS, *map(str, files), "-o", name], work, "this machine")

    headers = sorted(folder.glob("*.h"))
    return _kept(_fingerprint([*files, *headers], (*flags, sys.platform)), make) / name


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache; what it lacks is made in a folder of its own and then moved there."""
    target = cache_folder() / name
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=target.parent))
    except OSError as error:
        raise MetabitError(
            f"cannot write the firmware cache {target.parent}: {error.strerror}; "
            "set XDG_CACHE_HOME to a folder that can be written",
            code="E-CACHE",
        ) from error
    try:
        make(work)
        work.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise somebody else was faster with the same objects
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _fingerprint(files: list[Path], flags: tuple[str, ...]) -> str:
    """Hash of all that compiled code depends on: the compiler, its flags, and the files."""
    digest = hashlib.sha256()
    digest.update("\0".join((toolchain_version(), *flags)).encode())
    for path in files:
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def toolchain_version() -> str:
    """Version of the cross compiler.

    Raises:
        MetabitError: it is not installed (E-TOOLCHAIN).
    """
    require("ziglang")
    return importlib.metadata.version("ziglang")


def require(module: str) -> None:
    """Refuse to continue without a package of the `sim` extra."""
    if importlib.util.find_spec(module) is None:
        raise MetabitError(
            f'the package "{module}" is missing; pip install "metabit[sim]"', code="E-TOOLCHAIN"
        )


_OVERFLOW = re.compile(r"will not fit in region '(\w+)': overflowed by (\d+) bytes")


def run_zig(arguments: list[str], folder: Path, target: str) -> None:
    """Run the cross compiler in a folder, for a board, a processor, or this machine, by its name.

    Raises:
        BudgetError: the board's memory is too small.
        MetabitError: it is missing (E-TOOLCHAIN), or it failed (E-BUILD).
    """
    require("ziglang")
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    over: dict[str, int] = {}
    for region, n_bytes in _OVERFLOW.findall(done.stderr):
        over[region] = max(over.get(region, 0), int(n_bytes))
    if over:
        by = " and ".join(f"{region} by {n_bytes:,} bytes" for region, n_bytes in over.items())
        raise BudgetError(f"the firmware does not fit {target}: over {by}", code="E-BUDGET")
    lines = done.stderr.strip().splitlines()
    first = next((i for i, line in enumerate(lines) if "error:" in line), max(len(lines) - 12, 0))
    said = "\n".join(lines[first : first + 12])
    raise MetabitError(
        f"the cross compiler failed for {target}:\n{said}\n"
        "Please report this with the output of `metabit doctor`.",
        code="E-BUILD",
    )
