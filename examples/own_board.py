"""What a model costs on a board of your own, described by a TOML file.

    python examples/own_board.py

The real firmware is built for the board and run on an emulated core. Needs the extra `sim`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from metabit.edge_runtime.sizes import format_kib
from metabit.export.container import save
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.firmware_sim.profile import profile
from metabit.trainer import data


def main() -> None:
    """Profile a small network that learns on the board."""
    x = data.load("digits").train.x.reshape(-1, 64)
    board = Path(__file__).with_suffix(".toml")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.mbit"
        save(untrained(InputSpec("uint8", (64,)), (64, 10), x[:200]), path)
        result = profile(path, board, learn="all")
    for what, memory in (("RAM", result.ram), ("flash", result.flash)):
        print(f"{what}: {format_kib(memory.used_bytes)} of {format_kib(memory.available_bytes)}")
    print(f"one prediction: {result.predict.counts.total:,.0f} instructions")
    if result.learn is not None:
        print(f"one learning step: {result.learn.counts.total:,.0f} instructions")


if __name__ == "__main__":
    main()
