"""A command line that cannot be read: what typer found wrong, in the words of the other errors.

Typer keeps its own kinds of error to itself, so they are told apart by name. Pinned in tests/cli/test_start.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

import typer

from aligntui.cli.app import COMMANDS

_EXTRA = re.compile(r"Got unexpected extra argument\(?s?\)? \((.*)\)", re.DOTALL)
_NO_COMMAND = re.compile(r"No such command '(.*?)'", re.DOTALL)


def explain(error: typer.TyperException, argv: Sequence[str]) -> tuple[str, str]:
    """What was wrong, and what to do.

    Args:
        error: what typer raised.
        argv: the words of the command line; they tell the command where the error does not.
    """
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else _command(argv)
    see = f"See `{command} --help`."
    name = getattr(error, "option_name", "")
    match type(error).__name__:
        case "NoSuchOption" if name == "--workspace":
            return "--workspace stands before the command.", "Write `aligntui --workspace DIR COMMAND`."
        case "NoSuchOption":
            return f"`{command}` has no flag {name}.", _near_flag(name, ctx) or see
        case "BadOptionUsage" if "does not take a value" in error.message:
            return f"{name} is a switch and takes no value.", f"Write {name} alone. {see}"
        case "BadOptionUsage":
            return f"{name} needs a value, and none follows it.", see
        case "MissingParameter":
            return _missing(error), see
    if extra := _EXTRA.match(error.message):
        return f"`{command}` has no place for {extra[1]!r}.", f"Put a text with spaces in quotes. {see}"
    if unknown := _NO_COMMAND.match(error.message):
        known = list(ctx.command.list_commands(ctx)) if ctx else list(COMMANDS)
        return f"`{command}` has no command {unknown[1]!r}.", _near(unknown[1], known) or f"Known: {', '.join(known)}."
    return error.format_message(), see


def _missing(error: Any) -> str:
    param = error.param
    if param is None:
        return error.format_message()
    is_flag = param.param_type_name == "option"
    name = max(param.opts, key=len) if is_flag else f"The argument {param.metavar or param.name}"
    purpose = (getattr(param, "help", None) or "").split(". ")[0].rstrip(".")
    return f"{name} is missing{f': {purpose[0].lower()}{purpose[1:]}' if purpose else ''}."


def _near_flag(name: str, ctx: Any) -> str:
    flags = (
        [flag for param in ctx.command.get_params(ctx) for flag in (*param.opts, *param.secondary_opts)] if ctx else []
    )
    # the dashes, which all have, would make any two flags look alike
    near = difflib.get_close_matches(name.lstrip("-"), [flag.lstrip("-") for flag in flags], n=1)
    return f"Did you mean --{near[0]}?" if near and f"--{near[0]}" in flags else ""


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _command(argv: Sequence[str]) -> str:
    found = next((word for word in argv if word in COMMANDS), "")
    return f"aligntui {found}".rstrip()
