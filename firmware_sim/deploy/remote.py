"""Run a program on a machine that is reached by ssh: nothing is installed or kept there."""

from __future__ import annotations

import subprocess

from metabit.errors import InputError, MetabitError
from metabit.firmware_sim.deploy.linux_program import ALIASES, PROCESSORS

#: What the other machine does with the program that comes through standard input.
_RUN = (
    "set -e; d=$(mktemp -d); trap 'rm -rf \"$d\"' EXIT; "
    'cat > "$d/measure"; chmod 700 "$d/measure"; "$d/measure"'
)


def processor_of(host: str) -> str:
    """Which processor a machine has, as `PROCESSORS` names it.

    Args:
        host: as ssh takes it: user@name, or a name of the user's ssh configuration.

    Raises:
        InputError: the name is none, or metabit has no program for its processor (E-HOST).
        MetabitError: ssh is missing, or failed (E-SSH).
    """
    said = _ssh(host, "uname -m", b"").decode(errors="replace").strip()
    processor = ALIASES.get(said, said)
    if processor not in PROCESSORS:
        raise InputError(
            f'{host}: its processor is "{said}"; programs can be built for {", ".join(PROCESSORS)}',
            code="E-HOST",
        )
    return processor


def run_there(host: str, program: bytes) -> bytes:
    """Copy a program to a machine, run it, remove it, and return what it printed.

    Raises:
        InputError, MetabitError: as from `processor_of`; the program itself failed (E-SSH).
    """
    return _ssh(host, _RUN, program)


def _ssh(host: str, command: str, given: bytes) -> bytes:
    if not host or host.startswith("-") or any(c.isspace() for c in host):
        raise InputError(f'"{host}" is no host; write it like pi@raspberrypi.local', code="E-HOST")
    try:
        done = subprocess.run(
            ["ssh", "--", host, command], input=given, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise MetabitError(
            "ssh is not installed (Debian, Ubuntu: sudo apt install openssh-client)", code="E-SSH"
        ) from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MetabitError(
            f"{host}: ssh ended with {done.returncode}: {' '.join(lines[-2:])}", code="E-SSH"
        )
    return done.stdout
