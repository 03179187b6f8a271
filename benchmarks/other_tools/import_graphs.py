"""Thousands of random graphs, as exporters write them, imported and held against ONNX Runtime.

    python -m benchmarks.other_tools.import_graphs [--graphs 3000] [--first 1000]

Each graph of tests/helpers/onnx_graphs.py, opsets 7 to 23, is imported, and 100 samples must get
ONNX Runtime's labels: the first graph where they do not ends the run with its number and its
traits.
Writes benchmarks/results/import_graphs.json and the table of docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from benchmarks import results
from benchmarks.marks import rewrite

NAME, ROOT = "import_graphs", Path(__file__).parents[2]
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "import-graphs"
sys.path.insert(0, str(ROOT / "tests"))

from helpers.onnx_agreement import N_SAMPLES, labels_seen  # noqa: E402
from helpers.onnx_graphs import random_case  # noqa: E402


def run(seeds: range) -> results.Record:
    """Counts of graphs by what they have; AssertionError where a label differs."""
    traits: Counter[str] = Counter()
    n_telling = 0
    for seed in seeds:
        case = random_case(seed)
        n_telling += labels_seen(case, seed) > 1
        traits.update(set(case.traits))
    return {
        "graphs": len(seeds), "first": seeds[0], "samples_per_graph": N_SAMPLES,
        "graphs_with_several_labels": n_telling, "labels_that_differ": 0, "traits": dict(traits),
    }  # fmt: skip


def table(record: results.Record) -> str:
    """The counts as a page shows them."""
    opsets = {key: n for key, n in record["traits"].items() if key.startswith("opset ")}
    rows = [
        ["graphs", f"{record['graphs']:,}"],
        [f"opsets among them, each at least {min(opsets.values())} times", str(len(opsets))],
        ["ways to write a thing, beside the opset", str(len(record["traits"]) - len(opsets))],
        ["graphs that gave several labels", f"{record['graphs_with_several_labels']:,}"],
        ["samples compared", f"{record['graphs'] * record['samples_per_graph']:,}"],
        ["labels that differed from ONNX Runtime's", str(record["labels_that_differ"])],
    ]
    return results.table(["imported and compared", "how many"], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=3000)
    parser.add_argument("--first", type=int, default=1000)
    args = parser.parse_args()
    record = run(range(args.first, args.first + args.graphs))
    command = f"python -m benchmarks.other_tools.{NAME} --graphs {args.graphs}"
    results.save(NAME, command, {"graphs": record})
    rewrite(DOCUMENT, MARK, table(record))
    print(table(record))


if __name__ == "__main__":
    main()
