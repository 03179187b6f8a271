"""What `metabit fit` found beside its rivals, taken from what it wrote.

    metabit fit DATA --ram 64KiB --board nrf52840 -o FOLDER
    python -m benchmarks.choosing.fit_answers FOLDER ...

Writes benchmarks/results/fit_answers.json; folders that are not given again are kept from before.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import page, results

NAME = "fit_answers"


def row_of(found: dict[str, Any]) -> dict[str, Any]:
    """What the table needs of a fit.json."""
    question, chosen = found["question"], found["chosen"]
    kept = ("label", "test_accuracy", "flash_bytes", "ram_bytes", "n_test", "answers")
    return {
        "name": question["name"],
        "effort": question["effort"],
        "seed": question["seed"],
        "train_samples": question["data"].get("train_samples"),
        "commit": found["commit"],
        "seconds": found["seconds"],
        "chosen": {key: chosen[key] for key in kept},
        "rivals": found["rivals"],
        "confirmed": found.get("confirmed"),
        "as_they_come": found.get("as_they_come"),
    }


def main() -> None:
    """Read the folders, and make the page again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        row = row_of(json.loads((folder / "fit.json").read_bytes()))
        limit = "" if row["train_samples"] is None else f" --limit {row['train_samples']}"
        command = f"metabit fit {row['name']} --ram 64KiB --effort {row['effort']}{limit}"
        results.save(NAME, command, {row["name"]: row})
    page.write()


if __name__ == "__main__":
    main()
