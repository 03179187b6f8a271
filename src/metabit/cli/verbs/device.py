"""`metabit device`: speak to a device that runs a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.device_lines import LineChoice, line_choice, line_options, why_unmeasured
from metabit.cli.device_time import estimate as beside
from metabit.cli.device_time import say_time
from metabit.cli.options import CODES, FILE, LABEL, LIMIT, SPLIT, TASK
from metabit.cli.paths import ReadName, WriteFile
from metabit.cli.progress import progress
from metabit.cli.reading import read_for
from metabit.cli.self_tests import self_test_told
from metabit.cli.tables import percent
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import InputError, MismatchError, StorageError
from metabit.export.blob import Blob
from metabit.export.states.state_image import model_id
from metabit.files import write_whole
from metabit.firmware_sim.link.choice import plan_of
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import Advance, Answered, LinkedDevice, session_of
from metabit.firmware_sim.link.steps import UNKNOWN
from metabit.plain_file import plain_bytes
from metabit.readers.rows import CsvOptions
from metabit.readers.samples import ReadSamples

#: What can be done -> whether it reads DATA, and whether it writes OUT.
ACTIONS = {
    "info": (False, False), "self-test": (False, False), "predict": (True, False),
    "learn": (True, False), "commit": (False, False), "state-out": (False, True),
    "state-in": (True, False),
}  # fmt: skip
#: What is for nothing where the device ends with the command and keeps nothing.
KEEPS = ("learn", "commit", "state-in")
SHOWN = 20


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
            "info": lambda: _info(out, device, blob),
            "self-test": lambda: _self_test(out, device, blob),
            "predict": lambda: _predict(out, device, blob, str(data), reading),
            "learn": lambda: _learn(out, device, blob, str(data), commit_every, again, reading),
            "commit": lambda: _commit(out, device),
            "state-out": lambda: _state_out(out, device, out_file),
            "state-in": lambda: _state_in(out, device, Path(str(data))),
        }
        answer = does[action]()
        if estimate and answer.get("cycles_per_sample") is not None:
            cycles, of_frames = answer["cycles_per_sample"], answer["front_end_on"] == "device"
            answer |= beside(out, device, blob, action, cycles, of_frames=of_frames)
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


def _info(out: Output, device: LinkedDevice, blob: Blob) -> Answer:
    info, status = device.info, device.status()
    out.line(
        f"{info.board or 'device'}: metabit {info.metabit}, kernels {info.kernels}, arena "
        f"{format_kib(info.arena_bytes)}"
    )
    chosen = plan_of(info, blob)
    if info.state_bytes == 0:
        out.line("nothing learns on it")
    else:
        unkept = "; what came last is not committed" if info.is_unkept else ""
        out.line(
            f"{chosen.choice}: {status.n_steps:,} samples since export, {info.n_learnt:,} of them "
            f"in this session; state {format_kib(info.state_bytes)}{unkept}"
        )
    out.line("it keeps what it commits" if info.has_storage else "it has no storage")
    if info.restored < 0:
        out.line("what it had kept could not be loaded: damaged, or of another model", "yellow")
    if info.restored == 2:
        out.line(
            "samples that it had kept do not lead to the state that they led to, because its "
            "firmware learns otherwise now; it has the whole state before them",
            "yellow",
        )
    return {
        "device": {
            **{k: v for k, v in vars(info).items() if k != "options"},
            "session": f"{info.session:016x}",
        },
        "choice": chosen.choice,
        "status": vars(status),
    }


def _self_test(out: Output, device: LinkedDevice, blob: Blob) -> Answer:
    cycles = device.self_test()
    golden = blob.model.golden
    n = 0 if golden is None else len(golden.inputs)
    out.line(*self_test_told("the device", n))
    return {"n_samples": n, "cycles": cycles}


def _predict(
    out: Output, device: LinkedDevice, blob: Blob, data: str, reading: dict[str, Any]
) -> Answer:
    samples = _samples(out, blob, data, reading)
    names = ClassNames(blob.model, device.info.n_outputs)
    truth = names.numbers(samples, learning=False)
    told: Answered = _bar("predicting", lambda tick: _answers(device, blob, samples, tick))
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
        **_maker(out, device, samples, learning=False),
        **say_time(out, device, told, why_unmeasured(device.client.line)),
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
            lambda tick: _lessons(device, blob, samples, session, truth, every, tick),
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
        **_maker(out, device, samples, learning=True),
        **say_time(out, device, told, why_unmeasured(device.client.line)),
    }


def _takes_frames(device: LinkedDevice, samples: ReadSamples, *, learning: bool) -> bool:
    """Whether the device's own front end makes the samples. Steps of a batch want whole samples."""
    one_by_one = not learning or device.info.options.batch <= 1
    return device.info.takes_frames and samples.recordings is not None and one_by_one


def _maker(out: Output, device: LinkedDevice, samples: ReadSamples, *, learning: bool) -> Answer:
    """Who made the samples, where DATA holds frames of a sensor."""
    if samples.recordings is None:
        return {"front_end_on": None}
    if not _takes_frames(device, samples, learning=learning):
        out.line("this machine made the samples of the frames, not the device's front end")
        return {"front_end_on": "host"}
    out.line("the device's own front end made the samples of the frames")
    return {"front_end_on": "device"}


def _answers(device: LinkedDevice, blob: Blob, samples: ReadSamples, tick: Advance) -> Answered:
    front_end = blob.model.front_end
    if front_end is None or not _takes_frames(device, samples, learning=False):
        return device.predict(samples.x, tick)
    recordings = samples.recordings or ()
    return device.predict_recordings(recordings, front_end, most=len(samples.x), progress=tick)


def _lessons(
    device: LinkedDevice, blob: Blob, samples: ReadSamples, session: int, truth: Any, every: int,
    tick: Advance,
) -> Answered:  # fmt: skip
    front_end = blob.model.front_end
    if front_end is None or not _takes_frames(device, samples, learning=True):
        return device.learn(session, samples.x, truth, commit_every=every, progress=tick)
    return device.learn_recordings(
        session, samples.recordings or (), front_end, truth, commit_every=every, progress=tick
    )


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
        image = plain_bytes(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}", code="E-IO") from error
    _bar("state in", lambda tick: device.state_in(image, tick))
    if device.info.has_storage:
        device.commit()
    out.line(f"the device has the state of {path}" + (", and keeps it" * device.info.has_storage))
    return {"state": path, "state_bytes": len(image), "is_kept": device.info.has_storage}


def _samples(out: Output, blob: Blob, data: str, reading: dict[str, Any]) -> ReadSamples:
    csv = CsvOptions(reading["label"], reading["codes"])
    more = {key: reading[key] for key in ("limit", "split", "task")}
    return read_for(out, data, blob.model, csv=csv, **more)
