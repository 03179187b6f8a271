"""metabit for users of scikit-learn: a classifier like any other, with a device's engine inside.

classifier.py  `MetabitClassifier`
features.py    real features as the 8-bit samples of a network
choice.py      what `fit` takes where nobody names a network
networks.py    the networks that `fit` and the first `partial_fit` make

Needs the extra `sklearn`: pip install "metabit[sklearn]".
"""

from __future__ import annotations

from metabit.extras import need

need("metabit.sklearn")

from metabit.sklearn.classifier import MetabitClassifier  # noqa: E402  (needs what was asked for)

__all__ = ["MetabitClassifier"]
