"""HAPT with a front end: a head that has counted twelve people at home meets twelve others.

    python -m benchmarks.heads.new_people

At home the head counts six activities. Then twelve other people come one after the other, each
window once, with the transitions between their activities, which are new classes. Six more people
are only tested. The head reads the features of the front end as they are, or the sums of a layer
of random weights on them. Writes results/new_people.json, and from there a table into
docs/benchmarks/learning.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import page, results
from benchmarks.gates import people
from benchmarks.gates.people import ACTIVITIES, TRANSITIONS, Windows
from benchmarks.heads.novelty import DOES, fitted, seen_by
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, SEEDS = "new_people", (600, 601, 602)
N_CLASSES = 12


@dataclass(frozen=True)
class Way:
    """What the head reads, and how much RAM its tables may take.

    Attributes:
        hidden: widths of layers of random weights; none: features as they are.
        ram_kib: for the tables of the head.
    """

    hidden: tuple[int, ...]
    ram_kib: int


WAYS = {
    "features as they are": Way((), 60),
    "sums of 128 random units": Way((128,), 50),
    "sums of 256 random units": Way((256,), 60),
}


def measure(way: Way, seed: int) -> results.Record:
    """Shares right of people who are only tested, from 0 to 1, before and after the others came."""
    p = people.people(seed)
    home = p.windows.of_people(p.home).of_classes(ACTIVITIES)
    stream, tested = p.windows.of_people(p.stream), p.windows.of_people(p.tested)
    front_end = fitted(home)
    x, spec = seen_by(home, front_end), InputSpec("int8", (DOES.n_inputs,), 1 / 32)
    network = untrained(spec, (*way.hidden, N_CLASSES), x[:500], seed=seed)
    blob = dumps(with_head(network, x, home.y, ram_bytes=way.ram_kib * 1024))
    engine = Engine(blob, learn="counting")
    parts = {
        "activities": tested.of_classes(ACTIVITIES),
        "transitions": tested.of_classes(TRANSITIONS),
        "all": tested,
    }

    def ask(windows: Windows) -> float:
        return round(engine.score(seen_by(windows, front_end), windows.y), 4)

    before = {name: ask(part) for name, part in parts.items()}
    engine.learn(seen_by(stream, front_end), stream.y)
    after = {name: ask(part) for name, part in parts.items()}
    arena_bytes = engine.plan.arena_bytes
    return {"seed": seed, "before": before, "after": after, "arena_bytes": arena_bytes}


def main() -> None:
    """Measure all ways with all seeds, print them, and write them down."""
    found = {}
    for name, way in WAYS.items():
        found[name] = {"runs": [measure(way, seed) for seed in SEEDS]}
        print(name, *found[name]["runs"], sep="\n  ", flush=True)
    results.save(NAME, f"python -m benchmarks.heads.{NAME}", found)
    page.write()


if __name__ == "__main__":
    main()
