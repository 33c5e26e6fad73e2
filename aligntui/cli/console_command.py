"""`aligntui console`."""

from __future__ import annotations

from typing import Any

import typer

from aligntui.cli.app import single
from aligntui.cli.console import run_console
from aligntui.cli.option_flags import options_of, with_options

app = single()


@app.command()
@with_options(options_of("model", "memory", "answer", "instruction", "judging", "screen"))
def console(ctx: typer.Context, flags: dict[str, Any]) -> int:
    """Open the console. Every option can also stand in a configuration file or in the environment."""
    return run_console(ctx.find_root().obj, flags)
