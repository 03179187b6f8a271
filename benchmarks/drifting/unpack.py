"""Published streams out of the packages that carry them, as CSV files.

    python -m benchmarks.drifting.unpack WHEEL

WHEEL is scikit-multiflow 0.4.1; river is installed. `make drifting-rivals` does it.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.drifting.published import FOLDER
from benchmarks.drifting.stream import N_ROWS

IN_WHEEL = ("elec", "covtype", "weather", "moving_squares")


def from_wheel(wheel: Path) -> None:
    """Copy the first rows of each; the class is in their last column, from 0 or from 1."""
    with zipfile.ZipFile(wheel) as packed:
        for name in IN_WHEEL:
            with packed.open(f"skmultiflow/data/datasets/{name}.csv") as file:
                lines = [line.decode().strip().split(",") for line in islice(file, N_ROWS + 1)]
            write(name, [(line[:-1], line[-1]) for line in lines[1:]])


def from_river() -> None:
    """Write the small streams that travel with river."""
    from river import datasets

    for name, found in (
        ("phishing", datasets.Phishing()),
        ("bananas", datasets.Bananas()),
        ("segments", datasets.ImageSegments()),
        ("shuttle", datasets.Shuttle()),
    ):
        rows = islice(found, N_ROWS)
        write(name, [([str(float(v)) for v in x.values()], str(label)) for x, label in rows])


def write(name: str, rows: Iterable[tuple[list[str], Any]]) -> None:
    """Write NAME.csv from values and the label of each row; labels are numbered in their order."""
    rows = list(rows)
    classes = sorted({label for _, label in rows})
    lines = [",".join([*values, str(classes.index(label))]) for values, label in rows]
    header = ",".join([*(f"feature {i}" for i in range(len(rows[0][0]))), "label"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header, *lines]) + "\n"
    (FOLDER / f"{name}.csv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    from_wheel(Path(sys.argv[1]))
    from_river()
