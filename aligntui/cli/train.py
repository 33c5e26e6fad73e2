"""`aligntui train`: freeze configuration and data into a run, show what will happen, start it, follow it."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import single
from aligntui.cli.choices import choice_of
from aligntui.cli.pairs_import import LAYOUTS
from aligntui.cli.shared import Json, workspace_of
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.printable import printable

if TYPE_CHECKING:
    from aligntui.config.paths import Workspace
    from aligntui.config.training import TrainingConfig
    from aligntui.workbench.training.fit import Fit
    from aligntui.workbench.training.submitting import Submission

app = single()
NO_NAME = "unnamed"
"""Of what is only looked at."""


@app.command()
def train(
    ctx: typer.Context,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="Settings by name; --list-presets shows them.", show_default=False)
    ] = "",
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="`pairs` (those of the workspace), a data set NAME[@VERSION], a bundled one such as opposed-demo, a file or "
            "folder, or a data set of the hub.",
            show_default=False,
        ),
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the adapter that will be made.", show_default=False)
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="`embedded`, a folder or a hub id; else that of the preset.", show_default=False
        ),
    ] = "",
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a setting, such as max_steps=100 or adapter.rank=8; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings of a YAML file, in place of a preset.")
    ] = None,
    save_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the settings that follow to a YAML file.")
    ] = None,
    layout: Annotated[str, choice_of("layout", LAYOUTS, "How the records of a file are laid out.")] = "auto",
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=COLUMN", help="Read a field of a file from this column, as `pairs import`."
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out records that cannot be read; else one of them refuses all.")
    ] = False,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE", help="An evaluation suite that must not be in the data, besides the bundled ones."
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Do not follow the run.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Put it at the end of the queue.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything that can be checked without the base; start nothing.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the first batch as it is fed: trained and masked tokens.")
    ] = False,
    replace_it: Annotated[
        bool, typer.Option("--replace", help="Put an ended run of this name that made no adapter aside.")
    ] = False,
    accelerate: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Start it below `accelerate launch` with these words, such as '--num_processes 2'; '' for none.",
            show_default=False,
        ),
    ] = None,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="List the presets and leave.")] = False,
    as_json: Json = False,
) -> int:
    """Train an adapter.

    Configuration and data are frozen into adapters/NAME/run/ and shown, with the command that starts the process; then it
    is started as a process of its own, which no closed terminal and no lost line ends. This command follows it: Ctrl-C
    leaves it alone, and a second Ctrl-C right after stops it safely, with a checkpoint. Standard output is the name of the
    adapter. Exit codes: 0 it has finished, was stopped as asked, or goes on by itself (--detach, --queue); 1 a bug; 2 the
    configuration or the data are wrong; 3 memory, disk or a library is lacking, or its process was killed; 130 after
    Ctrl-C, the run going on.
    """
    if list_presets:
        _list_presets(as_json)
        return 0
    from aligntui.workbench.training.fit import estimate_for
    from aligntui.workbench.training.submitting import check_name

    workspace = workspace_of(ctx)
    only_looks = dry_run or preview
    settings = _settings(preset, config, model, set or [])
    if save_config:
        from aligntui.config.training import save_config as write

        write(settings, save_config.expanduser())
        output.say(f"settings written to {save_config}")
    if not data.strip():
        raise UserError(
            "--data is missing: what to train on.", "Give `pairs`, NAME[@VERSION], a file, or opposed-demo."
        )
    if not name and not only_looks:
        raise UserError("--name is missing: what the adapter will be called.", "For example --name formal-1.")
    if name:
        check_name(workspace, name, replace_it=replace_it)
    wish = (data, layout, map or [], skip_bad)
    submission = _prepared(workspace, name or NO_NAME, settings, wish, _suites(suite or []), accelerate)
    fit = estimate_for(submission.config, submission.split)
    plan = _plan(workspace, submission, fit)
    if preview:
        return _preview(submission, as_json)
    if dry_run and as_json:
        output.json_data({**plan, "dry_run": True})
        return 0
    _show(submission, fit, plan["command"], on_stdout=dry_run)
    if dry_run:
        output.say("this was a dry run: nothing was written and nothing started")
        return 0
    return _start(workspace, submission, replace_it=replace_it, queue=queue, detach=detach, as_json=as_json)


def _settings(preset: str, config: Path | None, model: str, changes: list[str]) -> TrainingConfig:
    from aligntui.config.training import apply_settings, load_config, load_preset

    if bool(preset) == bool(config):
        message = "--preset and --config exclude each other." if preset else "--preset is missing: how to train."
        raise UserError(message, "`aligntui train --list-presets` shows them; cita-kl and ecliptica-dpo are two.")
    found = load_preset(preset).config if config is None else load_config(config.expanduser())
    model = str(Path(model).expanduser().absolute()) if model and Path(model).expanduser().is_dir() else model
    return apply_settings(found, [*([f"base.model={model}"] if model else []), *changes])


def _suites(named: list[str]) -> dict[str, tuple[str, ...]]:
    from aligntui.workbench.curation.suites import parse_suites
    from aligntui.workbench.training.checks import bundled_suites

    return {**bundled_suites(), **parse_suites(named)}


def _prepared(
    workspace: Workspace,
    name: str,
    config: TrainingConfig,
    wish: tuple[str, str, list[str], bool],
    suites: dict[str, tuple[str, ...]],
    accelerate: str | None,
) -> Submission:
    from aligntui.data.pair_import import parse_mapping
    from aligntui.workbench.training.checks import check_data
    from aligntui.workbench.training.sources import DataWish, load_source
    from aligntui.workbench.training.submitting import prepare

    data, layout, mapping, skip_bad = wish
    source = load_source(workspace, DataWish(data, layout, parse_mapping(mapping), skip_bad))
    words = None if accelerate is None else _words(accelerate)
    submission = prepare(workspace, name, config, source, accelerate=words)
    warnings = check_data(submission.split.train, submission.config, suites)
    return replace(submission, warnings=(*submission.warnings, *warnings))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(f"--accelerate cannot be read: {error}.", "Write it as in a shell.") from error


def _plan(workspace: Workspace, submission: Submission, fit: Fit | None) -> dict[str, Any]:
    from aligntui.config.training.yaml_file import plain
    from aligntui.jobs.folders import run_folder
    from aligntui.jobs.starting import process_command

    folder = run_folder(workspace, submission.name)
    command = process_command(folder, accelerate=submission.accelerate)
    return {
        "run": submission.name,
        "folder": str(folder.path),
        "config": plain(submission.config),
        "data": {"source": submission.source.origin, **submission.counts},
        "fit": fit.as_dict() if fit else None,
        "warnings": list(submission.warnings),
        "command": shlex.join(command),
    }


def _show(submission: Submission, fit: Fit | None, command: str, *, on_stdout: bool) -> None:
    """The exact configuration, what it is trained on, whether it fits, and how it is started."""
    from aligntui.config.training import dump_config

    say = output.data if on_stdout else output.say
    counts = submission.counts
    source = submission.source.origin.get("source", "")
    say(dump_config(submission.config).rstrip())
    say(f"\n# data     {source}: {counts['train']:,} records, {counts['held_out']:,} held out")
    if fit:
        for line in fit.lines():
            say(f"# {line}")
    say(f"# process  {command}\n")
    for warning in submission.warnings:
        output.say(f"warning: {printable(warning)}")
    if fit and not fit.fits:
        output.say(f"warning: {fit.verdict} {fit.advice}")


def _start(
    workspace: Workspace, submission: Submission, *, replace_it: bool, queue: bool, detach: bool, as_json: bool
) -> int:
    from aligntui.cli.train_follow import begin_and_follow
    from aligntui.workbench.training.launching import enqueue
    from aligntui.workbench.training.submitting import submit

    folder = submit(workspace, submission, replace_it=replace_it)
    if not queue:
        return begin_and_follow(workspace, folder, detach=detach, as_json=as_json)
    entry = enqueue(workspace, folder.name)
    if as_json:
        output.json_data({"run": folder.name, "state": "queued", "folder": str(folder.path), "entry": entry.id})
    else:
        output.data(folder.name)
        output.say("it is in the queue, which is worked off in the background: `aligntui runs queue list` shows it")
    return 0


def _preview(submission: Submission, as_json: bool) -> int:
    from aligntui.cli.train_preview import show_preview
    from aligntui.jobs.folders import RunFolder
    from aligntui.jobs.preview import run_preview
    from aligntui.workbench.training.submitting import freeze

    draft = Path(tempfile.mkdtemp(prefix="aligntui-preview-"))
    try:
        freeze(submission, draft / "run")
        rows = run_preview(RunFolder(submission.name, draft / "run"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(f"The preview needs a folder for its data: {reason}.", "Free some space.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    show_preview(rows, as_json=as_json)
    return 0


def _list_presets(as_json: bool) -> None:
    from aligntui.config.training import presets

    found = presets()
    if as_json:
        keys = ("name", "about", "source", "gpu_only", "ours")
        output.json_data([{key: getattr(one, key) for key in keys} | {"method": one.config.method} for one in found])
        return
    for one in found:
        output.data(f"{one.name}: {one.config.method}, {one.config.base.model}, source {one.source}")
        output.data(f"    {one.about}")
