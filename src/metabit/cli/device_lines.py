"""The lines that `metabit device` speaks over: a serial port, an emulated board, a debug server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from metabit.cli.options import BANK, BATCH, BITS, learn_option
from metabit.cli.paths import WriteFile
from metabit.edge_runtime.options import Options
from metabit.errors import InputError
from metabit.export.blob import Blob
from metabit.extras import need
from metabit.firmware_sim.link.line import ByteLine
from metabit.firmware_sim.link.serial_line import BAUD, SerialLine

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--port", metavar="PORT",
        help="Serial port of the device, such as /dev/ttyACM0 or COM3; or socket://HOST:PORT.",
    ),
    click.option(
        "--baud", type=click.IntRange(min=300), default=BAUD, show_default=True, metavar="N",
        help="Bits per second.",
    ),
    click.option(
        "--board", metavar="NAME",
        help="Instead of --port: emulate this board, by name or .toml file. FILE is built for it "
        "with --learn, --bits, --batch and --bank.",
    ),
    click.option(
        "--gdb", metavar="HOST:PORT",
        help="With --board: run it on the core of this debug server: qemu, OpenOCD, pyOCD.",
    ),
    click.option(
        "--kept", metavar="KEPT", type=WriteFile(),
        help="With --board: the file in which it keeps what it commits, where the board has no "
        "flash for that.",
    ),
    learn_option("auto"), BITS, BATCH, BANK,
)  # fmt: skip


@dataclass(frozen=True)
class LineChoice:
    """Which device is spoken to, as the options say it.

    Attributes:
        port, baud: of a serial port.
        board: that is emulated, or whose core a debug server holds.
        gdb: that server.
        kept: see `CoreLine`.
        learn, options: how the model is opened there.
    """

    port: str | None
    baud: int
    board: str | None
    gdb: str | None
    kept: Path | None
    learn: str
    options: Options

    @property
    def name(self) -> str:
        """For messages and answers."""
        return self.port or self.gdb or str(self.board)

    @property
    def forgets(self) -> bool:
        """Whether the device ends with the command and keeps nothing."""
        return self.board is not None and self.gdb is None and self.kept is None

    def open(self, blob: Blob) -> ByteLine:
        """The line, open.

        Args:
            blob: the model that runs there.

        Raises:
            StorageError: nobody is there (E-DEVICE-LINE, E-DEVICE-GDB).
            Others: as `debug_image`.
        """
        if self.port is not None:
            return SerialLine(self.port, self.baud)
        need("profile, simulate")
        from metabit.firmware_sim.deploy.cores_at_hand import core_line

        assert self.board is not None, "one of the two is there"
        return core_line(blob, self.board, self.gdb, self.kept, self.learn, self.options)


def why_unmeasured(line: ByteLine) -> str:
    """Why cycles that are counted at the other end are no measurement; empty where they are."""
    from metabit.firmware_sim.deploy.core_line import CoreLine

    if isinstance(line, CoreLine) and line.is_qemu:
        return "qemu counts the time of the machine that it runs on, not cycles of a core"
    return ""


def line_options(function: F) -> F:
    """Add the options of a `LineChoice`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def line_choice(given: dict[str, Any]) -> LineChoice:
    """Take the options of `line_options` out of those that were given.

    Raises:
        InputError: they do not go together (E-USAGE).
    """
    port, board = given.pop("port"), given.pop("board")
    options = Options(
        state_bits=given.pop("bits"), bank=given.pop("bank"), batch=given.pop("batch")
    )
    chosen = LineChoice(
        port, given.pop("baud"), board, given.pop("gdb"), given.pop("kept"), given.pop("learn"),
        options,
    )  # fmt: skip
    if (port is None) == (board is None):
        raise InputError(
            "name the device: --port PORT for a serial port, or --board NAME for an emulated "
            "board, with --gdb HOST:PORT on the core of a debug server",
            code="E-USAGE",
        )
    if port is not None and (chosen.gdb or chosen.kept):
        raise InputError("--gdb and --kept go with --board, not with --port", code="E-USAGE")
    return chosen
