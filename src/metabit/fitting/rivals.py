"""What else one could take, trained on the same features: scikit-learn's classifiers.

Each is given what the chosen network takes: a network in int8 its flash, a network in float its RAM
with learning. Flash and RAM of the rivals are what their numbers need, without code.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.extras import missing, pip_command
from metabit.trainer.data.dataset import DataSet, Split

MOST_SAMPLES = 20_000
"""Training samples, drawn where there are more."""
MOST_UNITS = 512
NODE_BYTES = 8
"""Of a node of a tree: feature, threshold and two places."""
UNIT = 32.0
"""Steps of a feature per deviation."""

Inputs = NDArray[np.float32]
_Labels = NDArray[np.integer]


@dataclass(frozen=True)
class DeskRival:
    """A classifier and what it would need on a device.

    Attributes:
        name: for people.
        make: makes it, for inputs and labels of training.
        flash_bytes: of what `make` returned.
        ram_bytes: with learning; None where it cannot learn on a device.
        predict: labels of inputs.
    """

    name: str
    make: Callable[[Inputs, _Labels], Any]
    flash_bytes: Callable[[Any], int]
    ram_bytes: Callable[[Any], int | None]
    predict: Callable[[Any, Inputs], _Labels]


def how_to_get() -> str:
    """The command that installs scikit-learn; empty where it is installed."""
    lacking = missing("fit beside scikit-learn")
    return pip_command(lacking) if lacking else ""


def measured(
    dataset: DataSet, held: NDArray[np.bool_], flash_bytes: int, ram_bytes: int, seed: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:  # fmt: skip
    """Every rival with its accuracy on held-out training samples and on test samples.

    Args:
        dataset: samples as the chosen network reads them.
        held: training samples that are held out for the first of the two, shape (n_train,).
        flash_bytes, ram_bytes: what the chosen network takes.
        seed: of the classifiers.
        say: is told which of them is trained.
    """
    train, test = dataset.train, dataset.test
    rows = []
    for rival in _rivals(dataset.n_inputs, dataset.n_classes, flash_bytes, ram_bytes, seed):
        say(f"on the same features: {rival.name}")
        begun = time.monotonic()
        on_fold = rival.make(*_some(dataset, np.flatnonzero(~held), seed))
        made = rival.make(*_some(dataset, np.arange(len(train)), seed))
        rows.append(
            {
                "name": rival.name,
                "accuracy": _right(rival, on_fold, dataset, train.take(np.flatnonzero(held))),
                "test_accuracy": _right(rival, made, dataset, test),
                "flash_bytes": rival.flash_bytes(made),
                "ram_bytes": rival.ram_bytes(made),
                "seconds": round(time.monotonic() - begun, 1),
            }
        )
    return rows


def _some(dataset: DataSet, places: NDArray[np.integer], seed: int) -> tuple[Inputs, _Labels]:
    """Training samples at some of these places, as floats: four times the bytes of pictures."""
    if len(places) > MOST_SAMPLES:
        drawn = np.random.default_rng(seed).choice(len(places), MOST_SAMPLES, replace=False)
        places = places[drawn]
    return _floats(dataset, dataset.train.x[places]), dataset.train.y[places]


def _right(rival: DeskRival, made: Any, dataset: DataSet, split: Split) -> float:
    """Share of samples that a classifier is right on."""
    return float((rival.predict(made, _floats(dataset, split.x)) == split.y).mean())


def _floats(dataset: DataSet, x: NDArray[Any]) -> Inputs:
    scale = UNIT if dataset.dtype == "int8" else 64.0
    found: Inputs = (x.reshape(len(x), -1).astype(np.float32) - dataset.zero_point) / scale
    return found


def _rivals(
    n_inputs: int, n_classes: int, flash_bytes: int, ram_bytes: int, seed: int
) -> Iterator[DeskRival]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    def network(n_units: int, x: Inputs, y: _Labels) -> Any:
        early = len(x) > 1000
        made = MLPClassifier((n_units,), max_iter=60, early_stopping=early, random_state=seed)
        return _fitted(made, x, y)

    per_unit = n_inputs + n_classes
    yield DeskRival(
        "logistic regression",
        lambda x, y: _fitted(LogisticRegression(max_iter=300), x, y),
        lambda _: (n_inputs + 4) * n_classes,
        lambda _: 4 * (n_inputs + 1) * n_classes,
        _predict,
    )
    yield DeskRival(
        "random forest of 30 trees",
        lambda x, y: _fitted(RandomForestClassifier(30, random_state=seed), x, y),
        lambda forest: NODE_BYTES * sum(t.tree_.node_count for t in forest.estimators_),
        lambda _: None,
        _predict,
    )
    n_int8 = max(1, min(MOST_UNITS, (flash_bytes - 4 * n_classes) // (per_unit + 4)))
    yield DeskRival(
        f"int8 network, {n_inputs}-{n_int8}-{n_classes}",
        partial(network, n_int8),
        lambda _: n_int8 * (per_unit + 4) + 4 * n_classes,
        lambda _: None,
        _predict_in_int8,
    )
    n_float = max(1, min(MOST_UNITS, (ram_bytes // 4 - n_classes) // (per_unit + 3)))
    yield DeskRival(
        f"float network, {n_inputs}-{n_float}-{n_classes}",
        partial(network, n_float),
        lambda _: 4 * (n_float * (per_unit + 1) + n_classes),
        lambda _: 4 * (n_float * (per_unit + 3) + n_classes),
        _predict,
    )


def _fitted(classifier: Any, x: Inputs, y: _Labels) -> Any:
    """The classifier, which has learnt; that training could go further is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classifier.fit(x, y)


def _predict(classifier: Any, x: Inputs) -> _Labels:
    labels: _Labels = classifier.predict(x)
    return labels


def _predict_in_int8(network: Any, x: Inputs) -> _Labels:
    """Labels of a network whose weights and activations are rounded to 8 bits."""
    first, last = (_rounded(weights) for weights in network.coefs_)
    hidden = np.maximum(x @ first + network.intercepts_[0], 0)
    hidden = np.rint(hidden / max(float(hidden.max()), 1e-9) * 255) * (hidden.max() / 255)
    scores = hidden @ last + network.intercepts_[1]
    if scores.shape[1] == 1:  # two classes
        chosen = (scores[:, 0] > 0).astype(int)
    else:
        chosen = scores.argmax(axis=1)
    labels: _Labels = network.classes_[chosen]
    return labels


def _rounded(weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Weights in 255 steps per unit, from the largest of each unit."""
    step = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return np.asarray(np.rint(weights / step) * step)
