"""`MetabitClassifier` does what scikit-learn expects, and its engine what a device does."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from metabit import BudgetError, Engine
from metabit.export.container import load
from metabit.sklearn import MetabitClassifier

#: scikit-learn's own checks that the classifier is not held to, each with the reason.
EXPECTED_TO_FAIL: dict[str, str] = {}

Rows = NDArray[np.float64]


def small(**arguments: Any) -> MetabitClassifier:
    """A classifier that is trained in a moment."""
    return MetabitClassifier(hidden=(64,), epochs=10, random_state=0, **arguments)


@pytest.fixture(scope="module")
def iris() -> tuple[Rows, NDArray[np.str_]]:
    found = datasets.load_iris()
    return found.data, found.target_names[found.target]


@pytest.fixture(scope="module")
def flowers(iris: tuple[Rows, NDArray[np.str_]]) -> MetabitClassifier:
    return small().fit(*iris)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:features:UserWarning")  # some checks bring such features
def test_every_check_of_scikit_learn_passes() -> None:
    classifier = MetabitClassifier(hidden=(64,), epochs=5, random_state=0)
    told = check_estimator(
        classifier, expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None, on_fail="raise"
    )
    passed = [each for each in told if each["status"] == "passed"]
    assert len(passed) > 50


@pytest.mark.long
def test_defaults_are_not_behind_logistic_regression_on_digits() -> None:
    x, y = datasets.load_digits(return_X_y=True)
    parts = train_test_split(x, y, test_size=0.3, stratify=y, random_state=7)
    x_train, x_test, y_train, y_test = parts
    rival = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    ours = MetabitClassifier(random_state=7).fit(x_train, y_train)
    assert ours.score(x_test, y_test) >= rival.fit(x_train, y_train).score(x_test, y_test)


def test_labels_are_what_was_fitted(
    flowers: MetabitClassifier, iris: tuple[Rows, NDArray[np.str_]]
) -> None:
    x, y = iris
    assert flowers.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert flowers.n_features_in_ == 4
    assert flowers.score(x, y) > 0.9
    assert np.array_equal(
        flowers.predict(x), flowers.classes_[flowers.decision_function(x).argmax(axis=1)]
    )
    proba = flowers.predict_proba(x)
    assert proba.shape == (150, 3)
    assert np.allclose(proba.sum(axis=1), 1)


def test_a_clone_and_a_copy_keep_what_they_should(
    flowers: MetabitClassifier, iris: tuple[Rows, NDArray[np.str_]]
) -> None:
    assert clone(flowers).get_params() == flowers.get_params()
    assert not hasattr(clone(flowers), "engine_")
    taught = copy.deepcopy(flowers)  # by value, as pickle does
    taught.partial_fit(*iris)
    again = copy.deepcopy(taught)
    assert np.array_equal(again.decision_function(iris[0]), taught.decision_function(iris[0]))
    assert not np.array_equal(flowers.decision_function(iris[0]), again.decision_function(iris[0]))


def test_it_works_in_a_pipeline_and_in_cross_validation(
    iris: tuple[Rows, NDArray[np.str_]],
) -> None:
    pipeline = make_pipeline(StandardScaler(), small())
    assert cross_val_score(pipeline, *iris, cv=3).mean() > 0.85


def noise_with_a_plane(n: int) -> tuple[Rows, NDArray[np.int64]]:
    """Two classes of thirty values, of which a few say little."""
    generator = np.random.default_rng(11)
    x = generator.normal(size=(n, 30))
    return x, (x[:, :4].sum(axis=1) + 1.5 * generator.normal(size=n) > 0).astype(np.int64)


def test_few_noisy_rows_get_a_head_straight_on_the_features() -> None:
    """A wide layer learns them by heart."""
    x, y = noise_with_a_plane(1200)
    chosen = MetabitClassifier(random_state=0).fit(x[:200], y[:200])
    assert len(chosen._blob.model.layers) == 1
    wide = MetabitClassifier((256,), random_state=0).fit(x[:200], y[:200])
    assert chosen.score(x[200:], y[200:]) > wide.score(x[200:], y[200:]) + 0.03


def test_classes_that_no_plane_divides_get_a_hidden_layer() -> None:
    x, y = datasets.make_circles(240, factor=0.5, noise=0.08, random_state=0)
    chosen = MetabitClassifier(random_state=0, epochs=10).fit(x, y)
    assert [layer.n_out for layer in chosen._blob.model.layers] == [256, 2]
    assert chosen.score(x, y) > 0.95


def test_long_tails_are_seen_as_logarithms_by_the_saved_file_too(tmp_path: Path) -> None:
    generator = np.random.default_rng(12)
    z = generator.normal(size=(900, 6))
    y = (z[:, 0] + z[:, 1] - z[:, 2] > 0).astype(np.int64)
    x = np.exp(2 * z)
    train, test = slice(600), slice(600, None)
    ours = MetabitClassifier(random_state=0, epochs=10).fit(x[train], y[train])
    rival = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[train], y[train])
    assert ours.score(x[test], y[test]) > rival.score(x[test], y[test]) + 0.05
    ours.save(tmp_path / "tails.mbit")
    engine = Engine(tmp_path / "tails.mbit")
    assert np.array_equal(engine.predict(engine.push(x[test])), ours.predict(x[test]))


def test_numbers_of_numpy_and_a_single_width_are_arguments_too(
    iris: tuple[Rows, NDArray[np.str_]],
) -> None:
    numbers: dict[str, Any] = {
        "hidden": np.int64(16), "epochs": np.int32(2), "ram": np.int64(65536), "random_state": 0
    }  # fmt: skip
    ours = MetabitClassifier(**numbers).fit(*iris)
    same = MetabitClassifier((16,), epochs=2, ram=65536, random_state=0).fit(*iris)
    assert np.array_equal(ours.decision_function(iris[0]), same.decision_function(iris[0]))


def test_labels_of_several_types_are_refused(iris: tuple[Rows, NDArray[np.str_]]) -> None:
    labels = np.array(["a", 1, None] * 50, dtype=object)
    with pytest.raises(ValueError, match="several types, NoneType, int, str"):
        small().fit(iris[0], labels)


def test_partial_fit_alone_learns_from_nothing(iris: tuple[Rows, NDArray[np.str_]]) -> None:
    x, y = iris
    order = np.random.default_rng(0).permutation(len(y))
    classifier = small()
    for part in np.split(order, 3):
        classifier.partial_fit(x[part], y[part], classes=np.unique(y))
    assert classifier.score(x, y) > 0.85


def test_a_goal_is_followed_and_travels_in_the_file(
    iris: tuple[Rows, NDArray[np.str_]], tmp_path: Path
) -> None:
    x, y = iris
    order = np.random.default_rng(0).permutation(len(y))
    classifier = small(goal="track").partial_fit(x[order], y[order], classes=np.unique(y))
    assert classifier.engine_.plan.head == "tracking"
    assert classifier.score(x, y) > 0.85
    classifier.save(tmp_path / "iris.mbit")
    assert Engine(tmp_path / "iris.mbit", learn="auto").plan.head == "tracking"
    with pytest.raises(ValueError, match="goal='follow': 'remember' or 'track'"):
        small(goal="follow").fit(x, y)


def test_a_class_that_comes_later_takes_a_spare_output(
    iris: tuple[Rows, NDArray[np.str_]],
) -> None:
    x, y = iris
    old, new = y != "setosa", y == "setosa"
    with pytest.raises(ValueError, match=r"'setosa'.* no spare class is left"):
        small().fit(x[old], y[old]).partial_fit(x[new], y[new])
    classifier = small(spare_classes=1).fit(x[old], y[old])
    before = classifier.score(x[old], y[old])
    classifier.partial_fit(x[new], y[new])
    assert classifier.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert classifier.score(x[new], y[new]) > 0.9
    assert classifier.score(x[old], y[old]) > before - 0.1


def test_the_saved_file_answers_as_the_classifier_does(
    flowers: MetabitClassifier, iris: tuple[Rows, NDArray[np.str_]], tmp_path: Path
) -> None:
    x, y = iris
    taught = copy.deepcopy(flowers).partial_fit(x[::2], y[::2])
    for name, classifier in (("fitted", flowers), ("taught", taught)):
        assert classifier.save(tmp_path / f"{name}.mbit") > 0
        device = Engine(tmp_path / f"{name}.mbit")
        labels = device.predict(device.push(x))
        assert np.array_equal(classifier.classes_[labels], classifier.predict(x))


def test_names_of_columns_and_classes_travel_in_the_file(tmp_path: Path) -> None:
    found = datasets.load_wine()
    frame = polars.DataFrame(dict(zip(found.feature_names, found.data.T, strict=True)))
    classifier = small().fit(frame, found.target_names[found.target])
    assert classifier.feature_names_in_.tolist() == found.feature_names
    classifier.save(tmp_path / "wine.mbit")
    model = load(tmp_path / "wine.mbit")
    assert list(model.channel_names) == found.feature_names
    assert list(model.class_names) == ["class_0", "class_1", "class_2"]


def test_the_arena_keeps_the_budget(iris: tuple[Rows, NDArray[np.str_]]) -> None:
    wide = small().fit(*iris).engine_.plan.arena_bytes
    narrow = small(ram="8 KiB").fit(*iris)
    assert narrow.engine_.plan.arena_bytes <= 8 * 1024 < wide
    assert narrow.score(*iris) > 0.85
    with pytest.raises(BudgetError):
        small(ram=500).fit(*iris)


def test_more_than_256_features_share_a_scale() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    x = rng.normal(size=(120, 300)) + 0.7 * y[:, np.newaxis]
    assert small().fit(x, y).score(x, y) > 0.95
    assert small().fit(np.abs(x), y).engine_.input.dtype == "uint8"


def test_features_that_16_bits_cannot_hold_are_spoken_of(
    iris: tuple[Rows, NDArray[np.str_]],
) -> None:
    x, y = iris
    with pytest.warns(UserWarning, match=r"features \[0, 1, 2, 3\] vary too little"):
        small().fit(x + 1e6, y)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": (0,)},
        {"hidden": "wide"},
        {"hidden": 1.5},
        {"epochs": 0},
        {"epochs": 2.5},
        {"batch_size": 1},
        {"batch_size": "32"},
        {"learning_rate": 0.0},
        {"m": -1.0},
        {"m": "1"},
    ],
)
def test_arguments_out_of_range_are_refused(
    wrong: dict[str, Any], iris: tuple[Rows, NDArray[np.str_]]
) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MetabitClassifier(**wrong).fit(*iris)


def test_one_class_alone_is_refused(iris: tuple[Rows, NDArray[np.str_]]) -> None:
    with pytest.raises(ValueError, match="only one class"):
        small().fit(iris[0][:50], iris[1][:50])
