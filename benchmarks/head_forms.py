"""What the small form of the counting head costs: two gates with either form, and their RAM.

    python -m benchmarks.head_forms

Writes benchmarks/results/head_forms.json. MNIST is looked for in METABIT_DATA.
"""

from __future__ import annotations

from benchmarks import results
from benchmarks.gates import exam, problems
from benchmarks.gates.home import exported
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Learn
from metabit.export.container import dumps

SEEDS = (600, 601, 602)
PROBLEMS = ("MNIST 0 to 4, then 5, 6, 7, 8, 9, exported", "HAPT by person, exported")
FORMS: tuple[Learn, ...] = ("counting", "counting-small")


def main() -> None:
    """Measure, print, and write down."""
    found: results.Record = {}
    for name in PROBLEMS:
        for form in FORMS:
            runs = []
            for seed in SEEDS:
                problem = problems.build(name, seed)
                engine = Engine(dumps(exported(problem)), learn=form, seed=seed + 1)
                run = exam.examine(problem, engine)
                head_bytes = engine.plan.parts["head_bytes"]
                print(f"{name}, {form}, {head_bytes:,} bytes, seed {seed}: {exam.summary(run)}")
                kept = ("seed", "old_before", "old_after", "all_after")
                runs.append({key: run[key] for key in kept} | {"head_bytes": head_bytes})
            found[f"{name}: {form}"] = {"runs": runs}
    results.save("head_forms", "python -m benchmarks.head_forms", found)


if __name__ == "__main__":
    main()
