"""What a person is told of a network that is no better than one and the same answer."""

from __future__ import annotations

from typing import Any


def caution(found: dict[str, Any]) -> str | None:
    """What to say of such a network; None of better ones.

    Args:
        found: from `metabit.fitting.outcome.document`.
    """
    common, right = found["data"].get("commonest_class"), found["chosen"]["test_accuracy"]
    if common is None or right > common["test_accuracy"]:  # None: the file of an older version
        return None
    return (
        f'always answering "{common["name"]}", the commonest class of training, is right on '
        f"{100 * common['test_accuracy']:.1f} % of the test samples, and the network is no better: "
        "these inputs, cut and divided like this, do not tell the classes apart. Look at "
        "--channels, --window and --split, or give more samples"
    )
