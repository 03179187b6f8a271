"""`metabit export`: a trained run, or a .mbit file, into a .mbit file or what other tools take."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.export_targets import CARRIES_HEAD, TARGETS
from metabit.cli.heads import facts, in_words, tracking_facts, tracking_in_words
from metabit.cli.paths import ReadPath
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.errors import InputError, nearest
from metabit.export import container
from metabit.export.blob import Blob
from metabit.export.golden import GOLDEN_DEFAULT
from metabit.export.heads.home import RAM_DEFAULT, SPARE_DEFAULT, HeadChoice
from metabit.export.raw_input import with_raw_input
from metabit.export.repack import first_golden, read_state, with_bits, with_state, without_state
from metabit.export.spec import Model
from metabit.extras import need
from metabit.files import check_target


@verb("export")
@click.argument("source", metavar="SOURCE", type=ReadPath())
@click.option(
    "-o", "--out", "target", required=True, metavar="TARGET", type=click.Path(path_type=Path),
    help="File to write; with --to c, a folder.",
)  # fmt: skip
@click.option(
    "--to", "kind", type=click.Choice(list(TARGETS)),
    help="mbit: metabit's own format. c: header and source for firmware. onnx, tflite, "
    "safetensors: for other tools. Default: what TARGET's suffix says, otherwise mbit.",
)  # fmt: skip
@click.option(
    "--state", metavar="STATE", type=ReadPath(),
    help="Also pack what was learnt with SOURCE: its state folder, or one .mbs file.",
)  # fmt: skip
@click.option(
    "--bits", type=click.Choice(["8", "4"]),
    help="Bits per hidden weight. Default: 8 for a run, otherwise as in SOURCE.",
)  # fmt: skip
@click.option(
    "--golden", type=click.IntRange(min=0, max=1000), metavar="N",
    help="How many samples to store with their right scores, for `metabit verify`. Default: "
    f"{GOLDEN_DEFAULT} for a run, otherwise as in SOURCE.",
)  # fmt: skip
@click.option(
    "--probes", type=click.IntRange(min=0), metavar="N",
    help="For a run: how many test samples travel in the file, so that `metabit learn` notices "
    "harm. Default: up to 200 in 16 KiB.",
)  # fmt: skip
@click.option(
    "--core", is_flag=True,
    help="With --to c: add the C core, as a library for Arduino, PlatformIO, Zephyr, ESP-IDF and "
    "CMake.",
)  # fmt: skip
@click.option(
    "--raw", is_flag=True,
    help="For networks trained with thermometer encoding: build the encoder in as the first layer, "
    "so that the file takes raw samples. Inference only.",
)  # fmt: skip
@click.option(
    "--no-state", is_flag=True, help="Leave out the hidden weights and the head. Inference only."
)
@click.option(
    "--no-head", is_flag=True,
    help="Leave out the counting head, which learns on the device without harm to what is known.",
)  # fmt: skip
@click.option(
    "--spare-classes", type=click.IntRange(min=0), metavar="N",
    help="For a run: how many new classes the head can learn, besides all of the network. Default: "
    f"{SPARE_DEFAULT}.",
)  # fmt: skip
@click.option(
    "--head-ram", metavar="SIZE",
    help=f"For a run: RAM for the head, such as 16K. Default: {format_kib(RAM_DEFAULT)}.",
)  # fmt: skip
@click.option(
    "--style", type=click.Choice(["packed", "int2", "float", "qonnx"]), default="packed",
    show_default=True, help="With --to onnx: weights of 1, 2 or 32 bits, or as QONNX has them.",
)  # fmt: skip
@click.option(
    "--input", "input_kind", type=click.Choice(["integer", "float"]), default="integer",
    show_default=True,
    help="With --to onnx: take 8-bit samples, or float samples that the graph quantizes.",
)  # fmt: skip
@click.option(
    "--bank", type=click.IntRange(min=0), metavar="K",
    help="With --to onnx or tflite: only this bank of normalisation values. Default: onnx gets all "
    "banks and an input that selects one, tflite gets bank 0.",
)  # fmt: skip
def command(
    out: Output,
    source: Path,
    target: Path,
    kind: str | None,
    state: Path | None,
    bits: str | None,
    golden: int | None,
    raw: bool,
    no_state: bool,
    no_head: bool,
    spare_classes: int | None,
    head_ram: str | None,
    probes: int | None,
    **options: Any,
) -> Answer:
    """Pack the network SOURCE into the file TARGET.

    SOURCE is a run folder of `metabit train`, a .mbit file or a .safetensors file. Binary weights
    take one bit each. The hidden weights, which a device needs to keep learning, take 8 or 4 bits
    each. A run also gets a counting head, made of the training samples that it kept: with it the
    model learns new samples and new classes, and keeps what it knows.
    """
    width = None if bits is None else int(bits)
    kind = kind or _kind_of(target)
    if kind != "c":  # which writes a folder
        check_target(target)
    _refuse_options_of_the_other(source, state, spare_classes, head_ram, probes)
    if source.is_dir():
        choice = None if no_head else _head_choice(spare_classes, head_ram)
        model = _from_run(
            out, source, width or 8, GOLDEN_DEFAULT if golden is None else golden, no_state,
            choice, probes,
        )  # fmt: skip
    else:
        model = _from_file(source, state, width, golden, no_state)
        model = replace(model, head=None, tracker=None) if no_head else model
    if raw:
        model = with_raw_input(model)
    if model.a_head_answers and kind not in CARRIES_HEAD:
        raise InputError(
            f"what a head has learnt cannot be said in {kind}; --no-head exports the network as it "
            "was",
            code="E-HEAD",
        )
    written = TARGETS[kind](out, model, source, target, options)
    _say_head(out, model, kind)
    _say_front_end(out, model, kind)
    return {
        "source": source,
        "to": kind,
        **written,
        "n_weights": model.n_weights,
        "state_bits": 0 if model.learn is None else model.learn.bits,
        "n_golden": 0 if model.golden is None else len(model.golden.inputs),
        "n_probes": 0 if model.probes is None else len(model.probes.labels),
        "head": facts(model) if kind in CARRIES_HEAD else None,
        "tracking_head": tracking_facts(model) if kind in CARRIES_HEAD else None,
    }


def _refuse_options_of_the_other(source: Path, state: Path | None, *of_a_run: object) -> None:
    """A run takes no --state, and a file none of the options that say what a run becomes."""
    if source.is_dir() and state is not None:
        raise InputError(
            f"--state belongs to the .mbit file that learnt, not to the run {source}",
            code="E-USAGE",
        )
    if not source.is_dir() and any(option is not None for option in of_a_run):
        raise InputError(
            "--spare-classes, --head-ram and --probes belong to a run; what is in "
            f"{source} stays as it is",
            code="E-USAGE",
        )


def _head_choice(spare_classes: int | None, head_ram: str | None) -> HeadChoice:
    return HeadChoice(
        SPARE_DEFAULT if spare_classes is None else spare_classes,
        None if head_ram is None else parse_bytes(head_ram),
    )


def _with_names(model: Model, state: Path) -> Model:
    """The model with the names of new classes that lie beside its state."""
    if not state.is_dir():
        return model
    names = ClassNames(model, model.n_classes, state)
    return replace(model, meta={**model.meta, "class_names": names.known}) if names.new else model


def _say_head(out: Output, model: Model, kind: str) -> None:
    if model.tracker is not None and kind in CARRIES_HEAD:
        out.line(f"head: {tracking_in_words(model.tracker)}")
    if model.head is None:
        return
    if kind in CARRIES_HEAD:
        out.line(f"head: {in_words(model)}")
    else:
        out.line(
            f"the network alone: its head learns in .mbit files and in C, not in {kind}", "yellow"
        )


def _say_front_end(out: Output, model: Model, kind: str) -> None:
    if model.front_end is not None and kind not in CARRIES_HEAD:
        out.line(
            f"the front end stays outside: it runs in .mbit files and in C, and {kind} reads the "
            f"{model.n_inputs} features that it makes of a window",
            "yellow",
        )


def _kind_of(target: Path) -> str:
    """What the suffix says; a mistyped one would silently become a .mbit file."""
    suffix = target.suffix.lower().removeprefix(".")
    if suffix in TARGETS:
        return suffix
    if difflib.get_close_matches(suffix, TARGETS):
        raise InputError(
            f"{target}: no suffix that export knows, {nearest(suffix, TARGETS)} For a .mbit file "
            "of this name add --to mbit",
            code="E-USAGE",
        )
    return "mbit"


def _from_run(
    out: Output, folder: Path, bits: int, golden: int, no_state: bool, head: HeadChoice | None,
    probes: int | None,
) -> Model:  # fmt: skip
    need("export a run")

    from metabit.export.from_run import from_run, why_no_head
    from metabit.trainer.runs.run_folder import load_run

    run = load_run(folder)
    model = from_run(
        run, bits=bits, golden=golden, learnable=not no_state, head=head, probes=probes
    )
    why = None if head is None or no_state else why_no_head(run, model, head)
    if why is not None:
        out.line(f"no head: {why}", "yellow")
    return model


def _from_file(
    source: Path, state: Path | None, bits: int | None, golden: int | None, no_state: bool
) -> Model:
    if source.suffix.lower() == ".safetensors":
        need("verify or export a .safetensors file")
        from metabit.export import tensors

        blob = Blob(container.dumps(tensors.load(source)), str(source))
    else:
        blob = Blob.of(source)
    model = blob.model
    if state is not None:
        model = _with_names(with_state(model, read_state(state, blob)), state)
    if no_state:
        model = without_state(model)
    elif bits is not None:
        model = with_bits(model, bits, str(source))
    return model if golden is None else first_golden(model, golden, str(source))
