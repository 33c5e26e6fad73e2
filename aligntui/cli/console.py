"""The screen. The one place where the command line knows of Textual.

The command with its flags is in `console_command`: a plain `aligntui` comes here without typer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError


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
