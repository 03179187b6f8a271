"""Rivals of the device learner: they learn the same streams, one sample at a time, in floats.

scikit-learn and river live in an environment of their own (`make gates-rivals`). What has a home
has learnt there with its own means before the stream begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.judges import Learner
from benchmarks.gates.problem import Labels, Problem, Samples

Floats = NDArray[np.float64]

#: Values of 8 bits are clipped at so many deviations, as they are for the device.
MOST = 4.0
#: Steps per deviation that raw numbers are thought to be rounded to.
STEPS_PER_DEVIATION = 32
BATCH = 100


class Scaled:
    """Samples as floats of mean 0 and deviation 1, by what the device has seen of them too.

    Raw numbers are not clipped; an input that did not move at first keeps its unit.

    Attributes:
        step: of each input, once scaled.
    """

    def __init__(self, problem: Problem) -> None:
        first = problem.start if problem.home is None else problem.home.x
        seen, raw = first.astype(np.float64), np.issubdtype(first.dtype, np.floating)
        self.mean, self.most = seen.mean(0), np.inf if raw else MOST
        deviation = seen.std(0)
        # An input of 8 bits that hardly moved may move later: no deviation below one step.
        least = np.where(deviation > 0, deviation, 1.0) if raw else np.maximum(deviation, 1.0)
        self.deviation = least
        self.step = np.full(len(least), 1 / STEPS_PER_DEVIATION) if raw else 1 / least

    def __call__(self, x: Samples) -> Floats:
        """Shape (n, n_inputs)."""
        scaled: Floats = np.clip((x - self.mean) / self.deviation, -self.most, self.most)
        return scaled


class ScikitLearn:
    """An estimator of scikit-learn with `partial_fit`.

    Args:
        problem: what it is to learn.
        estimator: not fitted yet.
        passes: over the samples of a home, in shuffled batches; None for as many as the device's
            network had there.
    """

    def __init__(self, problem: Problem, estimator: Any, passes: int | None = None) -> None:
        self.estimator, self.scaled = estimator, Scaled(problem)
        self.classes = np.arange(problem.n_classes)
        self.rng = np.random.default_rng(problem.seed)
        self.begun = problem.home is not None
        if problem.home is not None:
            x, y = self.shown(problem.home.x), problem.home.y
            for _ in range(problem.home.epochs if passes is None else passes):
                order = self.rng.permutation(len(y))
                for some in np.split(order, range(BATCH, len(y), BATCH)):
                    estimator.partial_fit(x[some], y[some], classes=self.classes)

    def shown(self, x: Samples) -> Floats:
        """Samples as it learns them."""
        return self.scaled(x)

    def answers(self, x: Floats) -> Labels:
        """Labels of scaled samples; before the first sample of all, class 0."""
        if not self.begun:
            return np.zeros(len(x), dtype=np.int64)
        labels: Labels = self.estimator.predict(x)
        return labels

    def learn(self, x: Samples, y: Labels) -> Labels:
        """See `Learner`."""
        from sklearn import config_context  # type: ignore[attr-defined]

        asked, shown, predicted = self.scaled(x), self.shown(x), np.zeros(len(y), dtype=np.int64)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            for index in range(len(y)):
                one = slice(index, index + 1)
                predicted[one] = self.answers(asked[one])
                classes = None if self.begun else self.classes
                self.estimator.partial_fit(shown[one], y[one], classes=classes)
                self.begun = True
        return predicted

    def predict(self, x: Samples) -> Labels:
        """See `Learner`."""
        return self.answers(self.scaled(x))


class NaiveBayes(ScikitLearn):
    """Gaussian naive Bayes, with what it lacks when it learns one sample at a time.

    Its own smoothing is a share of the variance of the samples of one call: none, for one sample.
    So values that never differ have no variance, and the answer is not a number. Half a step of
    noise gives the samples it learns the variance that rounding to 8 bits took.
    """

    def __init__(self, problem: Problem) -> None:
        from sklearn.naive_bayes import GaussianNB

        super().__init__(problem, GaussianNB(), passes=1)

    def shown(self, x: Samples) -> Floats:
        """Scaled samples with uniform noise of half a step of the input to either side."""
        noise: Floats = self.rng.uniform(-0.5, 0.5, x.shape) * self.scaled.step
        return self.scaled(x) + noise

    def answers(self, x: Floats) -> Labels:
        """A class that it has not seen is never the answer."""
        if not self.begun:
            return super().answers(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = self.estimator.predict_joint_log_proba(x)
        likelihood[:, self.estimator.class_count_ < 2] = -np.inf
        best: Labels = np.argmax(likelihood, axis=1)
        return best


class River:
    """A classifier of river."""

    def __init__(self, problem: Problem, classifier: Any) -> None:
        self.classifier, self.scaled = classifier, Scaled(problem)
        if problem.home is not None:
            order = np.random.default_rng(problem.seed).permutation(len(problem.home.y))
            for row, label in zip(
                self._rows(problem.home.x[order]), problem.home.y[order].tolist(), strict=True
            ):
                self.classifier.learn_one(row, label)

    def _rows(self, x: Samples) -> list[dict[int, float]]:
        return [dict(enumerate(row)) for row in self.scaled(x).tolist()]

    def learn(self, x: Samples, y: Labels) -> Labels:
        """See `Learner`; before the first sample of all, the answer is class 0."""
        predicted = np.zeros(len(y), dtype=np.int64)
        for index, (row, label) in enumerate(zip(self._rows(x), y.tolist(), strict=True)):
            predicted[index] = self.classifier.predict_one(row) or 0
            self.classifier.learn_one(row, label)
        return predicted

    def predict(self, x: Samples) -> Labels:
        """See `Learner`."""
        return np.array([self.classifier.predict_one(row) or 0 for row in self._rows(x)], np.int64)


class Trivial:
    """Answers without looking: the most frequent label so far, or the last label.

    Args:
        problem: what it is to learn.
        last: whether it says the last label.
    """

    def __init__(self, problem: Problem, last: bool) -> None:
        self.last, self.answer, self.seen = last, 0, Counter[int]()
        if problem.home is not None:
            self.learn(problem.home.x, problem.home.y)

    def learn(self, x: Samples, y: Labels) -> Labels:
        """See `Learner`."""
        predicted = np.empty(len(y), dtype=np.int64)
        for index, label in enumerate(y.tolist()):
            predicted[index] = self.answer
            self.seen[label] += 1
            self.answer = label if self.last else self.seen.most_common(1)[0][0]
        return predicted

    def predict(self, x: Samples) -> Labels:
        """See `Learner`."""
        return np.full(len(x), self.answer, dtype=np.int64)


def _logistic(problem: Problem) -> Learner:
    from sklearn.linear_model import SGDClassifier

    return ScikitLearn(
        problem, SGDClassifier(loss="log_loss", alpha=1e-5, random_state=problem.seed)
    )


def _mlp(problem: Problem) -> Learner:
    from sklearn.neural_network import MLPClassifier

    return ScikitLearn(problem, MLPClassifier(problem.hidden, random_state=problem.seed))


def _tree(problem: Problem) -> Learner:
    from river.tree import HoeffdingTreeClassifier

    return River(problem, HoeffdingTreeClassifier())


def _forest(problem: Problem) -> Learner:
    from river.forest import ARFClassifier

    return River(problem, ARFClassifier(n_models=10, seed=problem.seed))


#: Rival -> how it is made.
RIVALS: dict[str, Callable[[Problem], Learner]] = {
    "larger class": lambda problem: Trivial(problem, last=False),
    "last label": lambda problem: Trivial(problem, last=True),
    "logistic regression": _logistic,
    "naive Bayes": NaiveBayes,
    "MLP, Adam": _mlp,
    "Hoeffding tree": _tree,
    "adaptive random forest": _forest,
}

#: Problems with more input values than this are met with one seed: minutes to an hour each.
ONE_SEED = {
    "logistic regression": 1_000_000,
    "naive Bayes": 1_000_000,
    "MLP, Adam": 1_000_000,
    "Hoeffding tree": 1_000_000,
    "adaptive random forest": 1_000_000,
}
#: Most input values of a problem for rivals that look at each of them in Python.
MOST_VALUES = {"Hoeffding tree": 8_000_000, "adaptive random forest": 3_000_000}
