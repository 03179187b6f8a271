"""What a counting head costs and knows in less RAM: two gates with fewer features, and with the
small form.

    python -m benchmarks.heads.head_forms

Writes benchmarks/results/head_forms.json. MNIST is looked for in METABIT_DATA.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import results
from benchmarks.gates import exam, problems
from benchmarks.gates.home import exported, kept_of
from benchmarks.gates.problem import Problem
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Learn
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Model

SEEDS = (600, 601, 602)
PROBLEMS = ("MNIST 0 to 4, then 5, 6, 7, 8, 9, exported", "HAPT by person, exported")
#: By name: what learns, and the RAM for which its head is made; None for what export takes.
FORMS: dict[str, tuple[Learn, int | None]] = {
    "counting": ("counting", None),
    "counting in 16 KiB": ("counting", 16 * 1024),
    "counting-small": ("counting-small", None),
}


def main() -> None:
    """Measure, print, and write down."""
    found: results.Record = {f"{name}: {form}": {"runs": []} for name in PROBLEMS for form in FORMS}
    for name in PROBLEMS:
        for seed in SEEDS:
            problem = problems.build(name, seed)
            model = exported(problem)
            for form, (learn, ram_bytes) in FORMS.items():
                blob = dumps(_with_less(model, problem, ram_bytes))
                engine = Engine(blob, learn=learn, seed=seed + 1)
                run = exam.examine(problem, engine)
                head_bytes = engine.plan.parts["head_bytes"]
                print(f"{name}, {form}, {head_bytes:,} bytes, seed {seed}: {exam.summary(run)}")
                kept = ("seed", "old_before", "old_after", "all_after")
                row = {key: run[key] for key in kept} | {"head_bytes": head_bytes}
                found[f"{name}: {form}"]["runs"].append(row)
    results.save("head_forms", "python -m benchmarks.heads.head_forms", found)


def _with_less(model: Model, problem: Problem, ram_bytes: int | None) -> Model:
    """The model, with a head for so much RAM."""
    if ram_bytes is None:
        return model
    return with_head(replace(model, head=None), *kept_of(problem), ram_bytes=ram_bytes)


if __name__ == "__main__":
    main()
