"""Write the pages of docs/ that follow from declarations (see PAGES); `--check` only says whether they are current."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from aligntui.cli.app import root
from aligntui.config.keys import keys_table
from aligntui.config.options import OPTIONS, options_table

HERE = Path(__file__).parent
KEYS = """# Keys

Every key of the console. A config file moves them: `[keys]` in `aligntui.toml` (workspace) or in the user's
`config.toml`, for example `"board.left_better" = "w"` or `"chat.rerun" = "f5,ctrl+y"`. `aligntui config path` names the files;
an unknown action or a key that serves two actions is refused with file, key and line.

"""
OPTIONS_HEAD = """# Options

Each option is a flag, an environment variable and a line under `[options]` of a config file; the first of these that is set
wins, the workspace's file before the user's. `aligntui config show` says where every value came from.

{personal} can make a program run: the workspace's file, which may have come from somebody else, cannot set them.

`--instruction` is read in two ways. In the console it is a name of the library, and the console begins with `concise/1` so that
there is an effect to see. `aligntui chat --instruction TEXT` sends the text itself; a text that is just a name of the library
(`concise`, `concise/2`, one of your own) means that entry, and stderr says so. `aligntui chat --instruction-type TYPE[/N]`
takes names only. Without either flag `aligntui chat` sends no instruction, unless `ALIGNTUI_INSTRUCTION` or a config file
names one.

`theme` is `aligntui`, `aligntui-light` or one of those that Textual brings; Ctrl+P lists them.

"""
COMMANDS = """# Commands

Every command of `aligntui` with its arguments and options, as `--help` tells them. `--workspace` stands before the command,
everything else after it. The options of the console can also stand in the environment and in files: [options.md](options.md).

"""


def options_page() -> str:
    """Every option of the console."""
    personal = " and ".join(f"`{option.name}`" for option in OPTIONS if option.personal)
    return OPTIONS_HEAD.format(personal=personal) + options_table() + "\n"


def commands_page() -> str:
    """Every command of the command line."""
    command = get_command(root)
    sections = _sections(command, typer.Context(command, info_name="aligntui"))
    return COMMANDS + "\n".join(sections)


def _sections(command: Any, ctx: typer.Context) -> Iterator[str]:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"## {ctx.command_path}\n\n{command.help}\n\n```text\n{usage}\n```\n"
    rows = [_row(param, ctx) for param in command.get_params(ctx) if param.name != "help"]
    if rows:
        yield "\n".join(["| argument or option | what it does |", "|---|---|", *rows]) + "\n"
    if ctx.parent is None:
        notes = command.epilog.removeprefix("\b\n").rstrip()
        yield f"```text\n{notes}\n```\n"
    for name in getattr(command, "list_commands", lambda ctx: [])(ctx):
        below = command.get_command(ctx, name)
        yield from _sections(below, typer.Context(below, info_name=name, parent=ctx))


def _row(param: Any, ctx: typer.Context) -> str:
    name, told = param.get_help_record(ctx)
    if param.param_type_name == "argument":
        name = re.sub(r" <\w+>$", "", name)  # its Python type
    cells = (f"`{name}`", " ".join(told.split()))
    return "| " + " | ".join(re.sub(r"\|", r"\\|", cell) for cell in cells) + " |"


PAGES = {
    "commands.md": commands_page,
    "keys.md": lambda: KEYS + keys_table() + "\n",
    "options.md": options_page,
}


def main() -> int:
    """Write or check the pages; 1 when one is out of date."""
    check = "--check" in sys.argv[1:]
    stale = [name for name, page in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != page()]
    if check:
        if stale:
            sys.stderr.write(f"out of date: {', '.join(stale)}; run make docs\n")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
