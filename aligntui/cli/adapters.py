"""`aligntui adapters`: what lies in the workspace's `adapters/`, and what came with the package."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.option_flags import with_options
from aligntui.cli.shared import Json, settings_of, workspace_of
from aligntui.core.printable import printable
from aligntui.data.adapter_folders import AdapterFolder, find_adapter, list_adapters

app = group("List adapters, show one; merge one into its base, push one to the hub.")


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the adapters of the workspace and the bundled ones; those that cannot be used say why.

    NAME@STEP names a checkpoint. Checkpoints lie in NAME/run/checkpoints/step-STEP or, as the Trainer of transformers
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


@app.command("merge")
@with_options(["model", "trust_remote_code"])
def merge(
    ctx: typer.Context,
    flags: dict[str, Any],
    name: Annotated[str, typer.Argument(metavar="NAME", help="NAME, NAME@STEP, or a path with a / in it.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder that will be made.")],
    strength: Annotated[float, typer.Option(metavar="X", help="Factor on the adapter's weight change.")] = 1.0,
    dtype: Annotated[
        str, typer.Option(metavar="TYPE", help="Of the weights that are written; auto is that of the base's own files.")
    ] = "auto",
    anyway: Annotated[bool, typer.Option(help="Merge into other base weights than it was trained on.")] = False,
    as_json: Json = False,
) -> None:
    """Write base and adapter as one plain model, for programs that load no adapters.

    The sum is formed in float32. The folder can be chatted with and trained on by `--model FOLDER`.
    """
    from aligntui.jobs.merging import MergeOrder, merge_adapter

    adapter = find_adapter(workspace_of(ctx), name)
    settings = settings_of(workspace_of(ctx), flags)
    order = MergeOrder(
        settings.model, adapter.path.resolve(), adapter.name, out.expanduser().absolute(), strength, dtype,
        adapter.base_weights_sha256, anyway, settings.trust_remote_code,
    )  # fmt: skip
    output.say(f"Adding {adapter.name} to {settings.model} ...")
    made = merge_adapter(order)
    if as_json:
        output.json_data(made)
        return
    output.data(made["path"])
    output.say(f"{made['size_bytes'] / 1e6:.0f} MB, {made['dtype']}, weights {made['weights_sha256']}")


@app.command("push")
def push_to_hub(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="An adapter, or the folder of a merged model as a path with a / in it."),
    ],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository on the hub; made where it is missing.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    with_run: Annotated[
        bool, typer.Option("--with-run", help="Also send configuration, lineage and events of the training.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send an adapter or a merged model to the hub, in one commit; weights in safetensors only."""
    from aligntui.data.adapter_push import plan_push, push

    plan = plan_push(_folder_of(ctx, name), repo, private=not public, with_run=with_run)
    address = None if dry_run else push(plan)
    if as_json:
        files = [{"name": file.name, "size_bytes": file.size_bytes} for file in plan.files]
        output.json_data({"repo": plan.repo, "private": plan.private, "files": files, "commit": address})
        return
    output.table(("file", "size"), [(file.name, f"{file.size_bytes / 1e6:.2f} MB") for file in plan.files])
    kind = "private" if plan.private else "public"
    output.say(
        f"These {len(plan.files)} files ({plan.size_bytes / 1e6:.2f} MB) would go to {plan.repo} ({kind} if it is new); "
        "nothing was sent."
        if address is None
        else f"Sent to {address}"
    )


def _folder_of(ctx: typer.Context, name: str) -> Path:
    path = Path(name).expanduser()
    if "/" in name and (path / "config.json").is_file() and not (path / "adapter_config.json").is_file():
        return path  # a merged model
    return find_adapter(workspace_of(ctx), name).path


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
        ", ".join(adapter.module_names),
        steps,
        adapter.card,
    )
