"""An imported network against the file that it was made from, run by ONNX Runtime."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabit.compare.align import ChannelsFirst, channels_first
from metabit.compare.onnx_file import OnnxArtefact
from metabit.compare.packed import PackedArtefact
from metabit.edge_runtime.inputs import Samples
from metabit.errors import FormatError, MismatchError
from metabit.export.onnx_import.per_input import without_operations
from metabit.export.spec import InputSpec
from metabit.export.windows import samples_of_raw

if TYPE_CHECKING:
    import onnx

    from metabit.export.onnx_import.importer import Imported

SEED = 0
_SAMPLES_MOST, _SAMPLES_LEAST, _MACS = 256, 16, 4_000_000_000
#: Two scores are equal where they differ by less than this share of the largest.
_ROUNDING = 1e-5
_INTEGERS = re.compile(r"(U?INT)(\d)")


@dataclass(frozen=True)
class ImportCheck:
    """On what an imported network and its file gave the same labels.

    Attributes:
        runner: what ran the file.
        n_samples: random samples, in each bank.
        seed: of their generator.
        n_classes_seen: different labels among them: of one label, nothing is learnt.
        n_rounded: samples whose label in ONNX Runtime comes from rounding to float; the graph has
            metabit's label where it computes in double.
        n_drawn: where a front end does what the graph does in front of its first layer, samples
            drawn with its means and deviations; otherwise 0.
        n_drawn_differ: of these, that get another label because the front end rounds to 8 bits.
    """

    runner: str
    n_samples: int
    seed: int
    n_classes_seen: int
    n_rounded: int
    n_drawn: int = 0
    n_drawn_differ: int = 0


def check_import(proto: onnx.ModelProto, where: str, imported: Imported) -> ImportCheck:
    """Compare labels on random samples that the input can have.

    Args:
        proto: from `metabit.export.onnx.read.load`.
        where: name of the file, for messages.
        imported: what `from_onnx` made of it.

    Raises:
        MismatchError: labels differ, and not by rounding alone.
        FormatError: ONNX Runtime cannot run the file.
    """
    try:
        if imported.per_input is None:
            return _checked(OnnxArtefact(where, proto), where, proto, imported)
        behind = without_operations(proto, imported.before)
        found = _checked(OnnxArtefact(where, behind), where, behind, imported)
        n_drawn, n_differ = _through_front_end(OnnxArtefact(where, proto), imported)
        return replace(found, n_drawn=n_drawn, n_drawn_differ=n_differ)
    except FormatError as error:
        raise FormatError(
            f"{error}; --no-check imports it without the comparison", code=error.code
        ) from error


def _checked(
    file: OnnxArtefact, where: str, proto: onnx.ModelProto, imported: Imported
) -> ImportCheck:
    """As `check_import`, in a file that ONNX Runtime takes."""
    ours = PackedArtefact("the imported network", imported.model)
    file.input, shape = replace(ours.input, shape=file.input.shape), ours.input.shape
    theirs = ChannelsFirst(file, shape) if imported.channels_first else file
    n_macs = max(1, sum(layer.n_macs for layer in imported.layers))
    n = int(np.clip(_MACS // n_macs, _SAMPLES_LEAST, _SAMPLES_MOST))
    samples = samples_of(ours.input, n, declared_values(proto, ours.input))
    labels, n_rounded = [], 0
    for bank in range(ours.n_banks):
        of_theirs, of_ours = (x.outputs(samples, bank).labels for x in (theirs, ours))
        labels.append(of_ours)
        differ = np.flatnonzero(of_theirs != of_ours)
        if len(differ):
            few = samples[differ]
            turned = theirs.turned(few) if isinstance(theirs, ChannelsFirst) else few
            wrong = _not_rounding(file, turned, of_ours[differ], bank)
            if wrong.any():
                first = int(differ[np.argmax(wrong)])
                raise _mismatch(where, imported, n, int(wrong.sum()), of_theirs, of_ours, first)
            n_rounded += len(differ)
    n_seen = len(np.unique(np.concatenate(labels)))
    return ImportCheck(file.runner, n, SEED, n_seen, n_rounded)


def _through_front_end(file: OnnxArtefact, imported: Imported) -> tuple[int, int]:
    """How many samples were drawn, and how many get another label from the whole graph than through
    the front end."""
    front_end, per_input, spec = imported.model.front_end, imported.per_input, imported.model.input
    assert front_end is not None
    assert per_input is not None
    rng = np.random.default_rng(SEED)
    drawn = rng.normal(per_input.mean, per_input.deviation, (_SAMPLES_MOST, spec.n_inputs))
    info = np.iinfo(per_input.dtype or np.int16)
    counts = np.clip(np.rint(drawn), info.min, info.max).astype(np.int16)
    does = front_end.does
    windows = counts.reshape(len(counts), -1, does.n_channels).transpose(0, 2, 1)
    samples = samples_of_raw(windows, front_end, "random samples")
    ours = PackedArtefact("the imported network", imported.model).outputs(samples, 0)
    values = counts * per_input.unit
    if imported.channels_first:
        values = channels_first(values, spec.shape)
    return len(counts), int((file.labels_of(values) != ours.labels).sum())


def _not_rounding(
    file: OnnxArtefact, samples: Samples, labels: NDArray[np.int64], bank: int
) -> NDArray[np.bool_]:
    """For which samples the graph has another label in double too."""
    exact, scores = file.in_double(samples, bank)
    if not np.issubdtype(scores.dtype, np.floating):
        wrong: NDArray[np.bool_] = exact != labels
        return wrong
    least = scores.max(axis=1) - _ROUNDING * np.abs(scores).max(axis=1)
    below: NDArray[np.bool_] = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0] < least
    return below


def _mismatch(
    where: str, imported: Imported, n: int, n_wrong: int, theirs: NDArray[np.int64],
    ours: NDArray[np.int64], first: int,
) -> MismatchError:  # fmt: skip
    name = imported.model.class_name
    notes = [f"{layer.name}: {layer.note}" for layer in imported.layers[:-1] if layer.note]
    why = ""
    if notes:
        why = (
            f". A reason may be that {'; '.join(notes)}: a sign that is never 0, such as "
            "Where(x >= 0, 1, -1), would be the same in both"
        )
    return MismatchError(
        f"{where}: ONNX Runtime and the imported network differ in the labels of {n_wrong} of {n} "
        f"random samples (seed {SEED}), first in sample {first}: {name(int(theirs[first]))} and "
        f"{name(int(ours[first]))}; nothing was written{why}. --no-check writes it all the same",
        code="E-DIFFERENT",
    )


def samples_of(spec: InputSpec, n: int, values: NDArray[np.int64] | None) -> Samples:
    """Random samples of an input, shape (n, n_inputs): the same ones every time.

    Every second one takes all values that the input can have; the others a narrow range of them
    each, so that their means differ as the means of real samples do.

    Args:
        spec: of the input.
        n: how many.
        values: what a value of a sample can be; None for all of its type.
    """
    info, rng = np.iinfo(spec.dtype), np.random.default_rng(SEED)
    if values is None:
        values = np.arange(info.min, info.max + 1)
    last = len(values) - 1
    ends = np.sort(rng.integers(0, last + 1, size=(n, 2)), axis=1)
    ends[::2] = 0, last
    places = rng.integers(ends[:, :1], ends[:, 1:] + 1, size=(n, spec.n_inputs))
    chosen = values[places]
    return chosen.astype(np.int8) if spec.dtype == "int8" else chosen.astype(np.uint8)


def declared_values(proto: onnx.ModelProto, spec: InputSpec) -> NDArray[np.int64] | None:
    """What QONNX's annotation says that a value of a sample can be; None where it says nothing.

    The annotation speaks of the numbers that the graph sees, so it counts where 8-bit samples stand
    for such numbers.
    """
    name = proto.graph.input[0].name
    told = next(
        (
            entry.value
            for note in proto.graph.quantization_annotation
            if note.tensor_name == name
            for entry in note.quant_parameter_tensor_names
            if entry.key == "finn_datatype"
        ),
        "",
    )
    found = _INTEGERS.fullmatch(told)
    numbers = {"BIPOLAR": (-1, 1), "BINARY": (0, 1), "TERNARY": (-1, 0, 1)}.get(told)
    if found is not None:
        half = 1 << int(found[2]) if found[1] == "UINT" else 1 << (int(found[2]) - 1)
        numbers = tuple(range(half)) if found[1] == "UINT" else tuple(range(-half, half))
    if not numbers:
        return None
    levels = np.array(numbers) / spec.scale + spec.zero_point
    info = np.iinfo(spec.dtype)
    whole = np.rint(levels).astype(np.int64)
    fits = np.allclose(levels, whole, atol=1e-3) and info.min <= whole[0] and whole[-1] <= info.max
    return whole if fits else None
