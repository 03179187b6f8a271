"""A device on a core that this program holds: an emulated one, or one of a debug server."""

from __future__ import annotations

from pathlib import Path

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Learn
from metabit.errors import InputError
from metabit.export.blob import ModelSource
from metabit.firmware_sim import boards
from metabit.firmware_sim.deploy.core_line import CoreLine
from metabit.firmware_sim.deploy.flash_image import debug_image
from metabit.firmware_sim.machines.debug_probe import DebugProbe
from metabit.firmware_sim.machines.emulator import Emulator
from metabit.firmware_sim.machines.gdb_remote import GdbRemote


def core_line(
    source: ModelSource, board_name: str | Path, gdb: str | None, kept: Path | None,
    learn: Learn, options: Options,
) -> CoreLine:  # fmt: skip
    """Build a model's firmware for a board, and speak to it.

    Args:
        source: a .mbit file, or its bytes.
        board_name: see `boards.load`.
        gdb: HOST:PORT of a debug server; None: the core is emulated. There, a firmware that is in
            the core's memory continues with what it has learnt.
        kept: see `CoreLine`.
        learn, options: how the model is opened.

    Raises:
        InputError: `gdb` is no HOST:PORT (E-USAGE), or nothing here can run the board's core.
        StorageError: nobody answers there (E-DEVICE-GDB).
        BudgetError, MetabitError: as `debug_image`.
    """
    board = boards.load(board_name)
    host, _, port = (gdb or "").rpartition(":")
    if gdb is not None and not port.isdecimal():
        raise InputError(f"--gdb {gdb}: write it like this: localhost:1234", code="E-USAGE")
    firmware, _ = debug_image(
        source, board, learn, options, emulated=gdb is None, keeps_at_host=kept is not None
    )
    if gdb is None:
        return CoreLine(Emulator(firmware), board.name, kept)
    remote = GdbRemote(host or "localhost", int(port))
    probe = DebugProbe(firmware, remote, restart=False)
    return CoreLine(probe, gdb, kept, is_waiting=probe.is_waiting, is_qemu=remote.is_qemu())
