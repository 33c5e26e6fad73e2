"""`aligntui config`: the options, keys and files in force."""

from __future__ import annotations

from typing import Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.shared import Json, settings_of, workspace_of
from aligntui.config.keys import ACTIONS, display
from aligntui.config.load import explain
from aligntui.config.paths import cache_dir, log_dir, user_config_file

app = group("Show the options, keys and files in force.")


@app.command("show")
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show every option with its value and where that came from."""
    rows = explain(settings_of(workspace_of(ctx), {}))
    if as_json:
        output.json_data(rows)
        return
    output.table(("option", "value", "from"), [(row["option"], _value(row["value"]), _origin(row)) for row in rows])


@app.command("keys")
def keys(ctx: typer.Context, as_json: Json = False) -> None:
    """Show every action of the console with its keys; [keys] in a configuration file changes them."""
    changed = settings_of(workspace_of(ctx), {}).keys
    rows: list[dict[str, Any]] = [
        {
            "action": action.id,
            "keys": changed.get(action.id, action.keys).split(","),
            "changed": action.id in changed,
            "help": action.help,
        }
        for action in ACTIONS
    ]
    if as_json:
        output.json_data(rows)
        return
    shown = [(" ".join(map(display, row["keys"])), row["action"], row["help"]) for row in rows]
    output.table(("keys", "action", "what it does"), shown)


@app.command("path")
def path(ctx: typer.Context, as_json: Json = False) -> None:
    """Show where things lie: configuration files, workspace, database, cache, logs."""
    workspace = workspace_of(ctx)
    paths = {
        "user_config": user_config_file(),
        "workspace_config": workspace.config,
        "workspace": workspace.root,
        "database": workspace.database,
        "adapters": workspace.adapters,
        "instructions": workspace.own_instructions,
        "cache": cache_dir(),
        "log": log_dir(),
    }
    if as_json:
        output.json_data({name: {"path": str(each), "exists": each.exists()} for name, each in paths.items()})
        return
    output.table(
        ("what", "path", ""), [(name, each, "" if each.exists() else "(not there)") for name, each in paths.items()]
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _origin(row: dict[str, Any]) -> str:
    line = f", line {row['line']}" if row["line"] else ""
    return f"{row['source']} {row['place']}{line}".strip()
