"""What a self-test has compared, in words."""

from __future__ import annotations


def self_test_told(where: str, n_samples: int) -> tuple[str, str]:
    """A line for people, and its style, after a self-test that found nothing wrong.

    Args:
        where: "the board" or "the device".
        n_samples: golden samples of the file, which it compared.
    """
    if n_samples == 0:
        return (
            f"self-test on {where}: nothing was compared, for the file has no golden samples; "
            "`metabit export RUN FILE --golden 4` stores some",
            "yellow",
        )
    return f"self-test on {where}: {n_samples} golden samples, scores equal", ""
