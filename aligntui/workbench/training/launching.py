"""Starting, queueing, stopping and following submitted runs: what the command line and the screen both do.

Pinned in tests/workbench/test_training_launching.py and tests/cli/test_train.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.core.printable import one_line
from aligntui.jobs.folders import RunFolder, find_run
from aligntui.jobs.liveness import ProcessRecord
from aligntui.jobs.queue import Entry, Queue
from aligntui.jobs.starting import Started, request, start_run
from aligntui.jobs.state import Run, RunState, look, waiting_names
from aligntui.jobs.worker import ensure_worker
from aligntui.wire.run_events import Checkpoint, Stamped

BEGIN_DEADLINE_S = 120.0
"""How long a start is watched: loading the libraries and a large model takes its time."""
POLL_S = 0.2
LOG_TAIL_BYTES = 1 << 15


def begin(folder: RunFolder, *, resume: bool = False, deadline_s: float = BEGIN_DEADLINE_S) -> Run:
    """Start a run as a process of its own and wait for its first word, so that a start that fails is seen here.

    Returns:
        The run, which lives; also when it has not said anything by the deadline.

    Raises:
        UserError: it runs already, or its process said that the user can fix what is wrong.
        EnvironmentProblem: no process could be started, or it ended without a word.
    """
    started = start_run(folder, resume=resume)
    try:
        return _wait_for_first_word(folder, started, deadline_s)
    finally:
        started.leave()


def enqueue(workspace: Workspace, name: str, *, resume: bool = False) -> Entry:
    """Put a run at the end of the queue, and see to it that somebody works the queue off.

    Raises:
        UserError: there is no such run, it waits already, or it runs.
        EnvironmentProblem: no worker could be started; the run stays in the queue.
    """
    queue = Queue(workspace)
    entry = queue.add(name, resume=resume)
    ensure_worker(queue)
    return entry


def find(workspace: Workspace, name: str) -> Run:
    """A run as it stands now.

    Raises:
        UserError: there is none of this name.
    """
    return look(find_run(workspace, name), waiting_names(workspace))


def check_can_resume(run: Run) -> bool:
    """Whether there is a checkpoint to go on from; a run without one begins anew.

    Raises:
        UserError: it lives, waits in the queue, or has finished.
    """
    if run.state.can_resume:
        return bool(run.story.checkpoints) or any(run.folder.checkpoints.glob("*-*"))
    why = {
        RunState.FINISHED: ("has finished: its adapter is there.", "Train on from it with `--set parent=NAME`."),
        RunState.QUEUED: ("waits in the queue.", "`aligntui runs queue list` shows when its turn comes."),
    }
    message, hint = why.get(run.state, ("is running.", f"`aligntui runs tail {run.name} -f` follows it."))
    raise UserError(f"The run {run.name} {message}", hint)


def stop(workspace: Workspace, run: Run) -> str:
    """Ask a run to stop after the step it is at, with a checkpoint; one that waits in the queue is taken out of it.

    Returns:
        What was done, as a sentence.

    Raises:
        UserError: it neither runs nor waits.
    """
    if run.state is RunState.QUEUED:
        Queue(workspace).remove(run.name)
        return f"{run.name} was taken out of the queue"
    if not run.state.lives:
        raise UserError(f"The run {run.name} is {run.state}: there is nothing to stop.")
    request(run.folder, "stop")
    if run.state is RunState.STARTING and run.process is not None:
        # a process that has just begun sweeps requests away that may be meant for an earlier one; a signal reaches it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(run.process.pid, signal.SIGTERM)
    return f"{run.name} stops after the step it is at, with a checkpoint"


def kill(run: Run) -> str:
    """End a run's processes at once; what came after its last checkpoint is lost.

    Raises:
        UserError: no process of it lives on this machine.
    """
    if run.process is None:
        raise UserError(f"No process of the run {run.name} lives on this machine.")
    records = (ProcessRecord.read(path) for path in (run.folder.launch, run.folder.process))
    for record in records:
        if record is not None and record.is_alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # it leads a session of its own where it was started from here, and then its children go with it
                if os.getpgid(record.pid) == record.pid:
                    os.killpg(record.pid, signal.SIGKILL)
                else:
                    os.kill(record.pid, signal.SIGKILL)
    return f"{run.name} was killed"


def ask_for_checkpoint(run: Run, deadline_s: float = 0.0) -> Checkpoint | None:
    """Ask a run for a checkpoint after the step it is at.

    Args:
        run: the run.
        deadline_s: how long to wait for it; 0 does not wait.

    Returns:
        The checkpoint, None where it was not there by the deadline.

    Raises:
        UserError: it does not run.
    """
    if not run.state.lives:
        raise UserError(f"The run {run.name} is {run.state}: it has no step to keep.")
    request(run.folder, "checkpoint")
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        for stamped in run.refresh():
            if isinstance(stamped.event, Checkpoint):
                return stamped.event
        if not run.state.lives:
            return None
        time.sleep(POLL_S)
    return None


def follow(workspace: Workspace, run: Run, poll_s: float = POLL_S) -> Iterator[list[Stamped]]:
    """The events of a run as they come, until it neither lives nor waits; an empty list where nothing came.

    Raises:
        EnvironmentProblem: its events cannot be read.
    """
    while True:
        yield run.refresh(waiting_names(workspace) if run.state in (RunState.QUEUED, RunState.STOPPED) else ())
        if not run.state.lives and run.state is not RunState.QUEUED:
            return
        time.sleep(poll_s)


def log_tail(path: Path, lines: int = 20) -> list[str]:
    """The end of a run's console log, each line safe to print; of progress bars their last state."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    shown = (one_line(line.rstrip("\r").rpartition("\r")[2], 500) for line in text.split("\n"))
    return [line for line in shown if line][-lines:]


def _wait_for_first_word(folder: RunFolder, started: Started, deadline_s: float) -> Run:
    run = look(folder)
    end = time.monotonic() + deadline_s
    while True:
        code = started.process.poll()  # before the events: what it said before it left is then read
        run.refresh()
        if run.story.last_event is not None and run.story.last_event >= started.at:
            return run
        if code is not None:
            raise _ended_early(run, code)
        if time.monotonic() > end:
            return run
        time.sleep(0.05)


def _ended_early(run: Run, code: int) -> Exception:
    said = log_tail(run.folder.console_log, 4)
    told = f" It said: {' / '.join(said)}" if said else ""
    message = f"The training process of {run.name} ended before it began (exit code {code}).{told}"
    hint = f"{run.folder.console_log} has everything that it said."
    if code == 2:
        return UserError(message, hint)
    return EnvironmentProblem(message, hint) if code == 3 or code < 0 else EngineError(message, hint)
