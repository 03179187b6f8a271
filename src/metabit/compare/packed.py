"""Artefacts that hold a packed model; the C engine runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metabit.compare.artefact import Artefact, Predictions
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.errors import InputError
from metabit.export import container
from metabit.export.blob import Blob
from metabit.export.c_source import blob_of
from metabit.export.golden import run
from metabit.export.repack import read_state, with_state
from metabit.export.spec import BoolArray, Model
from metabit.extras import need


class PackedArtefact(Artefact):
    """A packed model.

    Args:
        where: the file it comes from.
        model: what it holds.
    """

    runner = "C engine"

    def __init__(self, where: str, model: Model) -> None:
        self.where = where
        self.model: Model = model
        self.input, self.n_banks = model.input, model.n_banks
        self.n_outputs = model.n_classes if model.a_head_answers else model.n_outputs
        self._blob = container.dumps(model)

    def outputs(self, samples: Samples, bank: int) -> Predictions:
        """Of the C engine."""
        engine = Engine(self._blob, bank=bank)
        return Predictions(engine.predict(samples), engine.scores(samples))

    def caller(self, sample: Samples, bank: int) -> Callable[[], object]:
        """`Engine.predict`."""
        engine = Engine(self._blob, bank=bank)
        return lambda: engine.predict(sample)

    def hidden(self, samples: Samples, bank: int) -> dict[str, BoolArray]:
        """Of the NumPy reference, which gives the bits of the C engine."""
        bits, _ = run(self.model, samples, bank)
        layers = self.model.layers
        return {
            layer.name: value.reshape(len(samples), *layer.out_shape)
            for layer, value in zip(layers, bits, strict=False)
        }


def open_mbit(path: Path, _base: Path | None) -> PackedArtefact:
    """A .mbit file."""
    return PackedArtefact(str(path), container.load(path))


def open_safetensors(path: Path, _base: Path | None) -> PackedArtefact:
    """A .safetensors file of metabit.

    Raises:
        InputError: safetensors is not installed.
    """
    need("verify or export a .safetensors file")
    from metabit.export import tensors

    return PackedArtefact(str(path), tensors.load(path))


def open_c(path: Path, _base: Path | None) -> PackedArtefact:
    """The source that `metabit export --to c` wrote: the model in it.

    Raises:
        FormatError: it is another source.
        CorruptError: somebody has edited it.
    """
    text = container.read_bytes(path).decode("ascii", errors="replace")
    return PackedArtefact(str(path), container.loads(blob_of(text, str(path)), str(path)))


def open_state(path: Path, base: Path | None) -> PackedArtefact:
    """What an engine has learnt: a state folder or one .mbs file.

    Args:
        path: the folder or file.
        base: the .mbit file that learnt.

    Raises:
        InputError: `base` is missing.
    """
    if base is None:
        raise InputError(
            f"{path}: a learnt state needs the .mbit file that learnt: add --model FILE",
            code="E-USAGE",
        )
    blob = Blob.of(base)
    return PackedArtefact(str(path), with_state(blob.model, read_state(path, blob)))
