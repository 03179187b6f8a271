"""The chosen recipe as a file that one can read and change."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from metabit.trainer.recipe import Recipe
from metabit.trainer.recipe.tables import toml_value

TABLES = ("data", "frontend", "network", "method", "train", "learn")


def readable(recipe: Recipe, remarks: list[str]) -> str:
    """A recipe in TOML without the keys that have their defaults.

    Args:
        recipe: what is written; `metabit train` trains the same network from it.
        remarks: lines that stand above it.
    """
    lines = [f"# {remark}".rstrip() for remark in remarks]
    lines.append(f"name = {toml_value(recipe.name)}")
    for name in TABLES:
        table = getattr(recipe, name)
        if table is None:
            continue
        said = _said(table)
        if said or name in ("data", "frontend", "train"):
            lines += ["", f"[{name}]", *(f"{key} = {toml_value(v)}" for key, v in said.items())]
    return "\n".join(lines) + "\n"


def _said(table: Any) -> dict[str, Any]:
    return {
        f.name: getattr(table, f.name)
        for f in fields(table)
        if f.default is MISSING or getattr(table, f.name) != f.default
    }
