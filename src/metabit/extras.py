"""Optional packages: which task needs which of them, and how to install what is missing.

Every refusal for the lack of a package comes from here, and `metabit doctor` prints the same table.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from metabit.errors import InputError

_TRAINER = ("torch", "safetensors", "matplotlib", "polars", "PIL")
_EXPORT = ("onnx", "onnxscript", "safetensors", "tflite", "flatbuffers")
_BOARDS = ("unicorn", "capstone", "ziglang")

#: Import names of the packages that each extra of metabit brings, as pyproject.toml has them.
EXTRAS = {
    "export": _EXPORT,
    "train": _TRAINER,
    "bench": (*_EXPORT, "onnxruntime", "ai_edge_litert"),
    "sim": _BOARDS,
    "serial": ("serial",),
    "ray": ("ray",),
    "sklearn": ("sklearn", "torch"),
}

#: What needs more than NumPy, click and rich, and the packages it needs.
TASKS: dict[str, tuple[str, ...]] = {
    "demo": (*_TRAINER, *_BOARDS),
    "train": _TRAINER,
    "fit": _TRAINER,
    "fit beside scikit-learn": ("sklearn",),
    "data inspect --plot": ("matplotlib",),
    "read own data": ("polars",),
    "read pictures": ("PIL",),
    "compare --out": ("matplotlib",),
    "importance": _TRAINER,
    "reproduce": _TRAINER,
    "reproduce --engine ray": ("ray",),
    "export a run": ("torch", "safetensors"),
    "export --to onnx": ("onnx",),
    "export --to tflite": ("tflite", "flatbuffers"),
    "export --to safetensors": ("safetensors",),
    "import": ("onnx",),
    "import from PyTorch": ("torch", "onnx", "onnxscript"),
    "verify an ONNX file": ("onnx", "onnxruntime"),
    "verify a TFLite file": ("tflite", "ai_edge_litert"),
    "verify or export a .safetensors file": ("safetensors",),
    "bench beside ONNX Runtime": ("onnx", "onnxruntime"),
    "bench beside LiteRT": ("tflite", "flatbuffers", "ai_edge_litert"),
    "bench --plot": ("matplotlib",),
    "profile, simulate": _BOARDS,
    "device --port": ("serial",),
    "metabit.sklearn": ("sklearn", "torch"),
}


def missing(task: str) -> list[str]:
    """The packages that a task needs and that are not installed."""
    return [name for name in TASKS[task] if importlib.util.find_spec(name) is None]


def pip_command(packages: Sequence[str]) -> str:
    """The command that installs these packages, with as few extras as they are in."""
    left, chosen = set(packages), []
    while left:
        best = max(EXTRAS, key=lambda extra: len(left.intersection(EXTRAS[extra])))
        chosen.append(best)
        left -= set(EXTRAS[best])
    return f'pip install "metabit[{",".join(sorted(chosen))}]"'


def need(task: str) -> None:
    """Refuse a task, with the command that helps, if a package that it needs is not installed.

    Raises:
        InputError: code E-EXTRA.
    """
    lacking = missing(task)
    if lacking:
        verb = "is" if len(lacking) == 1 else "are"
        raise InputError(
            f"{', '.join(lacking)} {verb} not installed: {pip_command(lacking)}", code="E-EXTRA"
        )
