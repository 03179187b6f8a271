"""What `--help` says of every verb is true of it, and fits a terminal."""

from __future__ import annotations

import re

import click
import pytest

from metabit.cli import VERBS, group

from .conftest import Cli


def options_of(verb: str) -> list[click.Option]:
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    return [each for each in command.params if isinstance(each, click.Option)]


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_named_alike_and_explained(verb: str) -> None:
    for option in options_of(verb):
        assert option.help, option.opts
        for name in (*option.opts, *option.secondary_opts):
            assert re.fullmatch(r"-[a-z]|--[a-z]+(-[a-z]+)*", name)


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_only_options_that_the_verb_has(cli: Cli, verb: str) -> None:
    every = options_of(verb)
    own = {name for option in every for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    assert set(re.findall(r"--[a-z][\w-]*", cli(verb, "--help").stdout)) <= own


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_80_columns(cli: Cli, verb: str) -> None:
    lines = cli(*verb.split(), "--help").stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []
