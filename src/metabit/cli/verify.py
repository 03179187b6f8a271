"""`metabit verify`: a model against the scores it carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..edge_runtime.engine import Engine
from ..edge_runtime.reference import ReferenceModel
from ..errors import InputError, MismatchError
from ..export import container
from .common import Answer, Output, verb
from .options import FILE


@verb("verify")
@FILE
def command(out: Output, file: Path) -> Answer:
    """Run the golden samples in FILE, and compare every score.

    The C engine and the NumPy reference both run them; each must give the scores that PyTorch gave
    when the file was exported, bit for bit. A difference ends with exit code 5.
    """
    data = container.read_bytes(file)
    model = container.loads(data, str(file))
    if model.golden is None or len(model.golden.inputs) == 0:
        raise InputError(
            f"{file}: carries no golden samples; export it with --golden 4", code="E-NO-GOLDEN"
        )
    golden = model.golden
    n = len(golden.inputs)
    runners: dict[str, Engine | ReferenceModel] = {
        "C engine": Engine(data),
        "NumPy reference": ReferenceModel(data),
    }
    for name, runner in runners.items():
        _compare(f"{file}: {name}", runner.scores(golden.inputs), golden.scores)
        out.line(f"{name}: {n} golden samples, {golden.scores.size} scores, all equal")
    return {"file": file, "n_golden": n, "n_scores": golden.scores.size, "equal": True}


def _compare(where: str, scores: NDArray[np.int32], expected: NDArray[np.int32]) -> None:
    wrong = np.argwhere(scores != expected)
    if len(wrong):
        sample, output = (int(i) for i in wrong[0])
        raise MismatchError(
            f"{where}: {len(wrong)} of {expected.size} scores differ; first in sample {sample}, "
            f"class {output}: {scores[sample, output]}, expected {expected[sample, output]}. "
            "Export the model again with this version",
            code="E-GOLDEN",
        )
