"""Open a model, ask it, teach it, ask again, and keep what it learnt.

    python examples/predict_and_learn.py

The five lines with `engine` are all that a program on a device needs. NumPy only.
"""

from __future__ import annotations

import tempfile

from metabit import Engine
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer import data


def main() -> None:
    """Teach handwritten digits to a network that has seen nothing, one sample at a time."""
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    model = dumps(untrained(InputSpec("uint8", (64,)), (128, 10), x[:200]))

    with tempfile.TemporaryDirectory() as folder:
        with Engine(model, ram="32 KiB", learn="auto", state=folder) as engine:
            print(f"{engine.plan.choice}; RAM: {engine.plan.arena_bytes:,} bytes")
            print(f"before: {engine.score(x_test, y_test):.1%} of the test samples are right")
            for _ in range(3):
                engine.partial_fit(x, y)
            print(f"after:  {engine.score(x_test, y_test):.1%}")
            engine.commit()

        again = Engine(model, ram="32 KiB", learn="auto", state=folder)
        print(f"after a restart: {again.score(x_test, y_test):.1%}")


if __name__ == "__main__":
    main()
