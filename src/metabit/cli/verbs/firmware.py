"""`metabit firmware`: what runs on the board itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import BANK, BATCH, BITS, BOARD, CONTEXTS, FILE, learn_option
from metabit.cli.tables import table
from metabit.edge_runtime.sizes import format_kib
from metabit.extras import need


@verb("firmware")
@FILE
@BOARD
@click.option(
    "-o", "--out", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path),
    help="Folder to write; it is made where it is not there.",
)  # fmt: skip
@click.option(
    "--processor", type=click.Choice(["aarch64", "armv7l"]), default="aarch64", show_default=True,
    help="Of a board with Linux, as `uname -m` says there: armv7l is a 32-bit system.",
)  # fmt: skip
@click.option(
    "--storage/--no-storage", default=True, show_default=True,
    help="Keep in the board's flash what is committed, where metabit can write that.",
)  # fmt: skip
@click.option(
    "--learn-again", type=click.IntRange(1, 1_000_000), metavar="N",
    help="Commits write the samples that were learnt, in place of a state that is many times as "
    "long, and a start learns up to N of them again. Default: states.",
)  # fmt: skip
@learn_option("auto")
@BITS
@BATCH
@CONTEXTS
@BANK
def command(
    out: Output, file: Path, board: str, folder: Path, processor: str, storage: bool,
    learn_again: int | None, learn: str, bits: int, batch: int, contexts: int | None, bank: int,
) -> Answer:  # fmt: skip
    """Write what runs FILE on a board, and a README that says how it gets there.

    For a microcontroller it is an image that is flashed, as ELF, Intel HEX and plain bytes, and as
    UF2 where a boot loader takes that. When it starts, it tests itself, opens the model and says so
    on the serial port. `metabit device commit` lets it keep in its flash what it has learnt, on
    the boards whose flash metabit can write (see docs/DEVICE.md). With --learn-again its flash
    holds samples as they came in: whoever can read it can read them.

    For a board with Linux it is one static program, which needs nothing else there. It checks that
    it gives the same answers as this machine, bit for bit, measures how long they take, and prints
    JSON, which `metabit profile` shows beside its estimate.
    """
    need("profile, simulate")
    from metabit.firmware_sim.deploy.firmware_folder import write_folder

    options: dict[str, Any] = {
        "learn": learn, "bits": bits, "bank": bank, "batch": batch, "contexts": contexts,
    }  # fmt: skip
    written = write_folder(
        file, board, folder, processor=processor, storage=storage, learn_again=learn_again or 0,
        **options,
    )  # fmt: skip
    rows = table(f"{file} for {board}: {written.choice}", "file", ">size", "what it is")
    for name, what in written.files.items():
        rows.add_row(name, format_kib((folder / name).stat().st_size), what)
    out.show(rows)
    out.line(f"next: {folder / 'README.md'}")
    return {
        "file": file,
        "board": board,
        "folder": folder,
        "choice": written.choice,
        "files": list(written.files),
    }
