"""The screen. The one place where the command line knows of Textual.

The command with its help is in `console_command`. Typer and the pydantic below it cost 0.15 s, half of what a first paint
may take, so flags that need no explanation are read here. Pinned in tests/cli/test_start.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError


def read_flags(words: list[str]) -> dict[str, Any] | None:
    """Read the words after `console`, as typer would.

    Returns:
        Option name to what was typed; None where typer has something to say: an unknown flag, no value, `--help`.
    """
    if not words:
        return {}
    from aligntui.config.options import OPTIONS

    by_flag = {option.flag: option for option in OPTIONS}
    read: dict[str, Any] = {}
    waiting = list(words)
    while waiting:
        flag, equals, value = waiting.pop(0).partition("=")
        switched_off = "--" + flag.removeprefix("--no-") if flag.startswith("--no-") else ""
        option = by_flag.get(switched_off or flag)
        if option is None:
            return None
        if option.type is bool:
            if equals:
                return None
            read[option.name] = not switched_off
            continue
        if switched_off:
            return None
        if not equals:
            if not waiting or waiting[0].startswith("--"):
                return None
            value = waiting.pop(0)
        read[option.name] = [*read.get(option.name, []), value] if option.several else value
    return read


def run_console(workspace_flag: Path | None, flags: dict[str, Any]) -> int:
    """Open the console and return its exit code.

    Args:
        workspace_flag: what stood after `--workspace`.
        flags: option name to what was typed.

    Raises:
        UserError: this is no terminal, or an option, key or instruction is wrong.
        EnvironmentProblem: the workspace cannot be used.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "The console needs a terminal, and here standard input or output is none.",
            "Without a screen use `aligntui chat --prompt TEXT`, or see `aligntui --help`.",
        )
    from aligntui.cli.engine_argv import engine_argv
    from aligntui.config.paths import find_workspace
    from aligntui.tui.app import ConsoleApp
    from aligntui.workbench.opening import settings_for

    workspace = find_workspace(workspace_flag)
    app = ConsoleApp(workspace, settings_for(workspace, flags), engine_argv())
    return app.run() or app.return_code or 0
