"""What `linux_program.py`'s program has measured, beside the estimate for the same work."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabit.errors import FormatError, InputError, MismatchError
from metabit.export.blob import Blob, ModelSource
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.profile import Profile
from metabit.firmware_sim.simulate import Work
from metabit.firmware_sim.toml_table import Range

SCHEMA = "metabit/measured/1"
#: Kinds of work, in the order of the table.
KINDS = ("open", "predict", "learn")
#: Names of cost models by Arm's number of the part, as /proc/cpuinfo has it.
PARTS = {
    "0xd03": "cortex-a53",
    "0xd04": "cortex-a35",
    "0xd05": "cortex-a55",
    "0xd07": "cortex-a57",
    "0xd08": "cortex-a72",
    "0xd0b": "cortex-a76",
}


@dataclass(frozen=True)
class MeasuredWork:
    """One kind of work as it was measured.

    Attributes:
        min_us, median_us: of one call, over all windows.
        cycles: of one call, from the quickest quarter of the windows.
        clock_mhz: the median of the clock beside the windows.
        windows: how many there were.
    """

    min_us: float
    median_us: float
    cycles: float
    clock_mhz: float
    windows: int


@dataclass(frozen=True)
class Measured:
    """What the program printed.

    Attributes:
        where: the file, or the host, for messages.
        model_sha256, choice, samples_per_step: what was measured.
        built_for: the processor that the program was built for.
        machine: what the machine says of itself; None where it does not say it.
        work: by kind, see `KINDS`; what was not measured is not there.
    """

    where: str
    model_sha256: str
    choice: str
    samples_per_step: int
    built_for: str
    machine: dict[str, str | int | None]
    work: dict[str, MeasuredWork]

    @property
    def core(self) -> str:
        """The core by the name of its cost model; empty where the machine does not say it."""
        return PARTS.get(str(self.machine.get("cpu_part")), "")

    @property
    def throttled(self) -> bool:
        """Whether a Raspberry Pi says that it has slowed down since it was switched on."""
        said = self.machine.get("throttled")
        return isinstance(said, str) and said.strip().lower() not in ("", "0", "0x0")


@dataclass(frozen=True)
class MeasuredBeside:
    """One kind of work, measured beside estimated.

    Attributes:
        kind: see `KINDS`.
        measured: what a call took.
        estimated_us, estimated_cycles: low, typical and high.
    """

    kind: str
    measured: MeasuredWork
    estimated_us: Range
    estimated_cycles: Range

    @property
    def ratio(self) -> float:
        """Measured over estimated time: above 1, the board is slower than was thought."""
        return self.measured.median_us / self.estimated_us[1]

    @property
    def cycles_ratio(self) -> float:
        """The same of cycles, on which the clock has no influence."""
        return self.measured.cycles / self.estimated_cycles[1]

    @property
    def within(self) -> bool:
        """Whether the measured time lies within the bar of the estimate."""
        return self.estimated_us[0] <= self.measured.median_us <= self.estimated_us[2]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "kind": self.kind,
            "measured_us": self.measured.median_us,
            "measured_min_us": self.measured.min_us,
            "measured_cycles": self.measured.cycles,
            "measured_clock_mhz": self.measured.clock_mhz,
            "estimated_us": self.estimated_us[1],
            "estimated_cycles": self.estimated_cycles[1],
            "ratio": self.ratio,
            "cycles_ratio": self.cycles_ratio,
            "within_bar": self.within,
        }


def read_measured(path: Path) -> Measured:
    """Read a file that the program wrote.

    Raises:
        InputError: it cannot be read (E-READ).
        FormatError: the program did not write it (E-MEASURED).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", code="E-READ") from error
    return parse_measured(data, str(path))


def parse_measured(data: bytes, where: str) -> Measured:
    """What the program printed.

    Args:
        data: its standard output.
        where: the file, or the host, for messages.

    Raises:
        FormatError: it is something else (E-MEASURED).
    """
    try:
        fields = json.loads(data)
        if fields["schema"] != SCHEMA or fields["same_as_host"] is not True:
            raise ValueError(f"its schema is {fields['schema']!r}, not {SCHEMA!r}")
        kinds = {kind: fields[kind] for kind in KINDS if fields[kind] is not None}
        if "predict" not in kinds:
            raise ValueError("no prediction was measured")
        return Measured(
            where=where,
            model_sha256=str(fields["model_sha256"]),
            choice=str(fields["choice"]),
            samples_per_step=int(fields["samples_per_step"]),
            built_for=str(fields["built_for"]),
            machine=dict(fields["machine"]),
            work={kind: _work(found) for kind, found in kinds.items()},
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{where}: not what a program of `metabit firmware` prints ({error}); run it again on "
            "the board, `./measure > measured.json`, and give that file",
            code="E-MEASURED",
        ) from error


def _work(fields: dict[str, Any]) -> MeasuredWork:
    made = MeasuredWork(
        min_us=float(fields["min_us"]),
        median_us=float(fields["median_us"]),
        cycles=float(fields["cycles"]),
        clock_mhz=float(fields["clock_mhz"]["median"]),
        windows=int(fields["windows"]),
    )
    if not (0 < made.min_us <= made.median_us < float("inf") and 0 < made.cycles < float("inf")):
        raise ValueError("its times are none")
    return made


def beside(measured: Measured, source: ModelSource, estimated: Profile) -> list[MeasuredBeside]:
    """What was measured beside what is estimated.

    Args:
        measured: of the same model, opened in the same way.
        source: the model that was profiled.
        estimated: its profile.

    Raises:
        MismatchError: another model, or another choice of what learns (E-MEASURED-OTHER).
    """
    blob = Blob.of(source)
    if measured.model_sha256 != hashlib.sha256(blob.data).hexdigest():
        raise MismatchError(
            f"{measured.where} was measured with another model than {blob.where}; build the "
            "program from this one with `metabit firmware`, and measure again",
            code="E-MEASURED-OTHER",
        )
    if measured.choice != estimated.choice:
        raise MismatchError(
            f"{measured.where} was measured while {measured.choice}, and the profile is of "
            f"{estimated.choice}; give both commands the same --learn, --bits and --batch",
            code="E-MEASURED-OTHER",
        )
    pairs = {"open": estimated.open, "predict": estimated.predict, "learn": estimated.learn}
    return [
        made
        for kind, work in pairs.items()
        if kind in measured.work and (made := _compare(kind, measured.work[kind], work)) is not None
    ]


def _compare(kind: str, measured: MeasuredWork, work: Work | None) -> MeasuredBeside | None:
    if work is None or work.estimate is None:
        return None
    return MeasuredBeside(kind, measured, work.estimate.microseconds, work.estimate.cycles)


def doubts(measured: Measured, board: Board) -> list[str]:
    """Why the two may differ although both are right: sentences for people."""
    found = []
    if measured.core and measured.core != board.core:
        found.append(f"measured on a {measured.core}, but {board.name} has a {board.core}")
    if measured.built_for != "aarch64":
        found.append(f"the program was built for {measured.built_for}, the estimate is of aarch64")
    clock = measured.work["predict"].clock_mhz
    low, _, high = (hz / 1e6 for hz in board.clock_range)
    if not 0.97 * low <= clock <= 1.03 * high:
        expected = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
        found.append(f"the clock ran at {clock:,.0f} MHz, the board's file has {expected} MHz")
    if measured.throttled:
        found.append("the board says that it has slowed down (heat, or too little voltage)")
    governor = measured.machine.get("governor")
    if governor not in (None, "performance"):
        found.append(f'the clock follows the load (governor "{governor}")')
    return found
