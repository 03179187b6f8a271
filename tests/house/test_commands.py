"""Commands that pages, the Makefile and results name are there, with their options."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import click
import pytest

from metabit.cli import VERBS, group

ROOT = Path(__file__).parents[2]
#: The changelog is history, and may name what is gone.
PAGES = [
    *(page for page in ROOT.glob("*.md") if page.name != "CHANGELOG.md"),
    *ROOT.glob("docs/**/*.md"),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "examples", "recipes")),
]
RUN = [
    ROOT / "Makefile", ROOT / ".ci" / "run", *ROOT.glob("benchmarks/**/*.py"),
    *ROOT.glob("benchmarks/results/*.json"),
]  # fmt: skip
#: Where a name in braces comes next, the last word of the module is only known when it runs.
BENCHMARK = re.compile(r"-m (benchmarks(?:\.\w+)+)(?!\w|\.\{)")
VERB = re.compile(r"(?:`|^ *)metabit ([a-z][\w-]*)((?: [^`\n]*)?)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def benchmarks_of(text: str) -> set[str]:
    return set(BENCHMARK.findall(text))


def unknown_options(text: str) -> list[str]:
    """Options that stand after a verb which has no such option; other words are no verbs."""
    return [
        f"{verb} {option}"
        for verb, rest in VERB.findall(text)
        if verb in VERBS
        for option in OPTION.findall(rest.partition(" | ")[0])
        if option not in options(verb)
    ]


@cache
def options(verb: str) -> set[str]:
    """Options of metabit, of a verb, and of the verbs below it."""
    context = click.Context(group)
    command = group.get_command(context, verb)
    assert command is not None
    commands = [group, command]
    if isinstance(command, click.Group):
        below = (command.get_command(context, name) for name in command.list_commands(context))
        commands += [one for one in below if one is not None]
    names = {name for one in commands for p in one.params for name in (*p.opts, *p.secondary_opts)}
    return names | {"--help"}


@pytest.mark.parametrize("path", [*PAGES, *RUN], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_benchmark_that_is_named_can_be_run(path: Path) -> None:
    named = benchmarks_of(path.read_text(encoding="utf-8"))
    assert {n for n in named if not (ROOT / f"{n.replace('.', '/')}.py").is_file()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_verbs_have_the_options_that_pages_give_them(page: Path) -> None:
    assert unknown_options(page.read_text(encoding="utf-8")) == []


def test_what_is_gone_is_found() -> None:
    assert benchmarks_of("`python -m benchmarks.inference --save x`") == {"benchmarks.inference"}
    text = (
        "`metabit learn FILE - --goal track --speed 3 | tail --lines 4`\n    metabit plan F --ram 1"
    )
    assert unknown_options(text) == ["learn --speed"]
