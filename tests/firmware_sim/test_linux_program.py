"""The program for boards with Linux: its answers, its figures, and how it comes to a board."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.random_models import random_model

from metabit.edge_runtime import _native
from metabit.edge_runtime.options import Options
from metabit.errors import InputError, MetabitError
from metabit.export.container import dumps
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.build import INCLUDES
from metabit.firmware_sim.deploy import linux_program, remote
from metabit.firmware_sim.deploy.linux_program import LINUX
from metabit.firmware_sim.deploy.measured import parse_measured

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
BOARD = "raspberry-pi-3b-plus"


@pytest.fixture(scope="module")
def sources(blob: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with what a program for this machine is about: the small model, all layers learn."""
    folder = tmp_path_factory.mktemp("program")
    running = session.start(blob, boards.load(BOARD), "all", Options())
    samples = session.samples_to_run(running, None, None, 4)
    linux_program.write_sources(running, samples, "this", folder)
    return folder


def compiled(sources: Path, folder: Path) -> Path:
    """The program for this machine, by its compiler and with its library."""
    library = Path(_native.library()._name)
    c_files = sorted(LINUX.glob("*.c"))
    subject = [sources / "image.S", sources / "subject.S"]
    flags = ("-std=c99", "-O1", *WARNINGS, *INCLUDES, "-z", "noexecstack")
    files = [*c_files, *subject, library]
    command = ["cc", *flags, *map(str, files), f"-Wl,-rpath,{library.parent}"]
    done = subprocess.run(
        [*command, "-o", folder / "measure"],
        cwd=sources, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "measure"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_the_program_checks_its_answers_and_prints_times(sources: Path, tmp_path: Path) -> None:
    done = run(compiled(sources, tmp_path), 0.05)
    assert done.returncode == 0, done.stderr
    measured = parse_measured(done.stdout.encode(), "here")
    assert measured.choice == "learning all layers, 8-bit state"
    assert measured.machine["system"] == "Linux"
    for kind in ("open", "predict", "learn"):
        work = measured.work[kind]
        assert 0.05 < work.min_us <= work.median_us < 1e5
        assert work.windows >= 3
    assert measured.work["learn"].min_us > measured.work["predict"].min_us
    assert 100 < measured.work["predict"].clock_mhz < 10_000


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ("host_scores", "a score of sample 3"),
        ("host_learnt", "what was predicted before learning step 11"),
        ("host_state", "the state after learning steps: 12"),
    ],
)
def test_an_answer_that_is_not_the_hosts_ends_it_with_5(
    sources: Path, tmp_path: Path, array: str, said: str
) -> None:
    changed = tmp_path / "sources"
    shutil.copytree(sources, changed)
    content = bytearray((changed / array).read_bytes())
    content[-1] ^= 1
    (changed / array).write_bytes(content)
    done = run(compiled(changed, tmp_path), 0)
    assert (done.returncode, done.stdout) == (5, "")
    assert said in done.stderr


@pytest.mark.parametrize("words", [("x",), ("-1",), ("1", "2"), ("nan",)])
def test_it_refuses_what_is_no_number_of_seconds(
    program_here: Path, words: tuple[str, ...]
) -> None:
    assert run(program_here, *words).returncode == 2


@pytest.fixture(scope="module")
def program_here(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(sources, tmp_path_factory.mktemp("compiled"))


def test_samples_of_a_step_lie_together(blob: bytes) -> None:
    running = session.start(blob, boards.load(BOARD), "all", Options(batch=6))
    samples = session.samples_to_run(running, None, None, 4)
    whole = linux_program.whole_batches(samples, 6)
    assert len(whole.x) == 12
    assert (whole.x[4:8] == samples.x).all()


def test_a_board_without_linux_is_refused(blob: bytes) -> None:
    with pytest.raises(InputError, match="runs no Linux") as caught:
        linux_program.linux_program(blob, "nrf52840")
    assert caught.value.code == "E-BOARD-LINUX"


# ---- through ssh ---------------------------------------------------------------------------------

#: Stands for ssh: runs the command here, with the emulator for programs of the other processor.
FAKE_SSH = """#!/bin/sh
[ "$1" = -- ] && [ "$2" = pi@raspi ] || {{ echo "no route to $2" >&2; exit 255; }}
[ "$3" = "uname -m" ] && {{ echo {processor}; exit 0; }}
exec sh -c "$(printf '%s' "$3" | sed 's,; "$d/measure",; {emulator} "$d/measure" 0.05,')"
"""


def fake_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, processor: str, emulator: str) -> None:
    folder.mkdir()
    (folder / "ssh").write_text(FAKE_SSH.format(processor=processor, emulator=emulator))
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_program_is_run_there_and_nothing_stays(
    program_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path / "bin", monkeypatch, "aarch64", "")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert remote.processor_of("pi@raspi") == "aarch64"
    printed = remote.run_there("pi@raspi", program_here.read_bytes())
    assert json.loads(printed)["same_as_host"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_a_host_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path / "bin", monkeypatch, "sparc64", "")
    with pytest.raises(InputError, match='its processor is "sparc64"'):
        remote.processor_of("pi@raspi")
    with pytest.raises(MetabitError, match=r"ssh ended with 255: no route to pi@nowhere") as caught:
        remote.processor_of("pi@nowhere")
    assert caught.value.code == "E-SSH"
    for host in ("", "-oProxyCommand=x", "pi@a b"):
        with pytest.raises(InputError, match="is no host"):
            remote.processor_of(host)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MetabitError, match="ssh is not installed"):
        remote.processor_of("pi@raspi")


# ---- as zig builds it, on the emulated processors ------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("processor", "emulator"), [("aarch64", "qemu-aarch64"), ("armv7l", "qemu-arm")]
)
def test_the_static_program_runs_on_the_processor_it_was_built_for(
    tmp_path: Path, processor: str, emulator: str
) -> None:
    blob = dumps(random_model((65, 33, 5), seed=4, golden=2))
    made = linux_program.linux_program(blob, BOARD, processor=processor, learn="all")
    program = tmp_path / "measure"
    program.write_bytes(made.elf)
    program.chmod(0o755)
    system = {
        "proc/device-tree/model": "Raspberry Pi 3 Model B Plus Rev 1.3\0",
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd03\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    }
    for path, text in system.items():
        (tmp_path / "root" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / path).write_text(text)
    done = run(emulator, "-L", tmp_path / "root", program, 0.05)
    assert done.returncode == 0, done.stderr
    measured = parse_measured(done.stdout.encode(), "qemu")
    assert measured.built_for == processor
    assert measured.core == "cortex-a53"
    assert measured.throttled
    machine: dict[str, Any] = measured.machine
    assert machine["board"] == "Raspberry Pi 3 Model B Plus Rev 1.3"
    assert machine["governor"] == "ondemand"
    assert json.loads(done.stdout)["kernels"] == "neon"
