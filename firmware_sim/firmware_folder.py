"""The folder that `metabit firmware` writes: what runs on a board, and how it gets there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabit.errors import StorageError
from metabit.export.blob import Blob
from metabit.files import write_whole
from metabit.firmware_sim.linux_program import LinuxProgram, linux_program

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
    file: Path, board_name: str, folder: Path, *, processor: str, **options: Any
) -> Written:
    """Build what runs a model on a board, and write it.

    Args:
        file: the model.
        board_name: see `boards.load`.
        folder: is made where it is not there; files of the same names in it are replaced.
        processor: of a board with Linux.
        options: learn, bits, bank, batch: as for `profile`.

    Raises:
        StorageError: the folder cannot be written (E-WRITE).
        Others: as from `linux_program`.
    """
    made = linux_program(Blob.of(file), board_name, processor=processor, **options)
    _make(folder)
    write_whole(folder / "measure", made.elf)
    (folder / "measure").chmod(0o755)
    write_whole(folder / "README.md", _linux_readme(file, made, options).encode())
    files = {"measure": "the program", "README.md": "how it is run"}
    return Written(made.choice, files)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}", code="E-WRITE") from error


def _linux_readme(file: Path, made: LinuxProgram, options: Mapping[str, Any]) -> str:
    said = "".join(f" --{name} {value}" for name, value in options.items())
    return _LINUX.format(
        name=file.name, title=made.board.title, choice=made.choice, processor=made.processor,
        board=made.board.name, options=said,
    )  # fmt: skip
