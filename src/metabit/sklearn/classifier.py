"""`MetabitClassifier`: scikit-learn's interface to a network that a device runs and teaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from metabit.edge_runtime.engine import Engine
from metabit.export.blob import Blob
from metabit.export.container import dumps, save
from metabit.export.repack import state_of, with_state
from metabit.export.spec import GOALS, Goal, Model, Told
from metabit.sklearn.choice import HIDDEN, features_of, hidden_of
from metabit.sklearn.features import RealFeatures
from metabit.sklearn.networks import Wanted, fresh, trained
from metabit.trainer.arrays import Course


class MetabitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A small binary network with a head that keeps learning, in the memory of a microcontroller.

    `fit` chooses a scale for every feature, trains a metaplastic binary network on 8-bit samples,
    packs it, and opens it in the C engine that devices run; nothing of PyTorch is left.
    `partial_fit` then learns as the device does, one sample after the other, without forgetting
    what `fit` has seen. Where `partial_fit` comes first, the network has random bits, and only the
    head learns: give its first call some hundred samples, because scales come from them.

    Threads may share a fitted one to predict and to learn classes that it knows. Fitting it, the
    first call of `partial_fit` and new classes are for one thread at a time, as in scikit-learn.

    Args:
        hidden: widths of the hidden layers, such as (256,) or 256; more or wider layers cost 1 bit
            per weight. "auto" lets `fit` choose, on rows that it holds out: a layer of 256, or none
            where that is clearly better, and logarithms beside the features where these help.
            `partial_fit` alone takes a layer of 256.
        epochs: passes of `fit` over the samples.
        batch_size: samples per step of `fit`.
        learning_rate: of the first step of `fit`; it falls to almost 0.
        m: metaplasticity coefficient of `fit`; 0 is plain training.
        ram: budget for the engine's arena, in bytes or like "64 KiB"; None for no limit. The head
            becomes smaller where it must, and BudgetError says what is needed where nothing fits.
        spare_classes: new classes that `partial_fit` may bring later, besides those it was told.
        goal: "remember" keeps what was learnt; "track" follows a stream whose meaning drifts.
        random_state: seed of the network, of the order of samples and of the engine.

    Attributes:
        classes_: the labels, sorted, shape (n_classes,).
        n_features_in_: features per sample.
        feature_names_in_: their names, where a DataFrame with names was fitted.
        engine_: the `Engine`; `engine_.plan` says its memory to the byte.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> from metabit.sklearn import MetabitClassifier
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = MetabitClassifier(ram="32 KiB", random_state=0).fit(x, y)
        >>> classifier.score(x, y) > 0.9
        True
    """

    def __init__(
        self,
        hidden: tuple[int, ...] | int | Literal["auto"] = "auto",
        *,
        epochs: int = 30,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        m: float = 1.0,
        ram: str | int | None = None,
        spare_classes: int = 0,
        goal: Goal = "remember",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.m = m
        self.ram = ram
        self.spare_classes = spare_classes
        self.goal = goal
        self.random_state = random_state

    # ---- learning ----

    def fit(self, X: ArrayLike, y: ArrayLike) -> MetabitClassifier:
        """Train a new network on all samples.

        Args:
            X: real features, shape (n, n_features), finite.
            y: labels of any kind, shape (n,), of two classes or more.

        Raises:
            ValueError: an argument cannot be used; fewer than two samples or classes.
            BudgetError: the network does not fit `ram`.
        """
        self._check_parameters()
        x, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        _check_labels(np.asarray(y))
        classes, labels = np.unique(y, return_inverse=True)
        hidden, is_free = self._widths(), isinstance(self.hidden, str)
        self._begin(classes)
        self._features = features_of(x, labels, self._seed) if is_free else RealFeatures.of(x)
        samples, wanted = self._features.samples(x), self._wanted()
        course = Course(
            hidden, int(self.epochs), int(self.batch_size), float(self.learning_rate),
            float(self.m), self._seed,
        )  # fmt: skip
        if is_free:
            course = replace(course, hidden=hidden_of(samples, labels, wanted, course))
        self._open(trained(samples, labels, wanted, course))
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
    ) -> MetabitClassifier:
        """Learn samples in the order given, as the device does.

        Args:
            X: real features, shape (n, n_features), finite.
            y: their labels, shape (n,). A label that is new is learnt while spare classes are left.
            classes: all labels, which the first call needs where `fit` did not come before.

        Raises:
            ValueError: an argument cannot be used, or a label is new and no spare class is left.
        """
        first = not hasattr(self, "classes_")
        if first:
            self._check_parameters()
        x, y = validate_data(
            self, X, y, dtype=np.float64, reset=first, ensure_min_samples=2 if first else 1
        )
        _check_labels(np.asarray(y))
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit needs all labels as classes=")
            known = unique_labels(classes)
            _refuse_strangers(np.unique(y), known)
            self._begin(known)
            self._features = RealFeatures.of(x, more_to_come=True)
            samples = self._features.samples(x)
            self._open(fresh(samples, self._wanted(), self._widths(), self._seed))
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(f"classes={classes} differ from those known, {self.classes_}")
        self._make_room_for(np.unique(y))
        labels = self._outputs[np.searchsorted(self.classes_, y)]
        self.engine_.partial_fit(self._features.samples(x), labels)
        return self

    # ---- answering ----

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores of each class, shape (n, n_classes).

        Of two classes, the second's score less the first's, shape (n,).

        Args:
            X: real features, shape (n, n_features), finite.

        Raises:
            ValueError: another shape, or NaN or infinity.
            NotFittedError: nothing was learnt before.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The label of each sample, shape (n,).

        Args:
            X: real features, shape (n, n_features), finite.

        Raises:
            ValueError: another shape, or NaN or infinity.
            NotFittedError: nothing was learnt before.
        """
        scores = self._scores(X)
        labels: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The softmax of the scores, shape (n, n_classes); its rows sum to 1.

        Args:
            X: real features, shape (n, n_features), finite.

        Raises:
            ValueError: another shape, or NaN or infinity.
            NotFittedError: nothing was learnt before.
        """
        scores = self._scores(X)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        proba: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return proba

    def save(self, path: str | Path) -> int:
        """Write the network, with all that it has learnt, as a .mbit file; returns its bytes.

        `metabit` and `Engine` open it. It takes rows of real features with `Engine.push`, and
        answers as this classifier does.

        Raises:
            NotFittedError: nothing was learnt before.
            InputError, StorageError: it cannot be written there.
        """
        check_is_fitted(self)
        model = self._blob.model
        if self._has_learnt:
            learnt = state_of(self.engine_.save_state(), self._blob, "what was learnt")
            model = with_state(model, learnt)
        return save(self._named(model), path)

    # ---- inside ----

    def _check_parameters(self) -> None:
        self._widths()
        for name, least in (("epochs", 1), ("batch_size", 2), ("spare_classes", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or int(value) < least:
                raise ValueError(f"{name}={value!r}: must be a whole number, {least} or more")
        if not all(isinstance(value, Real) for value in (self.learning_rate, self.m)):
            raise ValueError(f"learning_rate={self.learning_rate!r} and m={self.m!r}: numbers")
        if not self.learning_rate > 0 or not self.m >= 0:
            raise ValueError(
                f"learning_rate={self.learning_rate} must be above 0, and m={self.m} not below"
            )
        if self.goal not in GOALS:
            raise ValueError(f"goal={self.goal!r}: {' or '.join(map(repr, GOALS))}")

    def _widths(self) -> tuple[int, ...]:
        """Of the hidden layers; the first choice where they are to be chosen."""
        hidden: Any = HIDDEN[0] if isinstance(self.hidden, str) else self.hidden
        widths = (hidden,) if isinstance(hidden, Integral) else hidden
        is_known = not isinstance(self.hidden, str) or self.hidden == "auto"
        if is_known and isinstance(widths, Iterable):
            found = tuple(widths)
            if all(isinstance(width, Integral) and int(width) >= 1 for width in found):
                return tuple(int(width) for width in found)
        raise ValueError(f'hidden={self.hidden!r}: "auto", or widths of layers, each 1 or more')

    def _begin(self, classes: NDArray[Any]) -> None:
        """Forget everything, and choose outputs."""
        if len(classes) < 2:
            raise ValueError(f"two classes or more are needed; there is only one class: {classes}")
        self.classes_ = classes
        self._seed = int(check_random_state(self.random_state).randint(2**31))
        self._outputs = np.arange(len(classes))  # the output of each class, in sorted order

    def _wanted(self) -> Wanted:
        return Wanted(self._features, len(self.classes_), int(self.spare_classes), self.ram)

    def _open(self, model: Model) -> None:
        if self.goal != GOALS[0]:
            model = replace(model, told=Told(goal=self.goal))
        self._blob = Blob(dumps(model), "the classifier")
        self.engine_ = Engine(self._blob, ram=self.ram, learn="auto", seed=self._seed)
        self._has_learnt = False

    def _make_room_for(self, labels: NDArray[Any]) -> None:
        """Give every new label an output of its own."""
        new = np.setdiff1d(labels, self.classes_)
        if len(new) > self.engine_.n_outputs - len(self.classes_):
            _refuse_strangers(new, self.classes_)
        numbers = len(self.classes_) + np.arange(len(new))
        classes = np.concatenate([self.classes_, new])
        order = np.argsort(classes)
        self.classes_ = classes[order]
        self._outputs = np.concatenate([self._outputs, numbers])[order]
        self._has_learnt = True

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores in the order of `classes_`, shape (n, n_classes)."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        scores = self.engine_.decision_function(self._features.samples(x)).astype(np.float64)
        ordered: NDArray[np.float64] = scores[:, self._outputs]
        return ordered

    def _named(self, model: Model) -> Model:
        """The model with the names of its classes and features, for people and for CSV files."""
        classes = [str(self.classes_[place]) for place in np.argsort(self._outputs)]
        features = [str(name) for name in getattr(self, "feature_names_in_", ())]
        return replace(
            model, meta={**model.meta, "class_names": classes, "channel_names": features}
        )


def _check_labels(y: NDArray[Any]) -> None:
    """Refuse numbers that are measured, and labels that cannot be sorted."""
    kinds = {type(label) for label in y.tolist()} if y.dtype == object else set()
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"y has labels of several types, {names}: give all of them one")
    check_classification_targets(y)


def _refuse_strangers(labels: NDArray[Any], known: NDArray[Any]) -> None:
    strangers = np.setdiff1d(labels, known)
    if len(strangers):
        raise ValueError(
            f"y has new labels {strangers[:5]}; classes are {known}, and no spare class is left: "
            "see spare_classes"
        )
