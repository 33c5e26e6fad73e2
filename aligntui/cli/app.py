"""The root of the command line: which commands there are. Each group is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "console": "Open the console (also without any command).",
    "chat": "Answer one prompt: base and adapters under equal conditions.",
    "models": "Fetch base models, list those on this machine.",
    "adapters": "List adapters, show one.",
    "instructions": "List the alignment instructions, show one, add one.",
    "sessions": "List, show, search, rename and export sessions.",
    "pairs": "Judge answers; import, list, lint, measure and export pairs.",
    "switch": "Measure whether answers follow the instruction.",
    "score": "Score base and adapters: IFEval, Track A, batteries and more.",
    "compare": "Compare score runs or files of answers, item by item.",
    "datasets": "Build versions of data sets, list, compare, check.",
    "train": "Train an adapter in a run that no disconnect can stop.",
    "runs": "List, show, follow, stop and resume training runs; the queue.",
    "config": "Show the options, keys and files in force.",
}
"""Command to its line in `aligntui --help`; the module of that name has an `app`."""

EPILOG = """\b
Data goes to stdout, everything else to stderr; --json after a command prints JSON.
Exit codes:
  0    done
  1    a bug of aligntui, with its traceback
  2    you can fix it: a wrong flag, name, file or value
  3    the environment lacks something: memory, disk, network, a library
  130  interrupted by Ctrl-C
  141  the reader of stdout has left (as in `| head`)
"""
SETTINGS = {"help_option_names": ["-h", "--help"]}


class _LazyGroup(TyperGroup):
    """Knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        import importlib

        module = "console_command" if cmd_name == "console" else cmd_name
        command = get_command(importlib.import_module(f"aligntui.cli.{module}").app)
        command.name, command.help = cmd_name, command.help or COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            from aligntui.core.errors import UserError, nearest

            raise UserError(f"There is no command {args[0]!r}.", nearest(args[0], list(COMMANDS)))
        return super().resolve_command(ctx, args)


def group(help: str) -> typer.Typer:
    """An empty group of commands."""
    return typer.Typer(
        help=help, no_args_is_help=True, add_completion=False, rich_markup_mode=None, context_settings=SETTINGS
    )


def single() -> typer.Typer:
    """A command that is no group; it takes its help from its docstring."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)


root = typer.Typer(
    cls=_LazyGroup, epilog=EPILOG, rich_markup_mode=None, context_settings=SETTINGS, pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        from aligntui import __version__
        from aligntui.cli import output

        output.data(f"aligntui {__version__}")
        raise typer.Exit


@root.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with sessions/, datasets/ and adapters/; else ALIGNTUI_WORKSPACE, the current folder where it is "
            "one, or the user's data folder.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int | None:
    """Chat with a language model and its adapters side by side, under live alignment instructions; keep what you prefer."""
    ctx.obj = workspace
    if ctx.invoked_subcommand is None:
        from aligntui.cli.console import run_console

        return run_console(workspace, {})
    return None


def invoke(argv: list[str]) -> int:
    """Run a command line through typer.

    Typer's own `main` is left aside (but for shell completion): it takes broken pipes and Ctrl-C into its own hands.
    """
    import os

    command = get_command(root)
    if "_ALIGNTUI_COMPLETE" in os.environ:
        return command.main(argv, prog_name="aligntui", standalone_mode=False) or 0
    try:
        with command.make_context("aligntui", argv) as ctx:
            return command.invoke(ctx) or 0
    except typer.Exit as exit:
        return exit.exit_code
    except typer.TyperException as error:
        return _usage(error, argv)


def _usage(error: typer.TyperException, argv: list[str]) -> int:
    from aligntui.cli import output
    from aligntui.cli.usage import explain

    ctx = getattr(error, "ctx", None)
    if ctx and (type(error).__name__ == "NoArgsIsHelpError" or not error.format_message()):
        output.say(ctx.get_help())
    else:
        output.complain(*explain(error, argv))
    return error.exit_code
