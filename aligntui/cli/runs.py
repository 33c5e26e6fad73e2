"""`aligntui runs`: training runs from outside. Runs are processes of their own; every command here only looks or asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.option_flags import value_of
from aligntui.cli.runs_queue import queue_app
from aligntui.cli.shared import Json, workspace_of
from aligntui.config.options import Option
from aligntui.core.printable import printable

if TYPE_CHECKING:
    from aligntui.jobs.state import Run

app = group("Training runs: list, show, tail, checkpoint, stop, resume, queue.")
app.add_typer(queue_app, name="queue")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the run, which is that of its adapter.")]
_LINES = Option("lines", 20, "Show so many events, the last ones; 0 shows all.", "runs", metavar="N", low=0, high=10**9)


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runs of the workspace, the last active one first.

    States: queued, starting, running, stopping, stopped, finished, failed; interrupted is a run whose process is gone and
    left no word of its end.
    """
    from aligntui.cli.progress_line import duration
    from aligntui.cli.run_text import figures
    from aligntui.jobs.state import list_runs

    workspace = workspace_of(ctx)
    runs = list_runs(workspace)
    if as_json:
        from aligntui.workbench.training.summary import run_record

        output.json_data([run_record(run) for run in runs])
        return
    if not runs:
        output.say(f"There are no runs in {workspace.adapters}; `aligntui train` starts one.")
        return
    rows = []
    for run in runs:
        story = run.story
        steps = f"{story.step:,}/{story.total_steps:,}" if story.total_steps else ""
        took = duration(run.seconds) if run.seconds is not None else ""
        left = duration(story.eta_s) if story.eta_s and run.state.lives else ""
        rows.append((run.name, run.state, steps, took, left, len(story.checkpoints), figures(story)))
    output.table(("run", "state", "step", "time", "left", "checkpoints", "last values"), rows)


@app.command("show")
def show(
    ctx: typer.Context,
    name: Name,
    config: Annotated[bool, typer.Option("--config", help="Also print the whole configuration.")] = False,
    as_json: Json = False,
) -> None:
    """Show one run: configuration, progress, curves, what they say, sample answers, checkpoints."""
    from aligntui.workbench.training.launching import find
    from aligntui.workbench.training.summary import run_record, summary_lines

    run = find(workspace_of(ctx), name)
    if as_json:
        output.json_data(run_record(run, whole=True))
        return
    from aligntui.cli.run_text import curve_lines, progress_text

    for key, value in summary_lines(run, progress_text(run)):
        output.data(f"{key:<12}{printable(value)}")
    curves = list(curve_lines(run))
    if curves:
        output.data("\n" + "\n".join(curves))
    _show_rest(run)
    if config:
        output.data("\n" + run.folder.config.read_text("utf-8").rstrip())


@app.command("tail")
def tail(
    ctx: typer.Context,
    name: Name,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run has ended.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", parser=value_of(_LINES), help=_LINES.help)] = 20,
    log: Annotated[bool, typer.Option("--log", help="The console log in place of the events.")] = False,
    as_json: Json = False,
) -> None:
    """Show the last events of a run; -f follows it. Ctrl-C ends the looking and never the run.

    With --json each event is a line as it stands in events.jsonl.
    """
    from aligntui.cli.run_text import event_line
    from aligntui.jobs.state import Run
    from aligntui.wire.run_events import encode_event
    from aligntui.workbench.training.launching import find, log_tail
    from aligntui.workbench.training.launching import follow as followed

    workspace = workspace_of(ctx)
    run = find(workspace, name)
    if log:
        for line in log_tail(run.folder.console_log, lines or 1_000_000):
            output.data(json.dumps(line) if as_json else line)
        return
    first = True
    for events in followed(workspace, Run(run.folder)):
        for stamped in events[-lines:] if first and lines else events:
            if as_json:
                output.raw(encode_event(stamped.seq, stamped.time, stamped.event).decode())
            else:
                output.data(event_line(stamped))
        first = False
        if not follow:
            return


@app.command("checkpoint")
def checkpoint(
    ctx: typer.Context,
    name: Name,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is there.")] = True,
    as_json: Json = False,
) -> None:
    """Ask a run for a checkpoint after the step it is at; prints its name, which `--adapter` takes."""
    from aligntui.core.errors import EnvironmentProblem
    from aligntui.workbench.training.launching import ask_for_checkpoint, find

    run = find(workspace_of(ctx), name)
    made = ask_for_checkpoint(run, deadline_s=600 if wait else 0)
    if made is None and wait:
        raise EnvironmentProblem(
            f"The run {name} is {run.state} and has made no checkpoint.", f"`aligntui runs tail {name}` says why."
        )
    if as_json:
        output.json_data({"run": name, "step": made.step if made else None, "path": made.path if made else None})
    elif made:
        output.data(f"{name}@{made.step}")
    else:
        output.say(f"{name} makes a checkpoint after the step it is at")


@app.command("stop")
def stop(
    ctx: typer.Context,
    name: Name,
    kill: Annotated[bool, typer.Option("--kill", help="End its processes at once, without a checkpoint.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Stop a run safely: it finishes the step it is at and keeps a checkpoint. `runs resume` goes on from there."""
    from aligntui.workbench.training.launching import find, follow
    from aligntui.workbench.training.launching import kill as end_now
    from aligntui.workbench.training.launching import stop as ask

    workspace = workspace_of(ctx)
    run = find(workspace, name)
    done = end_now(run) if kill else ask(workspace, run)
    if wait or kill:
        for _ in follow(workspace, run):
            pass
    else:
        run.refresh()
    if as_json:
        output.json_data({"run": name, "state": run.state, "step": run.story.step})
    else:
        output.say(f"{name} has stopped at step {run.story.step:,}" if wait and not kill else done)


@app.command("resume")
def resume(
    ctx: typer.Context,
    name: Name,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Do not follow it.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Put it at the end of the queue.")] = False,
    as_json: Json = False,
) -> int:
    """Go on with a stopped, failed or interrupted run from its last checkpoint; without one it begins anew.

    Nothing about it can be changed: it goes on as it was frozen, and ends with the weights of a run that was never stopped.
    """
    from aligntui.cli.train_follow import begin_and_follow
    from aligntui.workbench.training.launching import check_can_resume, enqueue, find

    workspace = workspace_of(ctx)
    run = find(workspace, name)
    has_checkpoint = check_can_resume(run)
    if not has_checkpoint:
        output.say(f"{name} has no checkpoint: it begins anew")
    if queue:
        entry = enqueue(workspace, name, resume=has_checkpoint)
        if as_json:
            output.json_data({"run": name, "state": "queued", "entry": entry.id})
        else:
            output.say(f"{name} is in the queue")
        return 0
    return begin_and_follow(workspace, run.folder, resume=has_checkpoint, detach=detach, as_json=as_json)


def _show_rest(run: Run) -> None:
    from aligntui.cli.run_text import printed_samples
    from aligntui.workbench.training.reading import read_curves
    from aligntui.workbench.training.summary import config_of

    readings = read_curves(run.story, config_of(run))
    for reading in readings:
        output.data(("" if reading is not readings[0] else "\n") + f"- {printable(reading.text)}")
    for line in printed_samples(run.story):
        output.data(line)
    if run.story.checkpoints:
        steps = ", ".join(f"{run.name}@{one.step}" for one in run.story.checkpoints[-12:])
        more = len(run.story.checkpoints) - 12
        output.data(f"\ncheckpoints {'... ' if more > 0 else ''}{steps}")
    for warning in run.story.warnings:
        output.say(f"warning: {warning}")
