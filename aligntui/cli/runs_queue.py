"""`aligntui runs queue`: which runs come next. Configurations were frozen when they were submitted."""

from __future__ import annotations

from typing import Annotated

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.output import counted
from aligntui.cli.shared import Json, workspace_of

queue_app = group("The queue: list, add, remove, move, at-once.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the run.")]


@queue_app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the queue in its order; runs whose turn has come stand first."""
    from aligntui.jobs.queue import Queue
    from aligntui.jobs.worker import worker_of

    queue = Queue(workspace_of(ctx))
    entries, worker = queue.entries(), worker_of(queue)
    if as_json:
        pid = worker.pid if worker else None
        output.json_data({"entries": entries, "at_once": queue.at_once, "worker": pid})
        return
    if entries:
        waiting = 0
        rows = []
        for entry in entries:
            waiting += not entry.running
            place = "now" if entry.running else waiting
            rows.append((place, entry.name, "resume" if entry.resume else "", entry.added_at[:16].replace("T", " ")))
        output.table(("place", "run", "", "added (UTC)"), rows)
    else:
        output.say("The queue is empty.")
    if entries and worker is None:
        output.say("Nobody works the queue off (the worker was killed); `aligntui runs queue start` goes on.")
    if queue.at_once > 1:
        output.say(f"{counted(queue.at_once, 'run')} at once")


@queue_app.command("add")
def add(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Put a run at the end of the queue: a stopped, failed or interrupted one goes on from its last checkpoint."""
    from aligntui.workbench.training.launching import check_can_resume, enqueue, find

    workspace = workspace_of(ctx)
    entry = enqueue(workspace, name, resume=check_can_resume(find(workspace, name)))
    if as_json:
        output.json_data(entry)
    else:
        output.say(f"{name} is in the queue")


@queue_app.command("remove")
def remove(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Take a waiting run out of the queue; it stays as it was frozen, and `runs queue add` puts it back."""
    from aligntui.jobs.queue import Queue

    entry = Queue(workspace_of(ctx)).remove(name)
    if as_json:
        output.json_data(entry)
    else:
        output.say(f"{name} was taken out of the queue")


@queue_app.command("move")
def move(
    ctx: typer.Context,
    name: Name,
    place: Annotated[int, typer.Argument(metavar="PLACE", help="Among those that wait; 1 is the next.")],
    as_json: Json = False,
) -> None:
    """Put a waiting run at another place."""
    from aligntui.jobs.queue import Queue

    entries = Queue(workspace_of(ctx)).move(name, place)
    if as_json:
        output.json_data(entries)
    else:
        output.say("waiting: " + ", ".join(entry.name for entry in entries if not entry.running))


@queue_app.command("at-once")
def at_once(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="N", help="Runs that may live together, those started by hand too.")],
    as_json: Json = False,
) -> None:
    """Let the queue run so many at once; 1 until this is changed."""
    from aligntui.jobs.queue import Queue

    Queue(workspace_of(ctx)).set_at_once(number)
    if as_json:
        output.json_data({"at_once": number})
    else:
        output.say(f"{counted(number, 'run')} at once")


@queue_app.command("start")
def start(ctx: typer.Context, as_json: Json = False) -> None:
    """Work the queue off in the background, where nobody does: after a restart of the machine, for example."""
    from aligntui.jobs.queue import Queue
    from aligntui.jobs.worker import ensure_worker, worker_of

    queue = Queue(workspace_of(ctx))
    waiting = len(queue.entries())
    if waiting:
        ensure_worker(queue)
    worker = worker_of(queue)
    if as_json:
        output.json_data({"entries": waiting, "worker": worker.pid if worker else None})
    elif not waiting:
        output.say("The queue is empty.")
    else:
        output.say(f"{counted(waiting, 'run')} in the queue" + (f", worker process {worker.pid}" if worker else ""))
