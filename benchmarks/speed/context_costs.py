"""What contexts cost: RAM, bytes of a state, and instructions of a prediction and a step.

    python -m benchmarks.speed.context_costs

Needs MNIST. A network learns one permutation of the pixels after the other until one, two or all
five of its contexts are open, and then runs 20 samples of the last permutation: on emulated boards,
and on this processor under callgrind. Results go to results/context_costs.json here, and from there
into docs/benchmarks/speed.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import page, results
from benchmarks.gates import problems
from benchmarks.machine_code import callgrind
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.export.container import dumps
from metabit.export.untrained import untrained
from metabit.firmware_sim.profile import profile

Record = dict[str, Any]

NAME = "context_costs"
SEED, N_FIRST, N_LATER, N_COUNTED = 710, 5000, 1500, 20
BOARDS = ("stm32u575", "raspberry-pi-3b-plus")
#: Room for contexts, and how many are open. All have room on both boards.
ROWS = ((0, 1), (5, 1), (5, 2), (5, 5))
#: Functions of the C core and phases of a profile that choose between contexts.
FUNCTIONS = (
    "mb_route", "mb_enter_for", "arrive", "mb_sum_inputs", "mb_misfit", "mb_unusual",
    "mb_follow_sums", "mb_follow_misfit",
)  # fmt: skip
PHASES = ("sums of the inputs", "choose the context", "means of the context")


def measure(room: int, n_open: int, library: Path) -> Record:
    """One row of the table.

    Args:
        room: contexts that there is room for; 0 for one network.
        n_open: of them, contexts that are open.
        library: the C library, whose functions have names.
    """
    problem = problems.build("five permutations of MNIST", SEED)
    model = untrained(problem.spec, (*problem.hidden, 10), problem.start, seed=SEED)
    blob = dumps(model)
    with tempfile.TemporaryDirectory(prefix="metabit-contexts-") as folder:
        state = Path(folder) / "state"
        with Engine(blob, learn="all", contexts=room, state=state) as engine:
            for task, phase in enumerate(problem.phases[:n_open]):
                n = N_FIRST if task == 0 else N_LATER
                engine.learn(phase.x[:n], phase.y[:n])
            status = engine.status()
            assert (status.n_contexts or 1) == n_open, status
            engine.commit()
            image = engine.save_state()
        last = problem.phases[n_open - 1]
        x, y = last.x[-N_COUNTED:], last.y[-N_COUNTED:]
        boards = {}
        for board in BOARDS:
            made = profile(blob, board, state=state, x=x, y=y, n_samples=N_COUNTED)
            assert made.learn is not None
            boards[board] = {
                kind: {
                    "instructions": work.counts.total,
                    "choosing": sum(p.instructions for p in work.counts.phases if p.name in PHASES),
                }
                for kind, work in (("a prediction", made.predict), ("a step", made.learn))
            }
    samples = x.tobytes() + y.astype("<i4").tobytes()
    parts = callgrind.count(
        blob, samples, N_COUNTED, callgrind.PATHS[0], library, contexts=room, state=image
    )
    boards["this processor"] = {
        kind: {
            "instructions": sum(parts[part].values()) / n,
            "choosing": sum(_of(FUNCTIONS, parts[part])) / n,
        }
        for kind, part, n in (
            ("a prediction", "predict in context", 1),
            ("a step", "learn", N_COUNTED),
        )
    }
    return {
        "contexts": room, "n_open": n_open, "state_bytes": len(image), "boards": boards,
        "arena_bytes": plan(blob, learn="all", contexts=room).arena_bytes,
    }  # fmt: skip


def _of(names: Iterable[str], counts: callgrind.Functions) -> Iterable[int]:
    """Counts of these functions, and of parts that the compiler has split off them."""
    wanted = tuple(names)
    return (number for name, number in counts.items() if name.split(".")[0] in wanted)


def main() -> None:
    """Measure, write the JSON, write the table."""
    with tempfile.TemporaryDirectory(prefix="metabit-named-") as folder:
        library = callgrind.with_names(Path(folder))
        rows = []
        for room, n_open in ROWS:
            rows.append(measure(room, n_open, library))
            print(rows[-1], flush=True)
    results.save(NAME, f"python -m benchmarks.speed.{NAME}", {"rows": rows})
    page.write()


if __name__ == "__main__":
    main()
