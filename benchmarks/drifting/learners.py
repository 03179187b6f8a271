"""The device with nothing set but its goal, and its rivals, on raw numbers as they come."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.drifting.stream import N_START, Stream
from benchmarks.gates import judges, rivals
from benchmarks.gates.problem import Problem
from metabit.export.spec import InputSpec

#: From a stream and a seed to the share of rows said right before they were learnt, without the
#: first `N_START`.
Learner = Callable[[Stream, int], float]

#: Made as for the gates, without the forest, which is slow and no bar.
OF_THE_GATES = (
    "larger class", "last label", "logistic regression", "naive Bayes", "Hoeffding tree",
    "MLP, Adam",
)  # fmt: skip
STEADY = "logistic regression, steady steps"
RIVALS = (*OF_THE_GATES, STEADY)


def device(stream: Stream, seed: int) -> float:
    """What a user sees: a classifier that got the first rows, saved, and `metabit learn` on a CSV.

    Nothing is set but the goal, which travels in the file.
    """
    from click.testing import CliRunner  # what the rivals do without, and PyTorch

    from metabit.cli import group
    from metabit.sklearn import MetabitClassifier

    first, rest = slice(None, N_START), slice(N_START, None)
    classifier = MetabitClassifier(goal="track", random_state=seed)
    classifier.partial_fit(stream.x[first], stream.y[first], classes=range(stream.n_classes))
    with tempfile.TemporaryDirectory() as folder:
        file, rows = Path(folder) / "stream.mbit", Path(folder) / "stream.csv"
        classifier.save(file)
        _write(rows, Stream(stream.x[rest], stream.y[rest]))
        said = CliRunner().invoke(group, ["learn", str(file), str(rows), "--json"])
    if said.exit_code:
        raise RuntimeError(f"metabit learn: {said.output}")
    right: float = json.loads(said.stdout)["prequential_accuracy"]
    return right


def rival(name: str) -> Learner:
    """One of `RIVALS`; the first rows are what it is scaled by, and learnt."""

    def learn(stream: Stream, seed: int) -> float:
        spec = InputSpec("int8", (stream.x.shape[1],), 1.0, 0)  # not asked: the rows are raw
        start = stream.x[:N_START]
        problem = Problem("", seed, spec, stream.n_classes, start, None, (), ())
        make = _steady if name == STEADY else rivals.RIVALS[name]
        said = make(problem).learn(stream.x, stream.y)
        return float((said == stream.y)[N_START:].mean())

    return learn


def _steady(problem: Problem) -> judges.Learner:
    """Steps that do not become smaller follow a stream that drifts; 0.01 is river's own."""
    from sklearn.linear_model import SGDClassifier

    estimator = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=0.01, random_state=problem.seed
    )
    return rivals.ScikitLearn(problem, estimator)


def versions() -> dict[str, str]:
    """Of what rivals are made of."""
    return {package: version(package) for package in ("scikit-learn", "river")}


def _write(path: Path, stream: Stream) -> None:
    """A table as users have it: a header, numbers in full, the label last."""
    names = [*(f"feature {i + 1}" for i in range(stream.x.shape[1])), "label"]
    with path.open("w", encoding="utf-8") as file:
        print(",".join(names), file=file)
        for row, label in zip(stream.x.tolist(), stream.y.tolist(), strict=True):
            print(",".join([*map(repr, row), str(label)]), file=file)


def digest(stream: Stream) -> str:
    """Eight digits of what is shown."""
    shown = np.ascontiguousarray(stream.x).tobytes() + stream.y.tobytes()
    return hashlib.sha256(shown).hexdigest()[:8]
