"""`metabit device`: speak to a device that runs a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.device_lines import LineChoice, line_choice, line_options
from metabit.cli.options import CODES, FILE, LABEL, LIMIT, SPLIT, TASK
from metabit.cli.paths import ReadName, WriteFile
from metabit.cli.progress import progress
from metabit.cli.reading import read_for
from metabit.cli.tables import percent
from metabit.edge_runtime.options import HEADS
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import InputError, MismatchError, StorageError
from metabit.export.blob import Blob
from metabit.export.state_image import model_id
from metabit.extras import need
from metabit.files import write_whole
from metabit.firmware_sim import boards
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import UNKNOWN, Advance, Answered, LinkedDevice, session_of
from metabit.readers.rows import CsvOptions

#: What can be done -> whether it reads DATA, and whether it writes OUT.
ACTIONS = {
    "info": (False, False), "self-test": (False, False), "predict": (True, False),
    "learn": (True, False), "commit": (False, False), "state-out": (False, True),
    "state-in": (True, False),
}  # fmt: skip
#: What is for nothing where the device ends with the command and keeps nothing.
KEEPS = ("learn", "commit", "state-in")
SHOWN = 20
#: Characters of a board's name that a device tells.
NAME_LENGTH = 23


@verb("device")
@click.argument("action", type=click.Choice(list(ACTIONS)))
@FILE
@click.argument("data", metavar="[DATA]", required=False, type=ReadName())
@line_options
@click.option(
    "-o", "out_file", metavar="OUT", type=WriteFile(), help="With state-out: the file to write."
)
@click.option(
    "--commit-every", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
    help="With learn: let the device keep what it has learnt after so many samples.",
)  # fmt: skip
@click.option(
    "--again", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="With learn: 2 teaches DATA a second time, 3 a third time. Without it, the same command "
    "never teaches a sample twice.",
)  # fmt: skip
@click.option(
    "--estimate", is_flag=True,
    help="With predict and learn, where the device counts cycles: show beside them what `metabit "
    "profile` estimates for its board.",
)  # fmt: skip
@LIMIT
@SPLIT
@TASK
@LABEL
@CODES
def command(
    out: Output, action: str, file: Path, data: str | None, out_file: Path | None,
    commit_every: int, again: int, estimate: bool, **more: Any,
) -> Answer:  # fmt: skip
    """Speak to a device that runs FILE: over a serial line, emulated, or through a debug server.

    \b
    info FILE            what the device is, and what it has learnt
    self-test FILE       the golden samples, run on the device
    predict FILE DATA    labels of samples, given by the device
    learn FILE DATA      teach it labelled samples; it keeps what it has learnt
    commit FILE          let it keep what it has learnt
    state-out FILE -o S  what it has learnt, as a .mbs file
    state-in FILE S      put a learnt state into it, and let it keep that

    DATA is the same as for `metabit predict`. The line may lose and damage bytes, and the device
    may be reset: no wrong answer is accepted, and no sample is learnt twice. After Ctrl-C or an
    error, the same command continues where the device is.
    """
    chosen, reading = line_choice(more), more
    _check_words(action, data, out_file, chosen)
    blob = Blob.of(file)
    device = _open(blob, file, chosen)
    try:
        does: dict[str, Callable[[], Answer]] = {
            "info": lambda: _info(out, device),
            "self-test": lambda: _self_test(out, device, blob),
            "predict": lambda: _predict(out, device, blob, str(data), reading),
            "learn": lambda: _learn(out, device, blob, str(data), commit_every, again, reading),
            "commit": lambda: _commit(out, device),
            "state-out": lambda: _state_out(out, device, out_file),
            "state-in": lambda: _state_in(out, device, Path(str(data))),
        }
        answer = does[action]()
        if estimate and answer.get("cycles_per_sample") is not None:
            answer |= _estimate(out, device, blob, action, answer["cycles_per_sample"])
    finally:
        device.close()
    client = device.client
    line = {"n_sent_again": client.n_sent_again, "n_damaged": client.frames.n_damaged}
    return {"action": action, "file": file, "port": chosen.name, **answer, "line": line}


def _check_words(action: str, data: str | None, out_file: Path | None, chosen: LineChoice) -> None:
    reads, writes = ACTIONS[action]
    if reads != (data is not None) or writes != (out_file is not None):
        words = " DATA" if reads else " -o OUT" if writes else ""
        raise InputError(
            f"write it like this: metabit device {action} FILE{words} --port PORT", code="E-USAGE"
        )
    if action in KEEPS and chosen.forgets:
        raise InputError(
            f"what the emulated board learns ends with this command; name a file in which it keeps "
            f"that: metabit device {action} FILE --board {chosen.board} --kept kept.bin",
            code="E-USAGE",
        )


def _open(blob: Blob, file: Path, chosen: LineChoice) -> LinkedDevice:
    line = chosen.open(blob)
    try:
        device = LinkedDevice(LinkClient(line))
        if device.info.identity != model_id(blob.data):
            raise MismatchError(
                f"{chosen.name}: the device runs another model than {file} "
                f"({device.info.identity:08x}, not {model_id(blob.data):08x}); flash it, or "
                "name the file that it runs",
                code="E-DEVICE-MODEL",
            )
    except BaseException:
        line.close()
        raise
    return device


def _bar(what: str, work: Callable[[Advance], Any]) -> Any:
    """Do some work under a progress bar."""
    with progress() as bar:
        shown = bar.add_task(what, total=None, note="")
        return work(lambda done, total: bar.update(shown, completed=done, total=total))


def _info(out: Output, device: LinkedDevice) -> Answer:
    info, status = device.info, device.status()
    out.line(
        f"{info.board or 'device'}: metabit {info.metabit}, kernels {info.kernels}, arena "
        f"{format_kib(info.arena_bytes)}"
    )
    if info.state_bytes == 0:
        out.line("nothing learns on it")
    else:
        unkept = "; what came last is not committed" if info.is_unkept else ""
        out.line(
            f"{status.n_steps:,} samples since export, {info.n_learnt:,} of them in this session; "
            f"state {format_kib(info.state_bytes)}{unkept}"
        )
    out.line("it keeps what it commits" if info.has_storage else "it has no storage")
    if info.restored < 0:
        out.line("what it had kept could not be loaded: damaged, or of another model", "yellow")
    return {
        "device": {
            **{k: v for k, v in vars(info).items() if k != "options"},
            "session": f"{info.session:016x}",
        },
        "status": vars(status),
    }


def _self_test(out: Output, device: LinkedDevice, blob: Blob) -> Answer:
    cycles = device.self_test()
    golden = blob.model.golden
    n = 0 if golden is None else len(golden.inputs)
    out.line(f"self-test on the device: {n} golden samples, scores equal")
    return {"n_samples": n, "cycles": cycles}


def _predict(
    out: Output, device: LinkedDevice, blob: Blob, data: str, reading: dict[str, Any]
) -> Answer:
    samples = _samples(out, blob, data, reading)
    names = ClassNames(blob.model, device.info.n_outputs)
    truth = names.numbers(samples, learning=False)
    told: Answered = _bar("predicting", lambda tick: device.predict(samples.x, tick))
    words = ", ".join(map(names, told.labels[:SHOWN].tolist()))
    out.line(f"labels: {words}{' ...' if len(told.labels) > SHOWN else ''}")
    accuracy = None if truth is None else float(np.mean(told.labels == truth))
    if accuracy is not None:
        out.line(f"accuracy on {samples.where}: {percent(accuracy)}")
    return {
        "data": samples.where,
        "n_samples": len(told.labels),
        "labels": told.labels.tolist(),
        "accuracy": accuracy,
        **_time(out, device, told),
    }


def _learn(
    out: Output, device: LinkedDevice, blob: Blob, data: str, every: int, again: int,
    reading: dict[str, Any],
) -> Answer:  # fmt: skip
    samples = _samples(out, blob, data, reading)
    truth = ClassNames(blob.model, device.info.n_outputs).numbers(samples, learning=True)
    assert truth is not None, "learning without labels is refused"
    session = session_of(device.info.identity, samples.x, truth, again)
    every = every if device.info.has_storage else 0
    try:
        told: Answered = _bar(
            "learning",
            lambda tick: device.learn(
                session, samples.x, truth, commit_every=every, progress=tick
            ),
        )  # fmt: skip
    except KeyboardInterrupt:
        if every:
            n_kept = device.commit()[1]
            out.note(f"interrupted: the device keeps {n_kept:,} samples; run the same command")
        raise
    known = told.labels != UNKNOWN
    accuracy = float(np.mean(told.labels[known] == truth[known])) if known.any() else None
    n = len(truth)
    before = f", {told.n_before:,} of them before" if told.n_before else ""
    right = "" if accuracy is None else f": right {percent(accuracy)} as they came"
    out.line(f"learnt {n:,} samples of {samples.where}{before}{right}", "bold")
    if told.n_before == n:
        out.line(f"all were learnt before; --again {again + 1} teaches them once more")
    out.line(
        "the device keeps them" if every else
        "the device has no storage: state-out saves what it has learnt", "" if every else "yellow",
    )  # fmt: skip
    return {
        "data": samples.where,
        "n_samples": n,
        "n_learnt_before": told.n_before,
        "prequential_accuracy": accuracy,
        "session": f"{session:016x}",
        "is_kept": bool(every),
        **_time(out, device, told),
    }


def _commit(out: Output, device: LinkedDevice) -> Answer:
    session, n = device.commit()
    out.line(f"the device keeps what it has learnt: {n:,} samples of its session")
    return {"session": f"{session:016x}", "n_learnt": n}


def _state_out(out: Output, device: LinkedDevice, path: Path | None) -> Answer:
    assert path is not None, "an action without its file is refused"
    image = _bar("state out", device.state_out)
    write_whole(path, image)
    out.line(f"{path}: what the device has learnt, {len(image):,} bytes")
    return {"state": path, "state_bytes": len(image)}


def _state_in(out: Output, device: LinkedDevice, path: Path) -> Answer:
    try:
        image = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}", code="E-IO") from error
    _bar("state in", lambda tick: device.state_in(image, tick))
    if device.info.has_storage:
        device.commit()
    out.line(f"the device has the state of {path}" + (", and keeps it" * device.info.has_storage))
    return {"state": path, "state_bytes": len(image), "is_kept": device.info.has_storage}


def _samples(out: Output, blob: Blob, data: str, reading: dict[str, Any]) -> Any:
    csv = CsvOptions(reading["label"], reading["codes"])
    more = {key: reading[key] for key in ("limit", "split", "task")}
    return read_for(out, data, blob.model, csv=csv, **more)


def _estimate(out: Output, device: LinkedDevice, blob: Blob, action: str, cycles: float) -> Answer:
    """What `profile` says of the same work on the device's board, beside what it measured."""
    need("profile, simulate")
    from metabit.firmware_sim.profile import profile

    options, told = device.info.options, device.info.board
    board = next((name for name in boards.names() if name[:NAME_LENGTH] == told), told)
    learn = HEADS[options.head - 1] if options.head else options.learn_layers
    made = profile(
        blob, board, learn=learn, bits=options.state_bits, bank=options.bank,
        batch=options.batch,
    )  # fmt: skip
    work = made.predict if action == "predict" else made.learn
    if work is None or work.estimate is None:
        out.line(f'core "{made.core}" has no cost model: nothing is estimated', "yellow")
        return {"estimated_cycles": None, "cycles_ratio": None}
    low, typical, high = (each / work.n_samples for each in work.estimate.cycles)
    ratio = cycles / typical
    out.line(
        f"estimated: {typical:,.0f} cycles per sample, {low:,.0f} to {high:,.0f}; "
        f"measured is {ratio:.2f} of that"
    )
    return {"estimated_cycles": [low, typical, high], "cycles_ratio": ratio}


def _time(out: Output, device: LinkedDevice, told: Answered) -> Answer:
    """What the device measured, said and returned."""
    clock = device.info.clock_hz
    us = 1e6 * told.cycles / clock if told.cycles is not None and clock else None
    if told.cycles is not None:
        at = "" if us is None else f", {us:,.1f} us at {clock / 1e6:g} MHz"
        out.line(f"measured on the device: {told.cycles:,.0f} cycles per sample{at}")
    return {"cycles_per_sample": told.cycles, "us_per_sample": us}
