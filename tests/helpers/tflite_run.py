"""Run a .tflite file with whichever interpreter is installed: LiteRT, or the older tflite-runtime.

    python tests/helpers/tflite_run.py FOLDER

compares every NAME.tflite in FOLDER with the scores in NAME.npz. This file needs NumPy and an
interpreter, and nothing of metabit's.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
#: Which kernels run: the optimised ones and XNNPACK, the optimised ones alone, the plain ones.
KERNELS = ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF")


def interpreters() -> Any:
    """The module of the interpreter that is installed."""
    for package in PACKAGES:
        try:
            return importlib.import_module(package)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"none of {PACKAGES} is installed")


def run(blob: bytes, x: np.ndarray, kernels: str = "AUTO") -> dict[str, np.ndarray]:
    """Outputs by their name in the signature, for samples x of shape (n, *input_shape)."""
    module = interpreters()
    resolver = getattr(module.OpResolverType, kernels)
    runner = module.Interpreter(
        model_content=blob, experimental_op_resolver_type=resolver, num_threads=1
    ).get_signature_runner()
    outputs: dict[str, np.ndarray] = runner(input=x)
    return outputs


def main(folder: Path) -> None:
    """Print what was compared; exit 1 when a logit or a label differs."""
    files = sorted(folder.glob("*.tflite"))
    wrong = 0
    for file in files:
        with np.load(file.with_suffix(".npz")) as expected:
            for kernels in KERNELS:
                got = run(file.read_bytes(), expected["x"], kernels)
                same = all(np.array_equal(got[key], expected[key]) for key in ("logits", "label"))
                wrong += not same
                if not same:
                    print(f"{file.name}, {kernels}: differs")
    package = interpreters().__name__.partition(".")[0]
    print(f"{package}: {len(files)} files, {len(KERNELS)} sets of kernels, {wrong} differ")
    sys.exit(1 if wrong or not files else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
