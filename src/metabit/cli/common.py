"""What every verb shares: --json, where text goes, how an error looks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from metabit.cli.answers import Answer as Answer
from metabit.cli.answers import harmless, one_line, say_failure, write_json
from metabit.cli.paths import files_written, paths_read
from metabit.cli.plain_table import PlainTable
from metabit.errors import MetabitError
from metabit.files import check_target, reading

# Width of tables where nobody looks: pipes, files, CI.
PLAIN_COLUMNS = 110


class HarmlessConsole(Console):
    """A console whose colours and cursor are its own: what it is given to show has none."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As rich does; controls that rich puts between texts stay as they are."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else harmless(text), style, control)


def make_console(stderr: bool) -> Console:
    """A console that takes text as it is: square brackets in a path are no markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_COLUMNS
    return HarmlessConsole(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


class Output:
    """Where a verb writes: text for people, and with --json one JSON answer on stdout.

    Attributes:
        console: for people; stdout, or stderr with --json.
        partial: fields that the answer has even when the verb fails.
    """

    def __init__(self, verb: str, as_json: bool) -> None:
        self.verb = verb
        self.as_json = as_json
        self.console = make_console(stderr=as_json)
        self.partial: Answer = {}

    def line(self, text: str, style: str = "") -> None:
        """One line of text; long lines are left to the terminal."""
        self.console.print(one_line(text), style=style, soft_wrap=True)

    def answer(self, text: str) -> None:
        """One line of an answer that goes to another program: on stdout at once, as it is."""
        if not self.as_json:
            print(one_line(text), flush=True)

    def show(self, rows: Table) -> None:
        """A table under its title, which may be wider than the table and is not wrapped at it."""
        if isinstance(rows, PlainTable) and rows.below:
            self.line("")
        if isinstance(rows.title, str):
            self.line(rows.title, "bold")
            rows.title = None
        self.console.print(rows)

    def note(self, text: str) -> None:
        """A line beside the output, on stderr: for verbs whose stdout feeds another program."""
        make_console(stderr=True).print(one_line(text), style="dim", soft_wrap=True)

    def succeed(self, answer: Answer) -> None:
        """The answer of a verb that did what it was asked."""
        if self.as_json:
            write_json(self.verb, {"ok": True, **answer})

    def fail(self, error: MetabitError) -> int:
        """Say what went wrong, once for people and once for programs; returns the exit code."""
        return say_failure(self.verb, error, as_json=self.as_json, partial=self.partial)


def verb(name: str) -> Callable[[Callable[..., Answer]], click.Command]:
    """Make a function `(out, **options) -> answer` into the verb `name`, with --json."""

    def wrap(function: Callable[..., Answer]) -> click.Command:
        @click.command(name, context_settings={"help_option_names": ["-h", "--help"]})
        @click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="Print the answer as one line of JSON; text goes to stderr.",
        )
        @functools.wraps(function)
        def command(as_json: bool, **options: Any) -> None:
            out, context = Output(name, as_json), click.get_current_context()
            try:
                with reading(paths_read(context)):
                    for path in files_written(context):
                        check_target(path)
                    out.succeed(function(out, **options))
            except MetabitError as error:
                context.exit(out.fail(error))

        return command

    return wrap
