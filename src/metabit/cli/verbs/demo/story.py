"""The story that `metabit demo` tells, on bundled real data.

A wearable recognises what its owner does. Twelve people teach it six activities before it is sold;
on the device it meets twelve other people, and postural transitions that it has never seen. It is
to learn those without forgetting the six activities, in the memory of a microcontroller. Six more
people, who never teach it anything, say how well that went.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabit import __version__
from metabit.cli.common import Answer, Output
from metabit.cli.progress import TrainingBar, progress
from metabit.cli.tables import budget_bar, format_us, percent, table
from metabit.cli.verbs.demo.findings import RAM_BUDGET, LearningCurve, Story
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import PARTS, Learn, plan
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.edge_runtime.task_banks import TaskBanks
from metabit.export import container
from metabit.export.file_sizes import file_sizes
from metabit.export.heads.home import HeadChoice
from metabit.export.spec import InputSpec, Model
from metabit.export.untrained import untrained
from metabit.export.windows import samples_of_raw
from metabit.files import make_folder, write_whole
from metabit.report import of_demo
from metabit.report.render import write
from metabit.report.words import made_now

if TYPE_CHECKING:
    from metabit.firmware_sim.profile import Profile
    from metabit.firmware_sim.simulate import Work
    from metabit.trainer.data.dataset import DataSet, Split

BOARDS = ("nrf52840", "raspberry-pi-3b-plus")
N_BASIC = 6  # classes 0...5 are activities, the rest postural transitions
#: The head gets as much RAM as the budget leaves it.
HEAD = HeadChoice(spare_classes=0, ram_bytes=48 * 1024)
PERMUTED_TASKS, PERMUTED_PASSES = 5, 4
PERMUTED_STEP, PERMUTED_M = 0.05, 8.0


def run(out: Output, *, folder: Path, seed: int) -> Answer:
    """Tell the story, write the report into `folder`, and return its numbers."""
    started = time.perf_counter()
    make_folder(folder)
    story = Story(seed)
    from metabit.trainer import data

    hapt = data.load("hapt")
    path = _train_and_export(out, story, folder, seed)
    hapt = _as_the_network_sees_it(hapt, path)
    old, new = _tests(hapt)
    story.n_old, story.n_new = len(old), len(new)
    _predict(out, story, path, old, new, hapt)
    _budget(out, story, path)
    _stream(out, story, path, hapt)
    _permuted_digits(out, story, data.load("digits"))
    _profile(out, story, path, hapt)
    story.seconds = time.perf_counter() - started
    return _report(out, story, folder)


# ---- on the host -----------------------------------------------------------------------------


def _train_and_export(out: Output, story: Story, folder: Path, seed: int) -> Path:
    from metabit.export.from_run import from_run
    from metabit.trainer.prepare import prepare
    from metabit.trainer.recipe import recipe_from_dict

    _title(out, 1, "train on the host: 12 people, 6 activities")
    recipe = recipe_from_dict(_recipe(seed))
    prepared = prepare(recipe, _fresh(folder / "run"))
    from metabit.trainer.loop import train_prepared  # PyTorch, after what can be refused without it

    with TrainingBar() as bar:
        finished = train_prepared(prepared, progress=bar)
    out.line(
        f"statistics and a spectrum of every window, {prepared.dataset.n_inputs} features; then "
        f"{finished.metrics['n_weights']:,} weights of 1 bit, m = {recipe.method.m:g}; accuracy on "
        f"people never trained on: {percent(finished.metrics['acc'])}"
    )
    _title(out, 2, "export: weights in bits, and a head that continues learning")
    model = from_run(finished, head=HEAD)
    path = folder / "hapt.mbit"
    container.save(model, path)
    sizes = file_sizes(model, container.read_bytes(path))
    story.sizes, story.n_weights = asdict(sizes), model.n_weights
    rows = table("", "what", ">size", ">bits per weight")
    packed = sizes.file_bytes - sizes.learn_bytes - sizes.head_bytes
    for name, n_bytes in (
        ("float32 weights", sizes.float32_bytes),
        ("int8 weights", sizes.int8_bytes),
        ("packed model, as a device runs it", packed),
        ("learnt state, 8 bits per weight", sizes.learn_bytes),
        ("counting head", sizes.head_bytes),
    ):
        bits = 8 * n_bytes / model.n_weights
        rows.add_row(name, format_kib(n_bytes), f"{bits:.2f}")
    out.show(rows)
    return path


def _as_the_network_sees_it(hapt: DataSet, path: Path) -> DataSet:
    """Windows as the samples that the front end of the file makes of them."""
    front_end = container.load(path).front_end
    assert front_end is not None

    def seen(split: Split) -> Split:
        return replace(split, x=samples_of_raw(split.x, front_end, "hapt"))

    return replace(hapt, train=seen(hapt.train), test=seen(hapt.test), dtype="int8")


def _recipe(seed: int) -> dict[str, Any]:
    """The demo's recipe, which travels in the package."""
    import tomllib

    text = (files("metabit.cli.verbs.demo") / "demo.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    tables["train"]["seed"] = seed
    return tables


def _fresh(folder: Path) -> Path:
    """An empty place for the run: what an earlier demo left there is removed."""
    import shutil

    if (folder / "recipe.toml").exists():
        shutil.rmtree(folder)
    return folder


# ---- on the device ---------------------------------------------------------------------------


def _tests(hapt: DataSet) -> tuple[Split, Split]:
    """Activities and transitions of the six people who are never trained on."""
    return (
        hapt.test.of_classes(range(N_BASIC)),
        hapt.test.of_classes(range(N_BASIC, hapt.n_classes)),
    )


def _streamed(hapt: DataSet) -> Iterator[tuple[int, Split]]:
    """The twelve people the device meets, one after the other, in recording order."""
    assert hapt.train.subject is not None
    for subject in np.unique(hapt.train.subject)[12:]:
        yield int(subject), hapt.train.of_subjects([int(subject)])


def _predict(out: Output, story: Story, path: Path, old: Split, new: Split, hapt: DataSet) -> None:
    _title(out, 3, "run it with the C engine")
    engine = Engine(path)
    stream = [engine.predict(part.x) == part.y for _, part in _streamed(hapt)]
    story.before = {
        "old": engine.score(old.x, old.y),
        "new": engine.score(new.x, new.y),
        "all": engine.score(*_together(old, new)),
        "stream": float(np.concatenate(stream).mean()),
    }
    out.line(
        f"as exported: activities {percent(story.before['old'])}, transitions "
        f"{percent(story.before['new'])} (never seen), the 12 people to come "
        f"{percent(story.before['stream'])}"
    )


def _budget(out: Output, story: Story, path: Path) -> None:
    made = plan(path, learn="auto", ram=RAM_BUDGET)  # on a device, without interleaved weights
    story.ram_parts, story.arena_bytes = dict(made.parts), made.arena_bytes
    _title(out, 4, f"RAM, to the byte, in a budget of {RAM_BUDGET}: {made.choice}")
    rows = table("", "part", ">bytes", ">size")
    for name, n_bytes in sorted(made.parts.items(), key=lambda part: -part[1]):
        rows.add_row(PARTS[name], f"{n_bytes:,}", format_kib(n_bytes))
    rows.add_row("arena", f"{made.arena_bytes:,}", format_kib(made.arena_bytes), style="bold")
    out.show(rows)
    out.console.print(budget_bar(made.arena_bytes, parse_bytes(RAM_BUDGET)))


def _stream(out: Output, story: Story, path: Path, hapt: DataSet) -> None:
    _title(out, 5, "12 more people and their postural transitions, in recording order")
    old, new = _tests(hapt)
    parts = list(_streamed(hapt))
    m = _device_m(path)
    learners: tuple[tuple[str, Learn, float | None], ...] = (
        ("the head", "auto", None),
        (f"all layers, m = {m:g}", "all", m),
    )
    with progress() as bar:
        shown = bar.add_task(
            "learning on the device engine", total=len(learners) * len(parts), note=""
        )
        for name, learn, strength in learners:
            engine = Engine(path, learn=learn, ram=RAM_BUDGET, m=strength)
            curve = LearningCurve(name, strength)
            _test(curve, engine, old, new)
            right, seconds = [], 0.0
            for subject, part in parts:
                began = time.perf_counter()
                right.append(engine.learn(part.x, part.y) == part.y)
                seconds += time.perf_counter() - began
                curve.subjects.append(subject)
                curve.stream.append(float(right[-1].mean()))
                _test(curve, engine, old, new)
                bar.advance(shown)
            everything = np.concatenate(right)
            curve.prequential = float(everything.mean())
            curve.plasticity_left = engine.status().plasticity_left
            curve.step_us = 1e6 * seconds / len(everything)
            story.curves.append(curve)
    _print_stream(out, story)


def _device_m(path: Path) -> float:
    learn = container.load(path).learn
    assert learn is not None
    return learn.m[0]


def _test(curve: LearningCurve, engine: Engine, old: Split, new: Split) -> None:
    curve.old.append(engine.score(old.x, old.y))
    curve.new.append(engine.score(new.x, new.y))
    curve.all.append(engine.score(*_together(old, new)))


def _together(old: Split, new: Split) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.concatenate([old.x, new.x]), np.concatenate([old.y, new.y])


def _print_stream(out: Output, story: Story) -> None:
    rows = table(
        "", "", ">old activities", ">new transitions", ">all", ">the stream itself",
        ">plasticity left", ">step",
    )  # fmt: skip
    before = story.before
    rows.add_row(
        "nothing learns", percent(before["old"]), percent(before["new"]), percent(before["all"]),
        percent(before["stream"]), "", "",
    )  # fmt: skip
    for curve in story.curves:
        rows.add_row(
            curve.name, _from_to(curve.old), _from_to(curve.new), _from_to(curve.all),
            percent(curve.prequential),
            "-" if curve.m is None else percent(curve.plasticity_left), format_us(curve.step_us),
        )  # fmt: skip
    out.show(rows)
    head, layers = story.curves
    out.line(
        f"the head, which learns where nothing is set: {100 * (head.old[-1] - head.old[0]):+.1f} "
        f"points on the old activities, {100 * (head.new[-1] - head.new[0]):+.1f} on the new "
        f"transitions; all layers: {100 * (layers.old[-1] - layers.old[0]):+.1f} and "
        f"{100 * (layers.new[-1] - layers.new[0]):+.1f}"
    )


def _from_to(along: list[float]) -> str:
    """An accuracy before the stream and after it."""
    return f"{100 * along[0]:.1f} → {percent(along[-1])}"


# ---- where forgetting is worst -----------------------------------------------------------------


def _permuted_digits(out: Output, story: Story, digits: DataSet) -> None:
    _title(out, 6, "where forgetting is worst: five permuted tasks, from nothing, on the device")
    rng = np.random.default_rng(story.seed)
    orders = [rng.permutation(digits.n_inputs) for _ in range(PERMUTED_TASKS)]
    x = digits.train.x.reshape(-1, digits.n_inputs)
    tested = digits.test.x.reshape(-1, digits.n_inputs)
    first = x[:200][:, orders[0]]
    data = container.dumps(_permuted_model(first, story.seed, PERMUTED_TASKS))
    shuffles = [[rng.permutation(len(x)) for _ in range(PERMUTED_PASSES)] for _ in orders]
    with progress() as bar:
        shown = bar.add_task("permuted digits", total=3 * PERMUTED_TASKS, note="")
        engine = Engine(container.dumps(_permuted_model(first, story.seed, 1)), learn="auto")
        for task, order in enumerate(orders):
            for shuffle in shuffles[task]:
                engine.learn(x[shuffle][:, order], digits.train.y[shuffle])
            bar.advance(shown)
        story.permuted["nothing set, with contexts"] = [
            float(np.mean(engine.predict(tested[:, order]) == digits.test.y)) for order in orders
        ]
        for m in (PERMUTED_M, 0.0):
            banks = TaskBanks(data, m=m, step_levels=PERMUTED_STEP)
            for task, order in enumerate(orders):
                banks.begin(task)
                for shuffle in shuffles[task]:
                    banks.learn(task, x[shuffle][:, order], digits.train.y[shuffle])
                bar.advance(shown)
            story.permuted[f"one network, m = {m:g}"] = [
                banks.score(task, tested[:, order], digits.test.y)
                for task, order in enumerate(orders)
            ]
    rows = table("", "accuracy at the end on", *(f">task {k + 1}" for k in range(5)), ">mean")
    for name, scores in story.permuted.items():
        cells = [f"{100 * s:.1f}" for s in (*scores, float(np.mean(scores)))]
        rows.add_row(name, *cells)
    out.show(rows)
    out.line(
        f"with contexts, in {format_kib(engine.plan.needed_bytes)}, nobody names the task; one "
        "network is told it, and has a normalisation for each",
        "dim",
    )


def _permuted_model(samples: NDArray[Any], seed: int, n_banks: int) -> Model:
    spec = InputSpec("uint8", (samples.shape[1],))
    return untrained(spec, (256, 256, 10), samples, n_banks=n_banks, seed=seed)


# ---- boards ----------------------------------------------------------------------------------


def _profile(out: Output, story: Story, path: Path, hapt: DataSet) -> None:
    from metabit.firmware_sim.profile import profile

    _title(out, 7, "the same firmware on two emulated boards")
    samples = next(_streamed(hapt))[1]
    rows = table("", "board", ">RAM", ">flash", ">predict", ">learn one", ">instructions", "fits")
    for board in BOARDS:
        made = profile(path, board, learn="auto", x=samples.x[:4], y=samples.y[:4])
        story.profiles[board] = made.to_dict()
        rows.add_row(*_profile_row(made))
    out.show(rows)
    choices = {made["choice"] for made in story.profiles.values()}
    out.line(
        f"{' and '.join(sorted(choices))}; instructions of one learning step are counted on the "
        "emulated core, times are estimates",
        "dim",
    )


def _profile_row(made: Profile) -> list[str]:
    def typical(work: Work | None) -> str:
        if work is None or work.estimate is None:
            return "-"
        return format_us(work.estimate.microseconds[1])

    flash = made.flash
    return [
        made.board,
        f"{format_kib(made.ram.used_bytes)} of {format_kib(made.ram.available_bytes)}",
        format_kib(flash.used_bytes) if flash.available_bytes else "(in RAM)",
        typical(made.predict),
        typical(made.learn),
        "-" if made.learn is None else f"{made.learn.counts.total:,.0f}",
        "yes" if made.fits else "no",
    ]


# ---- report ----------------------------------------------------------------------------------


def _report(out: Output, story: Story, folder: Path) -> Answer:
    answer: Answer = {
        **asdict(story),
        "report": folder,
        "metabit": __version__,
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    text = json.dumps({"schema": "metabit/demo/1", **answer}, indent=1, default=str)
    write_whole(folder / "report.json", (text + "\n").encode())
    page = write(of_demo.page(answer, made_now()), folder / "index.html")
    out.line("")
    out.line(
        f"{story.seconds:.0f} s; report: {page}, numbers: {folder / 'report.json'}",
        "bold",
    )
    out.line(f"the model is {folder / 'hapt.mbit'}: try `metabit inspect {folder / 'hapt.mbit'}`")
    return answer


def _title(out: Output, number: int, text: str) -> None:
    out.line("")
    out.line(f"{number}. {text}", "bold")
