"""The folder that `metabit firmware` writes: what runs on a board, and how it gets there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabit.errors import InputError, StorageError
from metabit.export.blob import Blob
from metabit.files import write_whole
from metabit.firmware_sim import boards
from metabit.firmware_sim.deploy.flash_image import FlashImage, flash_image
from metabit.firmware_sim.deploy.image_files import intel_hex, plain_image, uf2
from metabit.firmware_sim.deploy.linux_program import LinuxProgram, linux_program

_LINUX = """\
# {name} on {title}

`measure` holds the model ({choice}) and needs nothing on the board: no Python, no libraries.
It was built for {processor} (`uname -m` says what the board has).

```sh
scp measure pi@raspberrypi.local:
ssh pi@raspberrypi.local ./measure > measured.json
metabit profile {name} --board {board}{options} --measured measured.json
```

The same in one command, without this folder:

```sh
metabit profile {name} --board {board}{options} --host pi@raspberrypi.local
```

The program first compares its scores and its learnt state with what the machine that built it has
computed, bit for bit; exit code 5 says that they differ. Then it measures for some six seconds, in
windows with the clock beside each (`./measure 10` takes longer), and prints one JSON object. The
figures are steadier while the clock is: on the board, as root,
`echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`.
"""


_FLASH = """\
# {name} on {title}

The firmware holds the model ({choice}). It tests itself when it starts, opens the model, and says
so on the serial port: {serial}; 115,200 baud, 8 bits, no parity, one stop bit. Then it answers a
host there, `metabit device`: predict, learn, state out and in.
{kept}

```sh
{commands}
```

Clock: {clock}. `metabit profile` estimates times for {clock_mhz:,.0f} MHz.

| file | what it is |
|---|---|
{files}
"""

_KEPT = """\
What is committed stays when it is switched off: in {slots} slots of {kib} KiB at the end of the
flash, from {start:#010x} on, which take turns.
"""
_AGAIN = """
A commit writes the samples that were learnt; when the board starts, it learns up to {most:,} of
them again, which gives the same bits. They lie in the flash as they came in.
"""
_FORGOTTEN = """\
What it has learnt is lost when it is switched off; the host can take the state out before.
"""

#: What is written for a board that is flashed, in this order.
_KINDS = {
    "firmware.elf": "the linked program, with symbols",
    "firmware.hex": "Intel HEX",
    "firmware.bin": "a plain image, from {start:#010x} on",
    "firmware.uf2": "for a boot loader that is a drive",
    "firmware.map": "what lies where",
}


@dataclass(frozen=True)
class Written:
    """What lies in the folder.

    Attributes:
        choice: what learns, in words.
        files: what each is, by its name.
    """

    choice: str
    files: Mapping[str, str]


def write_folder(
    file: Path, board_name: str, folder: Path, *, processor: str, storage: bool,
    learn_again: int = 0, **options: Any,
) -> Written:  # fmt: skip
    """Build what runs a model on a board, and write it.

    Args:
        file: the model.
        board_name: see `boards.load`.
        folder: is made where it is not there; files of the same names in it are replaced.
        processor: of a board with Linux.
        storage: keep what is learnt, on a board that is flashed.
        learn_again: as for `flash_image`.
        options: learn, bits, bank, batch, contexts: as for `profile`.

    Raises:
        StorageError: the folder cannot be written (E-WRITE).
        Others: as from `linux_program` and `flash_image`.
    """
    if boards.load(board_name).isa == "aarch64":
        if learn_again:
            raise InputError(
                f"--learn-again: {board_name} runs Linux, and the program that is written for it "
                "measures and keeps nothing; leave it out",
                code="E-KEEP",
            )
        made = linux_program(Blob.of(file), board_name, processor=processor, **options)
        return _write_program(file, made, folder, options)
    image = flash_image(
        Blob.of(file), board_name, storage=storage, learn_again=learn_again, **options
    )
    return _write_image(file, image, folder)


def _write_program(
    file: Path, made: LinuxProgram, folder: Path, options: Mapping[str, Any]
) -> Written:
    # 0 is what an option is where nobody gives it, and no value of the command line.
    said = "".join(f" --{name} {value}" for name, value in options.items() if value)
    manual = _LINUX.format(
        name=file.name, title=made.board.title, choice=made.choice, processor=made.processor,
        board=made.board.name, options=said,
    )  # fmt: skip
    _make(folder)
    write_whole(folder / "measure", made.elf)
    (folder / "measure").chmod(0o755)
    write_whole(folder / "README.md", manual.encode())
    return Written(made.choice, {"measure": "the program", "README.md": "how it is run"})


def _write_image(file: Path, made: FlashImage, folder: Path) -> Written:
    segments, parts = made.program.segments, made.parts
    contents = {
        "firmware.elf": made.elf,
        # Where flash lies elsewhere for a flasher than for the core, an address would mislead.
        "firmware.hex": b""
        if parts.data_window
        else intel_hex(segments, made.program.entry).encode(),
        "firmware.bin": plain_image(segments),
        "firmware.uf2": uf2(segments, parts.uf2_family) if parts.uf2_family else b"",
        "firmware.map": made.map().encode(),
    }
    start = min(address for address, _ in segments)
    files = {name: _KINDS[name].format(start=start) for name, data in contents.items() if data}
    manual = _FLASH.format(
        name=file.name, title=made.board.title, choice=made.choice, serial=parts.serial,
        kept=_kept(made), clock=parts.clock, clock_mhz=made.board.clock_hz / 1e6,
        commands="\n".join(parts.commands),
        files="\n".join(f"| `{name}` | {what} |" for name, what in files.items()),
    )  # fmt: skip
    _make(folder)
    for name in files:
        write_whole(folder / name, contents[name])
    write_whole(folder / "README.md", manual.encode())
    return Written(made.choice, {**files, "README.md": "how it is flashed"})


def _kept(made: FlashImage) -> str:
    """What becomes of what is learnt, in words."""
    if not made.n_slots:
        return _FORGOTTEN.rstrip()
    start = made.program.symbols["fw_keep"]
    kept = _KEPT.format(slots=made.n_slots, kib=made.slot_bytes // 1024, start=start)
    return (kept + _AGAIN.format(most=made.learn_again) * bool(made.learn_again)).rstrip()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}", code="E-WRITE") from error
