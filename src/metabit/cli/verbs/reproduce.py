"""`metabit reproduce`: a benchmark of a paper, from its runs to its table."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.progress import SharesBar
from metabit.cli.tables import percent, table
from metabit.errors import MetabitError
from metabit.extras import need

if TYPE_CHECKING:
    from metabit.trainer.reproduction.benchmark import Benchmark, Row
    from metabit.trainer.reproduction.engines import Failure
    from metabit.trainer.reproduction.jobs import Job
    from metabit.trainer.reproduction.runner import Workers


@verb("reproduce")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--list", "lists", is_flag=True,
    help="List NAME, or all benchmarks, and what each needs; so does the command without NAME.",
)  # fmt: skip
@click.option(
    "--scale", type=click.Choice(["small", "paper"]), default="small", show_default=True,
    help="small: sizes for two cores. paper: the sizes of the paper.",
)  # fmt: skip
@click.option(
    "--seeds", "n_seeds", type=click.IntRange(min=1), metavar="N",
    help="How many seeds, from 0 on. Default: as many as the benchmark says. With --search: from "
    "100 on, one seed by default.",
)  # fmt: skip
@click.option(
    "--jobs", "n_workers", type=click.IntRange(min=1), metavar="N",
    help="How many runs at the same time. Default: one per core.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["pool", "ray"]), default="pool", show_default=True,
    help="pool: processes on this machine. ray: the Ray cluster at RAY_ADDRESS, or a local one.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["cpu", "cuda", "auto"]), default="cpu", show_default=True,
    help="Where networks are trained. auto: on a graphics processor where there is one.",
)  # fmt: skip
@click.option("--rows", "labels", metavar="LABEL,...", help="Run only these rows of the table.")
@click.option(
    "--search", is_flag=True,
    help="Do not run the rows; choose the values that they leave open, on validation data.",
)  # fmt: skip
@click.option(
    "--again", is_flag=True, help="Repeat finished runs, for example after a change of the code."
)
@click.option(
    "-o", "--out", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder for the runs. Default: runs/NAME.",
)  # fmt: skip
@click.option(
    "--save", is_flag=True,
    help="Save the results to this source checkout and docs/RESULTS.md. Rows that were saved "
    "before and were not run now stay.",
)  # fmt: skip
def command(
    out: Output, name: str | None, lists: bool, scale: str, n_seeds: int | None,
    n_workers: int | None, engine: str, device: str, labels: str | None, search: bool, again: bool,
    folder: Path | None, save: bool,
) -> Answer:  # fmt: skip
    """Run the benchmark NAME and print its table.

    NAME is a benchmark that comes with metabit, or the path of your own .toml file. Without NAME,
    those that come with metabit are listed.

    Every row of the table is trained once per seed, in folders of their own below DIR. Finished
    runs are not repeated, interrupted runs continue, and a run that fails is tried three times. All
    numbers are written to DIR/SCALE/results.json.
    """
    from metabit.trainer.reproduction import benchmark as benchmarks
    from metabit.trainer.reproduction.runner import ENGINES, Workers

    if name is None or lists:
        listed = benchmarks.names() if name is None else [name]
        return _list(out, [benchmarks.load(each) for each in listed])
    chosen = benchmarks.load(name).on(device)
    rows = [chosen.row(label.strip()) for label in labels.split(",")] if labels else chosen.rows
    need("reproduce")
    if device != "cpu":  # a device that is not there is refused before any job, which loads PyTorch
        from metabit.trainer.devices import find_device

        find_device(device)
    where = folder or Path("runs") / chosen.name
    with _kept(out, where, again), JobsBar() as bar:
        n = n_workers or os.cpu_count() or 1
        workers = Workers(ENGINES[engine], n, bar, again)
        if search:
            return _search(out, chosen, rows, scale, n_seeds or 1, where, workers)
        return _reproduce(out, chosen, rows, scale, n_seeds or chosen.seeds, where, workers, save)


@contextlib.contextmanager
def _kept(out: Output, folder: Path, again: bool) -> Iterator[None]:
    """A context that says at Ctrl-C what is kept, and how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        how = "the same command without --again" if again else "the same command"
        out.note(f"interrupted: finished runs are kept in {folder}; {how} continues")
        raise


def _list(out: Output, found: Sequence[Benchmark]) -> Answer:
    from metabit.trainer.reproduction.needs import needs

    rows = table("", "benchmark", ">rows", ">small", ">paper", ">memory", "what")
    listed = []
    for one in found:
        need_at = {scale: needs(one, scale) for scale in ("small", "paper")}
        memory = f"{max(each.memory_bytes for each in need_at.values()) / 1e9:.1f} GB"
        times = [_hours(each.core_hours) for each in need_at.values()]
        rows.add_row(one.name, str(len(one.rows)), *times, memory, one.title)
        fields = {key: getattr(one, key) for key in ("name", "title", "source", "seeds")}
        needed = {scale: asdict(each) for scale, each in need_at.items()}
        listed.append(fields | {"needs": needed})
    out.show(rows)
    out.line(
        "Time of one core for all rows and seeds, and memory of the largest run: estimates within "
        "a factor of three. None needs a GPU; --device cuda uses one, but for experiments (those "
        "with one row)."
    )
    return {"benchmarks": listed}


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.0f} min" if hours > 0.01 else "1 min"


def _reproduce(
    out: Output, benchmark: Benchmark, rows: Sequence[Row], scale: str, n_seeds: int, folder: Path,
    workers: Workers, save: bool,
) -> Answer:  # fmt: skip
    from metabit.trainer.circumstances import commit, commit_in_words
    from metabit.trainer.reproduction import page, tables
    from metabit.trainer.reproduction.runner import reproduce

    document, failures = reproduce(benchmark, rows, scale, n_seeds, folder, workers)
    titles, cells = tables.table(document, brief=True)
    shown = table(
        f"{benchmark.title}; scale {scale}", titles[0], *(f">{title}" for title in titles[1:])
    )
    for row in cells:
        shown.add_row(*row)
    out.show(shown)
    for line in tables.extra_metric_lines(document):
        out.line(line)
    for line in tables.target_lines(document):
        out.line(line, "green" if line.startswith("met") else "yellow")
    others = [at for at in document["circumstances"].get("commit", []) if at != commit()]
    if others:
        words = " and ".join(map(commit_in_words, others))
        out.line(f"some runs are of other sources, {words}: --again does them again", "yellow")
    answer = {"folder": folder, "failed": [_failed(failure) for failure in failures], **document}
    del answer["schema"]
    out.partial = answer
    _refuse(failures)
    if save:
        out.line(f"saved: {page.save(benchmark, document)}")
    return answer


def _search(
    out: Output, benchmark: Benchmark, rows: Sequence[Row], scale: str, n_seeds: int, folder: Path,
    workers: Workers,
) -> Answer:  # fmt: skip
    from metabit.trainer.reproduction.runner import search_rows
    from metabit.trainer.reproduction.search import chosen_path

    document, failures = search_rows(benchmark, rows, scale, n_seeds, folder, workers)
    _print_choice(out, f"{benchmark.title}; scale {scale}: accuracy on validation data", document)
    if document["rows"]:
        out.line(f"kept in {chosen_path(benchmark, scale)}")
    answer = {"failed": [_failed(failure) for failure in failures], **document}
    del answer["schema"]
    out.partial = answer
    _refuse([failure for failure in failures if failure.code != "E-DIVERGED"])
    return answer


def _print_choice(out: Output, title: str, document: dict[str, Any]) -> None:
    shown = table(title, "", "values", ">end")
    for label, entry in document["rows"].items():
        for tried in entry["tried"]:
            words = ", ".join(f"{key} = {value}" for key, value in tried["values"].items())
            mean = "diverged" if tried["mean"] is None else percent(tried["mean"])
            best = tried["values"] == entry["chosen"]
            shown.add_row(label, words, mean, style="bold" if best else "")
    out.show(shown)
    for label, entry in document["rows"].items():
        values = ", ".join(f"{key} = {value}" for key, value in entry["chosen"].items())
        edges = f"; {' and '.join(entry['at_the_edge'])} at the edge of the grid"
        out.line(f"{label}: {values} chosen{edges if entry['at_the_edge'] else ''}")


def _failed(failure: Failure) -> dict[str, Any]:
    return {"job": failure.job.label, "code": failure.code, "reason": failure.reason}


def _refuse(failures: Sequence[Failure]) -> None:
    """A table with gaps is printed, but is no success."""
    if failures:
        first = failures[0]
        raise MetabitError(
            f"{len(failures)} runs failed, the first one {first.job.label}: {first.reason}; "
            "the same command continues them",
            code="E-JOBS",
        )


class JobsBar(SharesBar):
    """`metabit.trainer.reproduction.engines.Watcher` drawn as one bar over all jobs."""

    def __init__(self) -> None:
        super().__init__()
        self._n_jobs = 0

    def planned(self, n_jobs: int, n_finished: int) -> None:
        """One bar over all jobs; those that were finished before count."""
        self._n_done, self._n_jobs = n_finished, n_jobs
        self._id = self._bar.add_task("runs", total=n_jobs, completed=n_finished, note="")

    def done(self, job: Job) -> None:
        """Move the bar by a whole job; where no bar is drawn, a line says it."""
        super().done(job)
        if self._bar.disable:
            self._bar.console.print(f"{self._n_done} of {self._n_jobs} done: {job.label}")

    def _draw(self) -> None:
        if self._id is not None:
            self._bar.update(self._id, completed=self._finished, note=self._note(60))
