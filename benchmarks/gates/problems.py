"""All gates by name, in the order of the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.gates import people, pictures, streams, synthetic
from benchmarks.gates.problem import Problem

#: From a seed and a divisor of lengths to a gate; InputError where its data are not there.
Builder = Callable[[int, int], Problem]

_same = pictures.stationary
_mnist, _fashion = partial(_same, name="mnist"), partial(_same, name="fashion-mnist")

#: "exported": a network that was trained at home learns more. The others begin with random weights.
PROBLEMS: dict[str, Builder] = {
    "digits": partial(_same, name="digits", stream=1297, passes=5),
    "digits, exported": partial(_same, name="digits", home=648, stream=649),
    "HAPT": people.from_nothing,
    "HAPT by person, exported": people.by_person,
    "HAPT static, dynamic, transitions, exported": people.by_class,
    "MNIST": partial(_mnist, stream=30_000),
    "MNIST, exported": partial(_mnist, home=12_000),
    "five permutations of MNIST": pictures.permuted,
    "Fashion": partial(_fashion, stream=60_000),
    "Fashion, exported": partial(_fashion, home=12_000),
    "Fashion, 20 % wrong": partial(_fashion, stream=30_000, wrong=0.2),
    "Fashion, 20 % wrong, exported": partial(_fashion, home=12_000, wrong=0.2),
    "Fashion, 40 % wrong": partial(_fashion, stream=30_000, wrong=0.4),
    "Fashion, 40 % wrong, exported": partial(_fashion, home=12_000, wrong=0.4),
    "drift": synthetic.drift,
    "MNIST, then Fashion": pictures.one_set_then_another,
    "MNIST 0 to 4, then 5, 6, 7, 8, 9, exported": partial(pictures.new_classes, one_by_one=True),
    "MNIST 0 to 4, then 5 to 9 mixed, exported": partial(pictures.new_classes, one_by_one=False),
    "INSECTS": streams.insects,
    "INSECTS, every tenth held out": partial(streams.insects, held_out=10),
    "one digit 20,000 times": partial(pictures.one_label, exported=False),
    "one digit 20,000 times, exported": partial(pictures.one_label, exported=True),
    "HAPT, stuck sensor": partial(people.stuck_sensor, exported=False),
    "HAPT, stuck sensor, exported": partial(people.stuck_sensor, exported=True),
    "digits, not centred, exported": partial(
        _same, name="digits", home=648, stream=649, centred=False
    ),
    "MNIST, not centred, exported": partial(_mnist, home=12_000, centred=False),
    "accelerometer, not centred, exported": synthetic.accelerometer,
    "turning meaning": synthetic.turning,
}


def build(name: str, seed: int, divisor: int = 1) -> Problem:
    """A gate by name.

    Args:
        name: one of `PROBLEMS`.
        seed: of everything drawn at random.
        divisor: lengths of the large streams are divided by it.

    Raises:
        InputError: its data are not on this machine.
    """
    return replace(PROBLEMS[name](seed, divisor), name=name)


def from_file(path: Path, seed: int) -> Problem:
    """A stream of the user's own as a gate, see `streams.read`."""
    return replace(streams.as_stream(seed, *streams.read(path)), name=path.name)
