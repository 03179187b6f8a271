"""The `metabit` command: one file per verb in `verbs/`, each loaded only when it is called.

Exit codes: 0 ok, 1 storage, network or installation failed, 2 usage or input, 3 budget exceeded,
4 file rejected, 5 mismatch, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import traceback
import warnings
from collections.abc import Sequence

import click

from metabit.cli.answers import indented, say_failure
from metabit.cli.standard_streams import WatchedStdout, prepare
from metabit.errors import InputError, MetabitError, StorageError, nearest
from metabit.interrupt import INTERRUPTED

#: Every verb with the first line of its help, in the order of the story.
STORY: dict[str, dict[str, str]] = {
    "Begin here": {
        "demo": "Run the whole story on real data, in about a minute.",
        "fit": "Find, train and pack a network for your data that fits the device.",
        "data": "List data sets, download or make one, look into your own.",
        "doctor": "Check the installation.",
    },
    "Train a network": {
        "train": "Train a network from a recipe.",
        "compare": "Compare finished runs in one table, with plots.",
        "importance": "Show which weights of a network given samples need.",
        "reproduce": "Run a published benchmark and print its table.",
    },
    "Pack it, and look into it": {
        "export": "Pack a trained network into a .mbit file or another format.",
        "import": "Convert an ONNX network of binary layers to a .mbit file.",
        "inspect": "Show what is in a .mbit file, or in a learnt state.",
        "verify": "Check a model's scores, or that two files hold the same model.",
    },
    "Run it, and teach it": {
        "plan": "Show how much RAM a model needs, to the byte.",
        "predict": "Run a model on samples and print their labels.",
        "learn": "Teach a model with labelled samples, in their order.",
        "state": "Look at what was learnt, state by state; take back what harmed.",
        "report": "Write one HTML page about a run, a search, a stream or a profile.",
        "bench": "Measure a model's speed on this machine, layer by layer.",
    },
    "Take it to a board": {
        "boards": "List the known boards.",
        "profile": "Estimate what a model costs on a board: RAM, flash, time, energy.",
        "simulate": "Run the real firmware on an emulated board.",
        "firmware": "Write what runs on a board: a firmware image, or a program that measures.",
        "device": "Speak to a device: test it, predict, teach it, take its state out.",
    },
}
VERBS = {name: line for part in STORY.values() for name, line in part.items()}

#: Modules of verbs that are words of Python.
MODULES = {"import": "import_onnx"}

#: Packages without which no verb runs; click, the third, is missed before this file is read.
REQUIRED = ("numpy", "rich")


class LazyGroup(click.Group):
    """A group that knows its verbs' names, and imports a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order of the story."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `metabit.cli.verbs.<verb>` and return its `command`."""
        if cmd_name not in VERBS:
            return None
        name = MODULES.get(cmd_name, cmd_name)
        command = importlib.import_module(f"{__name__}.verbs.{name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown verb gets the nearest known one."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            ctx.fail(f'no verb "{args[0]}": {nearest(args[0], VERBS)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, written without importing one."""
        widest = max(map(len, VERBS))
        for heading, verbs in STORY.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), line) for name, line in verbs.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from metabit import __version__

        click.echo(f"metabit {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="VERB [ARGS]...",
    epilog="`metabit VERB --help` explains a verb. Every verb takes --json.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print the version.",
)  # fmt: skip
def group() -> None:
    """Binary networks that learn on the device and do not forget."""


def run_process(args: Sequence[str]) -> int:
    """`run`, after the process's standard streams were made fit for it."""
    try:
        prepare()
    except StorageError as error:
        return _fail(args, error)
    return run(args)


def run(args: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code.

    Every error becomes one line on stderr, and with --json an answer on stdout; none a traceback.
    """
    with WatchedStdout() as stdout:
        try:
            code = _run(args, stdout)
            stdout.flush()
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            return INTERRUPTED
        except (OSError, SystemExit):  # click and rich exit when the reader of a pipe has left
            lost = stdout.give_up()
            return 1 if lost is None else _fail([], lost)
    return code


def _run(args: Sequence[str], stdout: WatchedStdout) -> int:
    """As `run`, but what standard output raises is passed on."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            result = group.main(list(args), prog_name="metabit", standalone_mode=False)
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # of click 8.2 and newer
            error.show()
            return error.exit_code
        where = error.ctx.command_path if error.ctx else "metabit"
        message = f"{error.format_message()} (`{where} --help` explains)"
        return _fail(args, InputError(message, code="E-USAGE"))
    except click.ClickException as error:
        return _fail(args, InputError(error.format_message(), code="E-USAGE"))
    except click.Abort:
        raise
    except OSError as error:
        if stdout.error is not None:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _fail(args, StorageError(what, code="E-IO"))
    except MemoryError:
        return _fail(args, MetabitError("not enough memory on this machine", code="E-MEMORY"))
    except Exception as error:
        return _fail(args, _mistake(error))
    return result if isinstance(result, int) else 0


def _mistake(error: Exception) -> MetabitError:
    """What to say of an exception that nobody expected."""
    if isinstance(error, ModuleNotFoundError) and error.name in REQUIRED:
        message = f"{error.name} is not installed, and metabit needs it: pip install {error.name}"
        return MetabitError(message, code="E-INSTALL")
    if os.environ.get("METABIT_DEBUG"):
        traceback.print_exc()
    message = (
        f"{type(error).__name__}: {error}. This is a mistake in metabit; "
        "METABIT_DEBUG=1 shows where"
    )
    return MetabitError(message, code="E-INTERNAL")


def _show_warning(message: Warning | str, *_where: object, **_more: object) -> None:
    """A warning as one line, without the source line that raised it."""
    click.echo(f"warning: {indented(str(message))}", err=True)


def _fail(args: Sequence[str], error: MetabitError) -> int:
    verb = next((arg for arg in args if arg in VERBS), "metabit")
    return say_failure(verb, error, as_json="--json" in args, partial={})
