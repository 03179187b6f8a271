"""`metabit bench`: how fast a model runs here, layer by layer, and beside other runtimes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metabit.bench import rivals as others
from metabit.bench.layers import ROOFS
from metabit.bench.rival_networks import shapes_of
from metabit.bench.subject import PREDICT, Subject
from metabit.bench.timing import Contestant, Limits, Times, take_turns
from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import BANK, BITS, FILE, THREADS, learn_option
from metabit.cli.paths import ReadName, WriteFile
from metabit.cli.progress import Bar
from metabit.cli.tables import format_us, table, table_below
from metabit.edge_runtime.threads import number_of_threads
from metabit.export.blob import Blob
from metabit.extras import need, pip_command
from metabit.readers.read import read_samples

if TYPE_CHECKING:
    from rich.progress import TaskID

    from metabit.bench.rivals import Rival

TORCH = "PyTorch, learning step"


@verb("bench")
@FILE
@click.option(
    "--data",
    metavar="DATA",
    type=ReadName(),
    help="Samples, as for `metabit predict`. Default: random samples.",
)
@click.option(
    "--num-runs",
    type=click.IntRange(min=3),
    metavar="N",
    default=100,
    show_default=True,
    help="Windows measured for each network and layer.",
)
@click.option(
    "--warmup-runs",
    type=click.IntRange(min=0),
    metavar="N",
    default=3,
    show_default=True,
    help="Windows before them that are not counted.",
)
@click.option(
    "--max-secs",
    type=click.FloatRange(min=0.1),
    metavar="S",
    default=10.0,
    show_default=True,
    help="Seconds for each of the tables.",
)
@THREADS
@click.option("--alone", is_flag=True, help="Leave out the other runtimes and PyTorch.")
@click.option(
    "--plot", metavar="FILE", type=WriteFile(), help="Also draw the times into this .png file."
)
@learn_option("all")
@BITS
@BANK
def command(
    out: Output, file: Path, data: str | None, num_runs: int, warmup_runs: int, max_secs: float,
    threads: int | None, alone: bool, plot: Path | None, learn: str, bits: int, bank: int,
) -> Answer:  # fmt: skip
    """Measure the speed of FILE on this machine: the whole network, every layer, a learning step.

    For comparison, networks of the same shape in int8 and float run in ONNX Runtime and LiteRT, and
    PyTorch does the same learning step, if these are installed.

    All of them take turns in windows of at most a millisecond (or one call), and the clock
    frequency is measured next to every window. Compare times within a table, not between runs.
    """
    if plot is not None:
        need("bench --plot")
    n_threads = number_of_threads(threads)
    subject = _subject(file, data, learn, bits, bank, n_threads)
    limits = Limits(num_runs, warmup_runs, max_secs)
    rivals: list[Rival] = []
    if not alone:
        rivals = others.rivals(shapes_of(subject.model), n_threads)
    runs = [subject.predicting(), subject.predicting_from_python(), *(r.contestant for r in rivals)]
    steps = _steps(subject, alone)
    with RoundsBar() as bar:
        whole = take_turns(runs, limits, bar.rounds("network", limits))
        single = take_turns(subject.single_layers(), limits, bar.rounds("layers", limits))
        # Samples differ in what they teach, so that a window should hold several.
        longer = replace(limits, window_us=1000.0)
        learnt = take_turns(steps, longer, bar.rounds("learning", limits)) if steps else {}
    layers = _layers(subject, single)
    _print_contestants(out, f"{file}: one sample", whole)
    _print_layers(out, layers, whole[PREDICT])
    if learnt:
        out.line("")
        _print_contestants(out, "learning one sample", learnt)
    _print_notes(out, whole[PREDICT], subject, alone)
    if plot is not None:
        _write_plot(out, plot, file, whole, single, learnt)
    return {
        "file": file,
        "path": subject.path,
        "threads": n_threads,
        "predict": {name: times.to_dict() for name, times in whole.items()},
        "layers": layers,
        "learn": {name: times.to_dict() for name, times in learnt.items()},
        "rivals": [
            {"name": r.contestant.name, "runtime": r.runtime, "kind": r.kind, "bytes": r.file_bytes}
            for r in rivals
        ],
    }


def _subject(
    file: Path, data: str | None, learn: str, bits: int, bank: int, threads: int
) -> Subject:
    blob = Blob.of(file)
    if data is None:
        return Subject(blob, learn=learn, bits=bits, bank=bank, threads=threads)
    samples = read_samples(data, blob.model)
    return Subject(blob, samples.x, samples.y, learn=learn, bits=bits, bank=bank, threads=threads)


def _steps(subject: Subject, alone: bool) -> list[Contestant]:
    """The learning step, and a step of PyTorch where it is installed and the network is dense."""
    if not subject.can_learn:
        return []
    steps = [subject.learning()]
    if subject.widths and not alone and importlib.util.find_spec("torch"):
        from metabit.trainer.runs.torch_step import torch_step

        assert subject.model.learn is not None
        run = torch_step(
            subject.widths, subject.samples, subject.labels,
            zero_point=subject.model.input.zero_point, m=subject.model.learn.m[0],
        )  # fmt: skip
        steps.append(Contestant(TORCH, run))
    return steps


def _layers(subject: Subject, single: Mapping[str, Times]) -> list[Answer]:
    rows = []
    for work, times in zip(subject.layers, single.values(), strict=True):
        speed = work.macs / times.cycles
        rows.append(
            {
                "name": work.name, "kind": work.kind, "macs": work.macs,
                "touched_bytes": work.touched_bytes, **times.to_dict(), "macs_per_cycle": speed,
                "share_of_roof": work.roof_share(speed, subject.path),
            }
        )  # fmt: skip
    return rows


def _print_contestants(out: Output, title: str, measured: Mapping[str, Times]) -> None:
    """A row per contestant; the last column compares with the first of them."""
    rows = table(title, "", ">min", ">median", ">p99", ">cycles", ">times as long")
    first = next(iter(measured.values()))
    for name, times in measured.items():
        rows.add_row(
            name, *(format_us(us) for us in (times.min_us, times.median_us, times.p99_us)),
            f"{times.cycles:,.0f}", f"{times.min_us / first.min_us:.2f}",
        )  # fmt: skip
    out.show(rows)


def _print_layers(out: Output, layers: list[Answer], whole: Times) -> None:
    rows = table_below(
        "each layer alone, its weights near the processor", "layer", ">MAC", ">bytes touched",
        ">min", ">median", ">p99", ">MAC/cycle", ">of the roof",
    )  # fmt: skip
    for row in layers:
        rows.add_row(
            f"{row['name']} ({row['kind']})", f"{row['macs']:,}", f"{row['touched_bytes']:,}",
            *(format_us(row[key]) for key in ("min_us", "median_us", "p99_us")),
            f"{row['macs_per_cycle']:.1f}",
            "-" if row["share_of_roof"] is None else f"{row['share_of_roof']:.0%}",
        )  # fmt: skip
    rest = whole.min_us - sum(row["min_us"] for row in layers)
    rows.add_section()
    macs = sum(row["macs"] for row in layers)
    rows.add_row("scores, label, and what caches cost", "", "", format_us(max(0.0, rest)))
    rows.add_row(
        "whole network", f"{macs:,}", f"{sum(row['touched_bytes'] for row in layers):,}",
        *(format_us(us) for us in (whole.min_us, whole.median_us, whole.p99_us)),
        f"{macs / whole.cycles:.1f}", style="bold",
    )  # fmt: skip
    out.show(rows)


def _print_notes(out: Output, whole: Times, subject: Subject, alone: bool) -> None:
    clock = whole.to_dict()["clock_mhz"]
    roof = ROOFS.get(subject.path)
    words = "" if roof is None else f"; the roof of layers of bits is {roof:.0f} MAC/cycle"
    out.line("")
    out.line(f"kernels: {subject.path}{words}", "dim")
    out.line(
        f"clock, by dependent additions beside each window: {clock['median']:,.0f} MHz, from "
        f"{clock['min']:,.0f} to {clock['max']:,.0f}; {whole.calls} calls per window",
        "dim",
    )
    if alone:
        return
    for name, packages in others.missing().items():
        lacking = ", ".join(packages)
        out.line(f"{name} is left out: {lacking} missing, {pip_command(packages)}", "yellow")


def _write_plot(
    out: Output, path: Path, file: Path, whole: Mapping[str, Times], single: Mapping[str, Times],
    learnt: Mapping[str, Times],
) -> None:  # fmt: skip
    from metabit.cli.bench_plot import picture
    from metabit.files import write_whole

    write_whole(path, picture(str(file), whole, single, learnt))
    out.line(f"picture: {path}")


class RoundsBar(Bar):
    """A progress bar of rounds of windows."""

    def rounds(self, name: str, limits: Limits) -> Callable[[], None]:
        """Begin a row; what is returned moves it on by one round."""
        task: TaskID = self._bar.add_task(name, total=limits.num_runs, note="")
        return lambda: self._bar.advance(task)
