"""A static program that measures a model on a board with Linux, and needs nothing else there.

It holds the model, the samples that `profile` runs, and what the host computed for them, so that it
checks its answers before it times them. On a 64-bit board its core is the very code whose cost
`profile` estimates: both link the same objects.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn
from metabit.errors import InputError
from metabit.export.blob import ModelSource
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import (
    C_FLAGS,
    CORE,
    SECTION_FLAGS,
    compile_objects,
    core_sources,
    image_source,
    kept_objects,
    run_zig,
)
from metabit.firmware_sim.profile import WARM_UP_STEPS
from metabit.firmware_sim.session import SamplesToRun, Session

LINUX = Path(__file__).parents[1] / "linux"
#: As for the firmware, but for a system that has a C library.
HOSTED_FLAGS = tuple(flag for flag in C_FLAGS if flag != "-ffreestanding") + SECTION_FLAGS

#: Flags for zig by what `uname -m` says. 32-bit Arm is as in Raspberry Pi OS: no NEON but in the
#: kernels, which ask the system for it.
PROCESSORS: dict[str, tuple[str, ...]] = {
    "aarch64": ("-target", "aarch64-linux-musl"),
    "armv7l": ("-target", "arm-linux-musleabihf", "-mcpu=generic+v7a+vfp3d16-neon"),
}
#: Names that `uname -m` has for the same.
ALIASES = {"arm64": "aarch64", "armv8l": "armv7l"}


@dataclass(frozen=True)
class LinuxProgram:
    """A program for a board with Linux.

    Attributes:
        board: which board it is for.
        processor: see `PROCESSORS`.
        choice: what learns, in words.
        elf: the program itself.
    """

    board: Board
    processor: str
    choice: str
    elf: bytes


def linux_program(
    source: ModelSource,
    board_name: str | Path,
    *,
    processor: str = "aarch64",
    learn: Learn = "auto",
    goal: Goal | None = None,
    bits: int = 0,
    bank: int = 0,
    batch: int = 0,
    contexts: int | None = None,
    n_samples: int = 4,
) -> LinuxProgram:
    """Build the program that measures what `profile` estimates with the same arguments.

    Args:
        source: a .mbit file, or its bytes.
        board_name: a board with Linux: its cores are 64-bit Arm.
        processor: "aarch64", or "armv7l" for a 32-bit system.
        learn, goal, bits, bank, batch, contexts, n_samples: as for `profile`.

    Raises:
        InputError: a board that runs no Linux (E-BOARD-LINUX).
        MetabitError: the toolchain is missing (E-TOOLCHAIN), or it failed (E-BUILD).
    """
    board = boards.load(board_name)
    if board.isa != "aarch64":
        raise InputError(
            f"{board.name} runs no Linux, so that no program of it can measure there",
            code="E-BOARD-LINUX",
        )
    options = Options(state_bits=bits, bank=bank, batch=batch, contexts=contexts)
    running = session.start(source, board, learn, options, goal=goal)
    samples = session.samples_to_run(running, None, None, n_samples)
    samples = whole_batches(samples, running.plan.batch)
    return LinuxProgram(
        board=board,
        processor=processor,
        choice=running.plan.choice,
        elf=_link(running, samples, processor),
    )


def whole_batches(samples: SamplesToRun, batch: int) -> SamplesToRun:
    """The samples over and over, so often that the samples of each learning step lie together."""
    n = len(samples.x)
    taken = np.arange(math.lcm(n, batch)) % n
    return replace(samples, x=samples.x[taken], y=samples.y[taken])


def _link(running: Session, samples: SamplesToRun, processor: str) -> bytes:
    flags = PROCESSORS[processor]
    program = [*sorted(LINUX.glob("*.c")), CORE / "port" / "spin.c"]
    made = kept_objects({"program": program}, (*flags, *HOSTED_FLAGS), processor)
    if processor == "aarch64":
        core = compile_objects(running.board)
    else:
        core = kept_objects({"core": core_sources()}, (*flags, *HOSTED_FLAGS), processor)
    with tempfile.TemporaryDirectory(prefix="metabit-linux-") as folder:
        work = Path(folder)
        write_sources(running, samples, processor, work)
        objects = [*map(str, made.glob("program/*.o")), *map(str, core.glob("core/*.o"))]
        link = ("-static", "-s", "-Wl,--gc-sections", "-o", "measure")
        run_zig([*flags, *sorted(objects), "image.S", "subject.S", *link], work, processor)
        return (work / "measure").read_bytes()


def write_sources(running: Session, samples: SamplesToRun, processor: str, folder: Path) -> None:
    """Write what the program is about into a folder: image.S and subject.S, and what they take in.

    Args:
        running: the model, planned, and open on the host, which computes the answers: it learns.
        samples: what is predicted and learnt; a multiple of the batch.
        processor: for the answer.
        folder: is there.
    """
    (folder / "model.mbit").write_bytes(running.image.blob)
    (folder / "image.S").write_text(image_source(running.image))
    (folder / "subject.S").write_text(_subject(running, samples, processor, folder))


def _subject(running: Session, samples: SamplesToRun, processor: str, folder: Path) -> str:
    """Assembly source of what subject.h declares; the arrays are files beside it."""
    engine, plan = running.engine, running.plan
    steps = _steps_a_window(running, len(samples.x) // plan.batch)
    taken = np.arange((WARM_UP_STEPS + steps) * plan.batch) % len(samples.x)
    arrays = {
        "samples": samples.x.tobytes(),
        "truths": samples.y.astype("<i4").tobytes(),
        "host_scores": engine.scores(samples.x).astype("<i4").tobytes(),
        "host_learnt": b"",
        "host_state": b"",
    }
    if plan.learns:
        learnt = engine.learn(samples.x[taken], samples.y[taken])
        arrays["host_learnt"] = learnt.astype("<i4").tobytes()
        arrays["host_state"] = engine.save_state()
    sizes = (
        len(samples.x), running.model.n_inputs, engine.n_outputs, plan.batch, int(plan.learns),
        WARM_UP_STEPS, steps, len(arrays["host_state"]),
    )  # fmt: skip
    about = json.dumps(
        {
            "model_sha256": hashlib.sha256(running.image.blob).hexdigest(),
            "built_for": processor,
            "choice": plan.choice,
            "samples_per_step": plan.batch,
        }
    )
    lines = [
        '  .section .rodata.subject, "a", %progbits',
        "  .balign 8",
        "  .global fw_subject, fw_about",
        f"fw_subject: .4byte {', '.join(map(str, sizes))}",
        f"fw_about: .asciz {json.dumps(about[1:-1])}",
    ]
    for name, content in arrays.items():
        (folder / name).write_bytes(content)
        lines += ["  .balign 8", f"  .global fw_{name}", f'fw_{name}: .incbin "{name}"']
    return "\n".join(lines) + "\n"


def _steps_a_window(running: Session, least: int) -> int:
    """Learning steps that are timed together: a counting head solves once in as many."""
    head = running.model.head
    return head.every if running.plan.counts and head is not None else max(least, 1)
