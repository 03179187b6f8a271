"""Files of other tools that are no ONNX, each with the step that makes ONNX of it."""

from __future__ import annotations

from pathlib import Path

from metabit.errors import FormatError

_TORCH = (
    "a file of PyTorch; write the network as ONNX, torch.onnx.export(model.eval(), (x,), "
    '"model.onnx", dynamo=True) with a sample x, and import that; or take it over in Python with '
    "metabit.export.from_exported"
)
_KERAS = (
    'a file of Keras; write the network as ONNX, model.export("model.onnx", format="onnx"), and '
    "import that"
)
_SAVED_MODEL = (
    "a SavedModel of TensorFlow; make ONNX of it, python -m tf2onnx.convert --saved-model {path} "
    "--output model.onnx, and import that"
)
_TFLITE = (
    "a file of TFLite; make ONNX of it, python -m tf2onnx.convert --tflite {path} --output "
    "model.onnx, and import that"
)
_PICKLE = (
    "a pickle, which is never opened because it can run code; write its network as ONNX with the "
    "tool that made it, and import that"
)
_TENSORS = (
    "tensors without a network; load them into the network that they belong to, write it as ONNX, "
    "and import that (a .safetensors file of metabit is read by metabit export)"
)
_MBIT = "a model of metabit already; metabit inspect {path} shows it"
_SUFFIXES = {
    ".pt": _TORCH, ".pth": _TORCH, ".pt2": _TORCH, ".ckpt": _TORCH, ".keras": _KERAS, ".h5": _KERAS,
    ".hdf5": _KERAS, ".pb": _SAVED_MODEL, ".tflite": _TFLITE, ".pkl": _PICKLE, ".pickle": _PICKLE,
    ".joblib": _PICKLE, ".safetensors": _TENSORS, ".mbit": _MBIT,
}  # fmt: skip
#: First bytes of files, whatever they are called.
_BEGINNINGS = {
    b"PK\x03\x04": _TORCH, b"\x80\x02": _TORCH, b"\x89HDF\r\n\x1a\n": _KERAS, b"\x89MBIT": _MBIT,
}  # fmt: skip
_TFLITE_MARK, _TFLITE_AT = b"TFL3", 4


def refuse_foreign(path: Path) -> None:
    """Refuse what is no ONNX file, and say how to make one of it.

    Raises:
        FormatError: it is a file or folder of another tool (E-IMPORT-KIND).
    """
    if path.suffix.lower() == ".onnx":
        return
    says = _folder(path) if path.is_dir() else _SUFFIXES.get(path.suffix.lower()) or _inside(path)
    if says is not None:
        raise FormatError(f"{path}: {says.format(path=path)}", code="E-IMPORT-KIND")


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return _SAVED_MODEL
    return "a folder; name the ONNX file that is to be imported"


def _inside(path: Path) -> str | None:
    """What the first bytes say; None for anything else, ONNX included."""
    if not path.is_file():
        return None  # who opens a pipe waits for its other end
    try:
        with path.open("rb") as file:
            first = file.read(16)
    except OSError:
        return None  # whoever opens it next says why
    if first[_TFLITE_AT:].startswith(_TFLITE_MARK):
        return _TFLITE
    return next((says for begin, says in _BEGINNINGS.items() if first.startswith(begin)), None)
