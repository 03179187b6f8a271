"""A classifier of scikit-learn that fits a microcontroller and learns new classes there.

    python examples/scikit_learn.py

Needs the extra `sklearn`: pip install "metabit[sklearn]".
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metabit import Engine
from metabit.edge_runtime.sizes import format_kib
from metabit.sklearn import MetabitClassifier


def main() -> None:
    """Digits: all at once beside logistic regression, then two of them only on the device."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)

    rival = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x, y)
    ours = MetabitClassifier(ram="64 KiB", random_state=0).fit(x, y)
    print(f"logistic regression: {rival.score(x_test, y_test):.1%} of the test digits are right")
    ram = format_kib(ours.engine_.plan.needed_bytes)
    print(f"MetabitClassifier: {ours.score(x_test, y_test):.1%}, in {ram} of RAM with learning")

    known, new = y < 8, y >= 8
    device = MetabitClassifier(ram="64 KiB", spare_classes=2, random_state=0)
    device.fit(x[known], y[known])
    print(f"trained on 0 to 7 only: {device.score(x_test, y_test):.1%} of all digits")
    device.partial_fit(x[new], y[new])  # each sample once, as a device does
    print(f"after it has seen 8 and 9: {device.score(x_test, y_test):.1%} of all digits")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.mbit"
        print(f"the file with all of that: {device.save(path):,} bytes")
        engine = Engine(path)
        labels = engine.predict(engine.push(x_test))
        same = (device.classes_[labels] == device.predict(x_test)).mean()
        print(f"the file alone says the same for {same:.1%} of the test digits")


if __name__ == "__main__":
    main()
