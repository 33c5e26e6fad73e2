"""`aligntui adapters`: what lies in the workspace's `adapters/`, and what came with the package."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.shared import Json, workspace_of
from aligntui.core.printable import printable
from aligntui.data.adapter_folders import AdapterFolder, find_adapter, list_adapters

app = group("List adapters, show one.")


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the adapters of the workspace and the bundled ones; those that cannot be used say why.

    NAME@STEP names a checkpoint. Checkpoints lie in NAME/run/checkpoints/checkpoint-STEP or, as the Trainer of transformers
    leaves them, in NAME/checkpoint-STEP; training that has not ended can be looked at by them.
    """
    found = list_adapters(workspace_of(ctx))
    if as_json:
        output.json_data([_record(adapter) for adapter in found])
        return
    if not found:
        output.say(f"There are no adapters in {workspace_of(ctx).adapters}.")
        return
    headings = ("name", "rank", "alpha", "size", "modules", "checkpoints", "about")
    output.table(headings, [_row(adapter) for adapter in found])


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="NAME, NAME@STEP, or a path with a / in it.")],
    as_json: Json = False,
) -> None:
    """Show one adapter with its hash and what its training says of itself, then its whole card."""
    adapter = find_adapter(workspace_of(ctx), name)
    record = {**_record(adapter), "sha256": adapter.sha256}
    whole_card = adapter.whole_card
    if as_json:
        output.json_data({**record, "whole_card": whole_card})
        return
    shown = {key: _shown(value) for key, value in record.items() if key != "card"}
    width = max(map(len, shown))
    for key, value in shown.items():
        if value:
            output.data(f"{key.ljust(width)}  {value}")
    if whole_card.strip():
        output.data(f"\n{whole_card.rstrip()}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    # not `one_line`, which would make one space of two in a path
    return printable(text).replace("\n", " ")


def _record(adapter: AdapterFolder) -> dict[str, Any]:
    values = {f.name: getattr(adapter, f.name) for f in fields(adapter)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()} | {
        "path": str(adapter.path)
    }


def _row(adapter: AdapterFolder) -> tuple[object, ...]:
    steps = ", ".join(map(str, adapter.checkpoints))
    if adapter.problem:
        return adapter.name, "", "", "", "", steps, f"cannot be used: {adapter.problem}"
    size = f"{adapter.size_bytes / 1e6:.1f} MB"
    return (
        adapter.name,
        adapter.rank,
        f"{adapter.alpha:g}",
        size,
        ", ".join(adapter.target_modules),
        steps,
        adapter.card,
    )
