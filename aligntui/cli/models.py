"""`aligntui models`: fetch base models, list those on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.option_flags import with_options
from aligntui.cli.shared import Json, settings_of, workspace_of
from aligntui.config.paths import cache_dir

app = group("Fetch base models, list those on this machine.")

EMBEDDED = "embedded"
_EMBEDDED_FOLDER = "smollm2-135m-instruct-"
"""Beginning of the folder in which the engine keeps the converted default model; its hash follows."""


@app.command("pull")
@with_options(["trust_remote_code"])
def pull_model(
    ctx: typer.Context,
    flags: dict[str, Any],
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="`embedded`, a hub id or a local folder; the one that the options name when left out.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Fetch a model and load it once, so that it is known to work here."""
    from aligntui.cli.engine_argv import engine_argv
    from aligntui.cli.loading import LoadingLine
    from aligntui.workbench.engine_link import ModelWish
    from aligntui.workbench.headless.pull import pull

    settings = settings_of(workspace_of(ctx), flags)
    line = LoadingLine()
    wish = ModelWish(model or settings.model, device="cpu", trust_remote_code=settings.trust_remote_code)
    try:
        loaded = asyncio.run(pull(wish, line.show, engine_argv()))
    finally:
        line.clear()
    for warning in loaded.warnings:
        output.say(f"warning: {warning}")
    if as_json:
        names = ("model", "model_path", "weights_sha256", "template_sha256", "architecture", "parameters")
        output.json_data({name: getattr(loaded, name) for name in (*names, "context_length", "load_s")})
    else:
        output.data(loaded.model_path)
        output.say(
            f"{loaded.architecture}, {loaded.parameters / 1e6:.1f} M parameters, weights {loaded.weights_sha256}"
        )


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models on this machine: converted ones of aligntui, then those in the Hugging Face cache."""
    found = [*_converted(), *_from_hub()]
    if as_json:
        output.json_data(found)
        return
    if found:
        rows = [(m["model"], f"{m['size_bytes'] / 1e6:.0f} MB", m["source"], m["path"]) for m in found]
        output.table(("model", "size", "source", "path"), rows)
    if all(model["model"] != EMBEDDED for model in found):
        output.say("The embedded model is not here yet: `aligntui models pull embedded` fetches it (93 MB).")


def _converted() -> list[dict[str, Any]]:
    try:
        folders = sorted(path for path in (cache_dir() / "models").iterdir() if (path / "config.json").is_file())
    except OSError:
        return []
    return [
        {
            "model": EMBEDDED if folder.name.startswith(_EMBEDDED_FOLDER) else folder.name,
            "source": "aligntui",
            "path": str(folder),
            "size_bytes": _size(folder),
        }
        for folder in folders
        if not folder.name.startswith(".")  # a conversion that is going on
    ]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _from_hub() -> list[dict[str, Any]]:
    # knows the variables that move the cache, and what a half-fetched model looks like; imports no torch
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        cache = scan_cache_dir()
    except (CacheNotFound, OSError, ValueError):
        return []
    for warning in cache.warnings:
        output.say(f"warning: {warning}")
    models = [repo for repo in cache.repos if repo.repo_type == "model"]
    return [
        {"model": repo.repo_id, "source": "hub", "path": str(repo.repo_path), "size_bytes": repo.size_on_disk}
        for repo in sorted(models, key=lambda repo: repo.repo_id)
    ]
