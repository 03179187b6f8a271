"""Results as JSON, with the circumstances they were measured in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from metabit.trainer import circumstances as measured

FOLDER = Path(__file__).parent / "results"
SCHEMA = "metabit/benchmark/1"

Record = dict[str, Any]


def save(name: str, command: str, record: Record) -> Path:
    """Write results/NAME.json; parts that were not measured again are kept from before."""
    FOLDER.mkdir(exist_ok=True)
    before = load(name)
    now = {"command": command, "commit": measured.commit(), **measured.circumstances()}
    merged = {
        "schema": SCHEMA,
        "results": before["results"] | record,
        "circumstances": before["circumstances"] | dict.fromkeys(record, now),
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def place(name: str, row: str) -> int:
    """Where a row stands among the learners of results/NAME.json: old ones stay where they were."""
    before = load(name)["results"]
    found: int = before.get(row, {"row": len(before)})["row"]
    return found


def with_the_rest(name: str, row: str, record: Record) -> Record:
    """A row of which some problems were run anew; each of the others says of which commit it is.

    Args:
        name: of the results that have such a row.
        row: its name there.
        record: what was run anew, with its "problems".
    """
    before = load(name)
    commit = before["circumstances"].get(row, {}).get("commit")
    others = before["results"].get(row, {"problems": {}})["problems"]
    rest = {problem: {"commit": commit, **part} for problem, part in others.items()}
    return {**record, "problems": rest | record["problems"]}


def load(name: str) -> Record:
    """What results/NAME.json holds; empty results when nothing has been measured."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return {"results": {}, "circumstances": {}}
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a sentence where there are no rows yet."""
    if not rows:
        return "Not measured yet."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
