"""The benchmark of few bits: a build with fewer sizes learns what fewer bits would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gates import problems
from benchmarks.learning import state_bits
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps

N = 600

ASK = f"""
import json
from benchmarks.learning import state_bits
from benchmarks.gates import problems
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
p = problems.build("digits", 1)
engine = Engine(dumps(state_bits.network(p, 4)), learn="all", seed=3)
print(json.dumps(engine.learn(p.phases[0].x[:{N}], p.phases[0].y[:{N}]).tolist()))
"""


@pytest.mark.long
def test_bytes_with_eight_sizes_learn_as_four_bits_do(tmp_path: Path) -> None:
    library = state_bits.build(4, tmp_path)
    environment = {**os.environ, "METABIT_LIBRARY": str(library)}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    problem = problems.build("digits", 1)
    in_bytes = state_bits.network(problem, 4)
    assert in_bytes.learn is not None
    learn = replace(in_bytes.learn, bits=4, step_levels=float(np.float32(state_bits.STEP_8)))
    engine = Engine(dumps(replace(in_bytes, learn=learn)), learn="all", seed=3)
    first = problem.phases[0]
    assert json.loads(done.stdout) == engine.learn(first.x[:N], first.y[:N]).tolist()
    assert engine.score(first.x, first.y) > 0.6
